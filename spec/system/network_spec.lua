local json <const> = require "sdme.json"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local inside <const>, start <const> = sdme.inside, sdme.start

local function reaches(from, to)
    wait.until_true(("%s reaches %s"):format(from, to), function()
        return sdme.run("exec", from, "ping", "-c", "1", "-W", "1", to).status == 0
    end)
end

local function assert_own_resolver(name)
    assert.matches("nameserver 127%.0%.0%.53", inside(name, "cat /etc/resolv.conf"))
    assert.equal("active", inside(name, "systemctl is-active systemd-resolved"))
    assert.equal("active", inside(name, "systemctl is-active systemd-networkd"))
    assert.matches(name, inside(name, "getent hosts " .. name))
end

-- A bridge on which the host gives addresses.
local function make_bridge(name)
    local path <const> = "/run/systemd/network/10-" .. name .. ".network"
    shell.run([[ip link add %s type bridge && mkdir -p /run/systemd/network &&
        printf '[Match]\nName=%%s\n[Network]\nAddress=10.77.0.1/24\nDHCPServer=yes\n' %s >%s &&
        networkctl reload && ip link set %s up]], name, name, path, name)
    scratch.finally(function()
        shell.run("rm %s; ip link del %s; networkctl reload", path, name)
    end)
end

for _, flags in ipairs { {}, { "--userns" } } do
    local kind <const> = flags[1] and " with a user namespace" or ""

    describe("a container" .. kind, function()
        after_each(sdme.clean)

        it("shares the network and the resolver of the host", function()
            start("web", table.unpack(flags))
            assert.equal(shell.run "readlink /proc/self/ns/net",
                inside("web", "readlink /proc/self/ns/net"))
            assert.equal(shell.run "cat /etc/resolv.conf", inside("web", "cat /etc/resolv.conf"))
            assert.equal("masked",
                inside("web", "systemctl is-enabled systemd-resolved || true"))
            assert.equal(shell.run "ip -br addr", inside("web", "ip -br addr"))
        end)

        it("has nothing but loopback on a private network", function()
            start("web", "--private-network", table.unpack(flags))
            assert.matches("^lo%s[^\n]*$", inside("web", "ip -br link"))
            assert.matches("127%.0%.0%.1/8", inside("web", "ip -br addr show lo"))
            assert.equal(0, #json.decode(sdme.ok("inspect", "web")).addresses)
        end)

        it("has an address on a link to the host, and a resolver of its own", function()
            start("web", "--network-veth", table.unpack(flags))
            local address <const> = sdme.address_of "web"
            assert.is_truthy(sdme.ok("ps"):find(address, 1, true))
            assert.is_true(shell.succeeds("ping -c 1 -W 5 %s", address))
            reaches("web", inside("web", "ip -4 route show default"):match "via (%S+)")
            assert_own_resolver "web"
        end)

        it("doesn't count an address that it gives itself", function()
            start("web", "--network-veth", table.unpack(flags))
            local own <const> = wait.until_true("it has one", function()
                return inside("web", "ip -6 -br addr show dev host0 scope link -tentative")
                    :match "fe80:%x*:[%x:]+"
            end)
            assert.matches(own, shell.run "machinectl list --max-addresses=all", 1, true)
            local address <const> = sdme.address_of "web"
            assert.same({ address }, json.decode(sdme.ok("inspect", "web")).addresses)
            assert.is_nil(sdme.ok("ps"):find(own, 1, true))
        end)

        it("has an address on a bridge of the host", function()
            make_bridge "br-spec"
            start("web", "--network-bridge", "br-spec", table.unpack(flags))
            assert.matches("^10%.77%.0%.", sdme.address_of "web")
            reaches("web", "10.77.0.1")
            assert_own_resolver "web"
        end)

        it("reaches another one of its zone, also by name", function()
            start("one", "--network-zone", "spec", table.unpack(flags))
            start("other", "--network-zone", "spec", table.unpack(flags))
            local address <const> = sdme.address_of "other"
            sdme.address_of "one"
            reaches("one", address)
            reaches("one", "other")
            assert_own_resolver "one"
            sdme.ok("stop", "one", "other")
            wait.until_true("the bridge of the zone is gone", function()
                return not shell.succeeds "ip link show vz-spec"
            end)
        end)
    end)
end

describe("a container's network", function()
    after_each(sdme.clean)

    it("is not there without the bridge that it needs", function()
        make_bridge "br-spec"
        sdme.ok("create", "--name", "web", "--network-bridge", "br-spec")
        scratch.clean()
        local result <const> = sdme.run("start", "web")
        assert.equal(1, result.status)
        assert.matches("network%-bridge of web: /sys/class/net/br%-spec is gone", result.err)
    end)

    it("has the same address for every container of its name", function()
        make_bridge "br-spec"
        local first
        for _ = 1, 3 do
            start("web", "--network-bridge", "br-spec")
            local address <const> = sdme.address_of "web"
            first = first or address
            assert.equal(first, address)
            sdme.ok("stop", "web")
            sdme.ok("rm", "web")
        end
    end)

    it("may be another one after a change", function()
        sdme.ok("create", "--name", "web")
        sdme.ok("set", "web", "--network-veth")
        sdme.ok("start", "web")
        sdme.address_of "web"
        assert_own_resolver "web"
    end)
end)
