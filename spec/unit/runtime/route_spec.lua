local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local link <const>, netns <const>, route <const> = core.link, core.netns, core.route

local function inside(descriptor, line)
    return shell.run("PATH=$PATH:/usr/sbin:/sbin nsenter --net=/proc/%s/fd/%s sh -c %s",
        tostring(core.process.identity().pid), tostring(descriptor:fileno()), line)
end

describe("core.route", function()
    local here, there

    -- Two namespaces and a link between them.
    before_each(function()
        needs.root()
        needs.program("ip", "nsenter", "ping")
        here, there = assert(netns.create()), assert(netns.create())
        assert(link.add_veth { name = "a", netns = here, peer = "b", peer_netns = there })
        assert(link.set_up { name = "a", netns = here })
        assert(link.set_up { name = "b", netns = there })
    end)

    after_each(function()
        here:close()
        there:close()
        wait.alone()
    end)

    local function address(where, name, text)
        assert(route.add_address { netns = where, link = name, address = text })
    end

    it("gives both ends addresses by which they reach each other at once", function()
        address(here, "a", "10.88.0.1/24")
        address(there, "b", "10.88.0.2/24")
        address(here, "a", "fd00:88::1/64")
        address(there, "b", "fd00:88::2/64")
        inside(here, "ping -c 1 -W 5 10.88.0.2 && ping -c 1 -W 5 fd00:88::2")
        assert.same({ "10.88.0.1", "fd00:88::1" }, (netns.addresses(here)))
        assert.matches("fd00:88::1/64 scope global nodad", inside(here, "ip -6 addr show a"))
    end)

    it("gives an address once, and takes it away once", function()
        for _, text in ipairs { "10.88.0.1/24", "fd00:88::1/64" } do
            local given <const> = { netns = here, link = "a", address = text }
            for _ = 1, 2 do
                assert(route.add_address(given))
            end
            assert.equal(1, select(2, inside(here, "ip addr show a"):gsub(text, "", 2)))
            for _ = 1, 2 do
                assert(route.remove_address(given))
            end
        end
        assert.same({}, (netns.addresses(here)))
    end)

    it("sets routes, which replace those to the same network", function()
        address(here, "a", "10.88.0.1/24")
        address(here, "a", "fd00:88::1/64")
        local function add(to, gateway)
            assert(route.add { netns = here, to = to, link = "a", gateway = gateway })
        end
        add("0.0.0.0/0", "10.88.0.2")
        add("0.0.0.0/0", "10.88.0.3")
        add("::/0", "fd00:88::2")
        add("10.99.0.0/16")
        assert.equal("default via 10.88.0.3 dev a proto static",
            inside(here, "ip route show default"):match "^(.-)%s*$")
        assert.matches("^default via fd00:88::2 dev a proto static",
            inside(here, "ip -6 route show default"))
        assert.matches("10%.99%.0%.0/16 dev a proto static scope link", inside(here, "ip route"))
    end)

    it("lists routes as ip does, whatever their table", function()
        address(here, "a", "10.88.0.1/24")
        address(here, "a", "fd00:88::1/64")
        inside(here, [[ip route add default via 10.88.0.2
            ip route add 10.77.0.0/16 via 10.88.0.2 table 77
            ip route add blackhole 10.66.0.0/16]])
        local found <const> = {}
        for _, one in ipairs(assert(route.list { netns = here })) do
            found[one.to] = ("%s %s"):format(one.link, one.gateway or "-")
        end
        assert.equal("a 10.88.0.2", found["0.0.0.0/0"])
        assert.equal("a 10.88.0.2", found["10.77.0.0/16"])
        assert.equal("a -", found["10.88.0.0/24"])
        assert.equal("a -", found["fd00:88::/64"])
        assert.is_nil(found["10.66.0.0/16"])
        assert.is_nil(found["10.88.0.1/32"])
    end)

    it("lists those of the caller's namespace, where no other is named", function()
        local own <const> = {}
        for _, one in ipairs(assert(route.list())) do
            own[#own + 1] = one.to == "0.0.0.0/0" and one.gateway or nil
        end
        assert.equal(shell.run "PATH=$PATH:/usr/sbin:/sbin ip route show default"
            :match "via (%S+)", own[1])
    end)

    it("tells an interface the hardware address of a neighbour", function()
        address(here, "a", "10.88.0.1/24")
        address(here, "a", "fd00:88::1/64")
        for _, text in ipairs { "10.88.0.9", "fd00:88::9" } do
            for _, hardware in ipairs { "02:00:00:00:00:01", "02:00:00:00:00:Fe" } do
                assert(route.add_neighbour {
                    netns = here, link = "a", address = text, hardware = hardware,
                })
            end
            assert.matches(text .. " dev a lladdr 02:00:00:00:00:fe PERMANENT",
                inside(here, "ip neigh"))
        end
    end)

    it("says what can't be done to which interface", function()
        local _, message, code =
            route.add_address { netns = here, link = "nowhere", address = "10.0.0.1/8" }
        assert.equal("find network interface nowhere: No such device", message)
        assert.equal("ENODEV", code)
        message = select(2, route.add {
            netns = here, link = "a", to = "0.0.0.0/0", gateway = "10.1.2.3",
        })
        assert.equal("set route to 0.0.0.0/0 by a: Network is unreachable", message)
        code = select(3, route.add {
            netns = here, link = "a", to = "0.0.0.0/0", gateway = "fd00::1",
        })
        assert.equal("EINVAL", code)
    end)

    it("takes nothing for an address that is none", function()
        for _, text in ipairs {
            "", "/", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/ 8", "10.0.0.1/0008",
            "10.0.0/8", "10.0.0.1/8/8", "::1/129", "fd00::g", ("1"):rep(100), ":/1",
        } do
            assert.error_matches(function()
                route.add_address { netns = here, link = "a", address = text }
            end, "is no address or network")
        end
        for _, text in ipairs { "", "2:0:0:0:0:1", "02:00:00:00:00:0g", "02:00:00:00:00:001",
            "02:00:00:00:00-01", "02:00:00:00:00:0\x10" } do
            assert.error_matches(function()
                route.add_neighbour { link = "a", address = "10.0.0.1", hardware = text }
            end, "is no address such as")
        end
        assert.error_matches(function() route.add { link = "a" } end, "'to' is needed")
        assert.error_matches(function() route.list { nets = here } end, "nets")
    end)
end)

describe("core.link in namespaces", function()
    local here, there

    before_each(function()
        needs.root()
        needs.program("ip", "nsenter")
        here, there = assert(netns.create()), assert(netns.create())
    end)

    after_each(function()
        here:close()
        there:close()
        wait.alone()
    end)

    it("makes both ends of a link where they belong, down", function()
        assert(link.add_veth { name = "a", netns = here, peer = "b", peer_netns = there })
        assert.matches("^lo%s[^\n]*\na@%S+%s+DOWN", inside(here, "ip -br link"))
        assert.matches("^lo%s[^\n]*\nb@%S+%s+DOWN", inside(there, "ip -br link"))
    end)

    it("makes neither end where a name is taken", function()
        assert(link.add_bridge { name = "b", netns = there })
        local _, message, code =
            link.add_veth { name = "a", netns = here, peer = "b", peer_netns = there }
        assert.equal("EEXIST", code)
        assert.equal("make network interfaces a and b: File exists", message)
        assert.matches("^lo%s[^\n]*$", inside(here, "ip -br link"))
        assert.equal("EEXIST", select(3, link.add_bridge { name = "b", netns = there }))
    end)

    it("puts interfaces in a bridge, and takes them out", function()
        assert(link.add_bridge { name = "br", netns = here })
        assert(link.add_veth { name = "a", netns = here, peer = "b", peer_netns = there })
        assert(link.set_bridge { name = "a", bridge = "br", netns = here })
        assert.matches("a@", inside(here, "ip -br link show master br"))
        assert(link.set_bridge { name = "a", netns = here })
        assert.equal("", inside(here, "ip -br link show master br"))
        assert.equal("ENODEV",
            select(3, link.set_bridge { name = "a", bridge = "nowhere", netns = here }))
    end)

    it("sets interfaces up and down", function()
        assert(link.add_bridge { name = "br", netns = here })
        assert(link.set_up { name = "br", netns = here })
        assert.matches("[<,]UP[,>]", inside(here, "ip link show br"))
        assert(link.set_up { name = "br", netns = here, up = false })
        assert.falsy(inside(here, "ip link show br"):find "[<,]UP[,>]")
    end)

    it("moves an interface, under another name", function()
        assert(link.add_veth { name = "a", netns = here, peer = "b", peer_netns = here })
        assert(link.move { name = "b", netns = here, to = there, as = "eth0" })
        assert.matches("eth0@", inside(there, "ip -br link"))
        assert(link.move { name = "a", netns = here, to = there })
        assert.matches("^lo%s[^\n]*$", inside(here, "ip -br link"))
        assert.equal("EEXIST", select(3, link.move {
            name = "eth0", netns = there, to = there, as = "a",
        }))
    end)

    it("works in the caller's namespace where no other is named", function()
        shell.lua([[
            local core = require "sdme.core"
            assert(core.netns.enter(assert(core.netns.create())))
            assert(core.link.add_veth { name = "a", peer = "b" })
            assert(core.link.set_up { name = "a" })
            assert(core.route.add_address { link = "a", address = "10.1.1.1/24" })
            assert(#core.route.list() == 1 or #core.route.list() == 0)
            local other <close> = assert(core.netns.create())
            assert(core.link.add_veth { name = "c", netns = other, peer = "d" })
            assert(core.link.set_up { name = "d" })]])
    end)

    it("takes no name that an interface can't have", function()
        for _, name in ipairs { "", ".", "..", "a/b", "a b", "a:b", ("x"):rep(16) } do
            local _, message, code = link.add_bridge { name = name, netns = here }
            assert.equal("EINVAL", code)
            assert.equal(("'%s' is no name for a network interface"):format(name), message)
            assert.equal("EINVAL", select(3, link.add_veth { name = "a", peer = name }))
            assert.equal("EINVAL", select(3, link.set_up { name = name, netns = here }))
        end
        assert.equal("EINVAL",
            select(3, link.set_up { name = "lo", netns = assert(io.open "/dev/null") }))
        assert.error_matches(function() link.add_veth { name = "a" } end, "'peer' is needed")
        assert.error_matches(function() link.move { name = "a" } end, "'to' is needed")
    end)
end)
