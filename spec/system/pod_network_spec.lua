-- What pods are attached to: links to the host, and zones.

local killing <const> = require "spec.support.killing"
local refused <const> = require "spec.support.refused"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local HELD <const> = "/run/sdme/netns/pods/"

local clean <const>, inspect <const> = sdme.clean_pods, sdme.inspect_pod

local function within(name, line, ...)
    return shell.run("nsenter --net=%s sh -c %s", HELD .. name, line:format(...))
end

local function reaches(name, address)
    wait.until_true(("%s reaches %s"):format(name, address), function()
        return pcall(within, name, "ping -c 1 -W 1 %s", address)
    end)
end

-- What networks of ours leave on the host.
local function traces()
    return shell.run([[
        ip -br link | grep -oE '^(sdme-|v[ebz]-)[^ @]*'
        nft list tables | grep sdme
        ls %s/pods %s/zones %s/locks %s/staging
        ls /run/systemd/network | grep -v '^05-sdme.network$'
        lsns --noheadings --type net --output NS | sort
        true]], sdme.datadir(), sdme.datadir(), sdme.datadir(), sdme.datadir())
end

-- A network namespace that is another machine, 10.88.0.2 and fd88::2, where the host is ...1, and
-- which knows no way to anything else.
local function make_outside()
    shell.run [[ip netns add outside &&
        ip link add spec-out type veth peer name eth0 netns outside &&
        ip addr add 10.88.0.1/24 dev spec-out && ip link set spec-out up &&
        ip addr add fd88::1/64 dev spec-out nodad &&
        ip -n outside addr add 10.88.0.2/24 dev eth0 && ip -n outside link set eth0 up &&
        ip -n outside addr add fd88::2/64 dev eth0 nodad]]
    scratch.finally(function()
        shell.run "ip link del spec-out; ip netns del outside"
    end)
end

-- The configuration file of the specs' own with one key.
local function configure(line)
    local path <const> = scratch.directory() .. "/sdme.conf"
    shell.run("echo %s >%s", line, path)
    return "SDME_CONFIG=" .. path
end

local function attach(name, to)
    sdme.ok("pod", "net", "attach", name, to)
    for _, network in ipairs(inspect(name).networks) do
        if to == (network.zone and "zone=" .. network.zone or network.kind) then
            return network
        end
    end
end

local function addresses(network)
    return network.address[1]:match "[^/]+", network.address[2]:match "[^/]+"
end

-- What each spec of a group ends with.
local function leaves_nothing()
    local before

    setup(function()
        sdme.ok("pod", "new", "first") -- makes the directories that stay
        attach("first", "veth")
        sdme.ok("pod", "rm", "first")
    end)
    before_each(function()
        before = traces()
    end)
    after_each(function()
        clean()
        wait.until_equal(before, traces)
    end)
end

describe("a pod with a link to the host", function()
    leaves_nothing()

    it("has addresses, by which the host and it reach each other", function()
        sdme.ok("pod", "new", "shop")
        local network <const> = attach("shop", "veth")
        local v4 <const>, v6 <const> = addresses(network)
        assert.matches("^10%.173%.", v4)
        assert.matches("^fd73:646d:65", v6)
        assert.same({ v4, v6 }, inspect("shop").addresses)
        assert.matches(("\nshop%%s+up%%s+-%%s+%s,%s%%s+veth%%s"):format(
            v4:gsub("%.", "%%."), v6), sdme.ok("pod", "ls"))
        shell.run("ping -c 1 -W 5 %s && ping -c 1 -W 5 %s", v4, v6)
        reaches("shop", network.gateway[1])
        reaches("shop", network.gateway[2])
    end)

    it("reaches the outside under the host's address, and other pods under its own", function()
        make_outside()
        sdme.ok("pod", "new", "shop")
        sdme.ok("pod", "new", "other")
        attach("shop", "veth")
        reaches("shop", "10.88.0.2")
        reaches("shop", "fd88::2")
        local v4 <const>, v6 <const> = addresses(attach("other", "veth"))
        reaches("shop", v4)
        reaches("shop", v6)
        shell.run("nsenter --net=%s systemd-run -q --scope true", HELD .. "other")
        shell.run("systemd-run -q --unit spec-peer nsenter --net=%s socat TCP-LISTEN:7000,fork "
            .. "'SYSTEM:echo $SOCAT_PEERADDR'", HELD .. "other")
        scratch.finally(function() shell.run "systemctl stop spec-peer" end)
        local own <const> = addresses(inspect("shop").networks[1])
        wait.until_equal(own .. "\n", function()
            local fine <const>, said <const> =
                pcall(within, "shop", "socat -T2 - TCP:%s:7000 </dev/null && echo", v4)
            return fine and said
        end)
    end)

    it("gets it and loses it while a container runs, which never changes it", function()
        make_outside()
        sdme.ok("pod", "new", "shop")
        sdme.ok("create", "--name", "one", "--pod", "shop", "--started")
        assert.is_false(pcall(sdme.ok, "exec", "one", "ping", "-c1", "-W1", "10.88.0.2"))
        attach("shop", "veth")
        sdme.ok("exec", "one", "ping", "-c1", "-W5", "10.88.0.2")
        assert.not_equal(0, sdme.run("exec", "one", "ip", "link", "set", "eth0", "down").status)
        sdme.ok("pod", "net", "detach", "shop", "veth")
        assert.equal("lo", sdme.ok("exec", "one", "ls", "/sys/class/net"))
        assert.same({}, inspect("shop").networks)
    end)

    it("isn't attached twice, or detached from what it isn't attached to", function()
        sdme.ok("pod", "new", "shop")
        attach("shop", "veth")
        local there <const> = traces()
        assert.equal("sdme pod net detach shop veth",
            refused.by(1, "attach pod shop to veth: it is attached already", "pod", "net", "attach",
                "shop", "veth"))
        assert.equal(there, traces())
        refused.by(1, "detach pod shop from zone=lab: it isn't attached", "pod", "net", "detach",
            "shop", "zone=lab")
        for _, to in ipairs { "", "vet", "zone", "zone=", "zone=a/b", "zone=1234567890123" } do
            refused.by(2, ".*", "pod", "net", "attach", "shop", to)
        end
        refused.by(1, "there is no pod nowhere", "pod", "net", "attach", "nowhere", "veth")
    end)

    it("has interfaces of its own, whatever pods are called", function()
        local links <const> = {}
        for _, name in ipairs { ("a"):rep(15) .. "b", ("a"):rep(15) .. "c", ("a"):rep(64) } do
            sdme.ok("pod", "new", name)
            local network <const> = attach(name, "veth")
            assert.matches("^sdme%-%x+$", network.link)
            assert.is_nil(links[network.link])
            links[network.link] = true
            reaches(name, network.gateway[1])
        end
    end)

    it("takes another name for its interface if somebody has that", function()
        sdme.ok("pod", "new", "shop")
        local taken <const> = attach("shop", "veth").link
        sdme.ok("pod", "net", "detach", "shop", "veth")
        shell.run("ip link add %s type bridge", taken)
        local other <const> = attach("shop", "veth")
        assert.not_equal(taken, other.link)
        reaches("shop", other.gateway[1])
        shell.run("ip link del %s", taken)
    end)

    it("keeps clear of the host's networks, and says so where nothing is left", function()
        sdme.ok("pod", "new", "shop")
        local config <const> = configure 'address_pool = { "10.99.0.0/28" }'
        shell.run [[ip link add spec-net type bridge && ip addr add 10.99.0.1/29 dev spec-net &&
            ip link set spec-net up]]
        scratch.finally(function() shell.run "ip link del spec-net" end)
        local function try(name)
            return sdme.pipe(config, "pod", "net", "attach", name, "veth")
        end
        assert.equal(0, try("shop").status)
        assert.equal("10.99.0.10/29", inspect("shop").networks[1].address[1])
        sdme.ok("pod", "new", "late")
        local there <const> = traces()
        local result <const> = try "late"
        assert.equal(1, result.status)
        assert.matches("sdme: attach pod late to veth: address_pool %(10%.99%.0%.0/28%) has no "
            .. "free network; the route to 10%.99%.0%.0/29 by spec%-net is in it\n"
            .. "hint: sdme config set address_pool NETWORK,...\n", result.err)
        assert.equal(there, traces())
    end)

    it("has the addresses again that it had", function()
        sdme.ok("pod", "new", "shop")
        local first <const> = attach("shop", "veth")
        sdme.ok("pod", "net", "detach", "shop", "veth")
        assert.same(first, attach("shop", "veth"))
    end)

    it("keeps them when networkd is started anew, whatever matches all interfaces", function()
        shell.run [[mkdir -p /etc/systemd/network &&
            printf '[Match]\nName=*\n[Network]\nDHCP=yes\n' >/etc/systemd/network/50-spec.network]]
        scratch.finally(function()
            shell.run "rm /etc/systemd/network/50-spec.network; systemctl restart systemd-networkd"
        end)
        sdme.ok("pod", "new", "shop")
        local v4 <const>, v6 <const> = addresses(attach("shop", "veth"))
        shell.run "systemctl restart systemd-networkd"
        shell.run("ping -c 1 -W 5 %s && ping -c 1 -W 5 %s", v4, v6)
        assert.matches("unmanaged", shell.run("networkctl --no-legend list %s",
            inspect("shop").networks[1].link))
    end)
end)

describe("what a pod is attached to", function()
    leaves_nothing()

    it("is there again after a boot of the host, for its first container", function()
        sdme.ok("pod", "new", "shop")
        sdme.ok("create", "--name", "one", "--pod", "shop")
        local network <const> = attach("shop", "veth")
        shell.run "umount /run/sdme/netns/pods/shop && rm -r /run/sdme && nft flush ruleset"
        shell.run("echo 0 >/proc/sys/net/ipv4/ip_forward")
        wait.until_true("it is gone", function()
            return not shell.succeeds("ip link show %s", network.link)
        end)
        assert.same({}, inspect("shop").addresses)
        sdme.ok("start", "one")
        assert.same(network, inspect("shop").networks[1])
        make_outside()
        sdme.ok("exec", "one", "ping", "-c1", "-W5", "10.88.0.2")
    end)

    it("is mended by the next start, or attachment, when somebody has broken it", function()
        make_outside()
        sdme.ok("pod", "new", "shop")
        local network <const> = attach("shop", "veth")
        sdme.ok("create", "--name", "one", "--pod", "shop")
        for _, line in ipairs {
            "nft flush ruleset", "nft flush chain inet sdme outgoing",
            "ip link del " .. network.link,
        } do
            shell.run(line)
            sdme.ok("start", "one")
            sdme.ok("exec", "one", "ping", "-c1", "-W5", "10.88.0.2")
            sdme.ok("stop", "one", "--kill")
        end
        shell.run "nft flush ruleset"
        refused.by(1, ".*attached already", "pod", "net", "attach", "shop", "veth")
        sdme.ok "doctor"
        reaches("shop", "10.88.0.2")
    end)

    it("is another network when the host has got one that is in the way", function()
        sdme.ok("pod", "new", "shop")
        sdme.ok("create", "--name", "one", "--pod", "shop")
        local network <const> = attach("shop", "veth")
        shell.run("ip link del %s", network.link)
        shell.run("ip link add spec-net type bridge && ip addr add %s dev spec-net && "
            .. "ip link set spec-net up", network.address[1])
        scratch.finally(function() shell.run "ip link del spec-net" end)
        sdme.ok("start", "one")
        local other <const> = inspect("shop").networks[1]
        assert.not_equal(network.address[1], other.address[1])
        sdme.ok("exec", "one", "ping", "-c1", "-W5", other.gateway[1])
    end)

    for _, to in ipairs { "veth", "zone=spec" } do
        it("is whole, or gone with the next command, after SIGKILL: " .. to, function()
            sdme.ok("pod", "new", "k")
            local without <const> = traces()
            local function check(when)
                local there <const> = sdme.run("pod", "net", "detach", "k", to).status == 0
                if not there then
                    sdme.ok("pod", "net", "attach", "k", to)
                    reaches("k", inspect("k").networks[1].gateway[1])
                    sdme.ok("pod", "net", "detach", "k", to)
                end
                sdme.ok "ps"
                wait.until_equal(without, traces)
                return when
            end
            killing.everywhere(2, 0.05, function() end, check, "pod", "net", "attach", "k", to)
        end)
    end

    it("isn't made where nftables is out of reach, and nor is anything else", function()
        sdme.ok("pod", "new", "shop")
        local there <const> = traces()
        local result <const> = sdme.pipe("setpriv --bounding-set=-net_admin", "pod", "net",
            "attach", "shop", "veth")
        assert.equal(1, result.status)
        assert.matches("^sdme: attach pod shop to veth: look for nftables: Operation not permitted",
            result.err)
        assert.equal(there, traces())
    end)
end)

describe("a pod in a zone", function()
    leaves_nothing()

    -- The address that networkd has leased to a container.
    local function leased(name)
        return wait.until_true(name .. " has an address", function()
            return shell.run("machinectl show %s -p Addresses --value 2>/dev/null; true", name)
                :match "192%.168%.%d+%.%d+" or sdme.ok("ps"):match "%s(1[97]2%.%d+%.%d+%.%d+)"
                or sdme.ok("ps"):match "%s(10%.%d+%.%d+%.%d+)"
        end)
    end

    local function start(name)
        sdme.ok("create", "--name", name, "--network-zone", "spec", "--started")
        return leased(name)
    end

    local function assert_together(container, address)
        local own <const> = addresses(inspect("shop").networks[1])
        reaches("shop", address)
        sdme.ok("exec", container, "ping", "-c1", "-W5", own)
    end

    it("and the containers there reach each other, whoever came first", function()
        sdme.ok("pod", "new", "shop")
        local address <const> = start "one"
        attach("shop", "zone=spec")
        assert_together("one", address)
        assert.equal(address, leased "one")
        sdme.ok("rm", "--force", "one")
        assert_together("one", start "one")
    end)

    it("makes the zone, which the last to leave ends", function()
        sdme.ok("pod", "new", "shop")
        attach("shop", "zone=spec")
        assert_together("one", start "one")
        sdme.ok("pod", "net", "detach", "shop", "zone=spec")
        shell.run "ip link show vz-spec"
        sdme.ok("stop", "one")
        assert.is_false(shell.succeeds "ip link show vz-spec")
        wait.until_equal("", function()
            return shell.run "ls /run/systemd/network | grep vz- || true"
        end)
    end)

    it("keeps its addresses when networkd is started anew", function()
        sdme.ok("pod", "new", "shop")
        attach("shop", "zone=spec")
        local address <const> = start "one"
        shell.run "systemctl restart systemd-networkd"
        assert_together("one", address)
        local settled <const> = shell.run "ip addr show vz-spec"
        assert.truthy(settled:find(inspect("shop").networks[1].gateway[1], 1, true))
        shell.run "systemctl reset-failed systemd-networkd"
    end)

    it("has a bridge again that somebody has removed, with the next container", function()
        sdme.ok("pod", "new", "shop")
        sdme.ok("create", "--name", "one", "--pod", "shop")
        local network <const> = attach("shop", "zone=spec")
        shell.run "ip link del vz-spec"
        sdme.ok("start", "one")
        sdme.ok("exec", "one", "ping", "-c1", "-W5", network.gateway[1])
        assert.matches("master vz%-spec", shell.run("ip link show %s", network.link))
    end)

    it("may be in several, and has its way out by the first that is left", function()
        sdme.ok("pod", "new", "shop")
        local veth <const> = attach("shop", "veth")
        local one <const>, two <const> = attach("shop", "zone=one"), attach("shop", "zone=two")
        assert.same({ "eth0", "eth1", "eth2" }, { veth.name, one.name, two.name })
        local function way_out()
            return within("shop", "ip route show default"):match "via (%S+) dev (%S+)"
        end
        assert.same({ veth.gateway[1], "eth0" }, { way_out() })
        sdme.ok("pod", "net", "detach", "shop", "veth")
        assert.same({ one.gateway[1], "eth1" }, { way_out() })
        assert.equal("eth0", attach("shop", "veth").name)
        sdme.ok("pod", "net", "detach", "shop", "zone=one")
        reaches("shop", two.gateway[1])
    end)

    it("works without networkd, for containers too", function()
        shell.run "systemctl stop systemd-networkd.socket systemd-networkd"
        scratch.finally(function() shell.run "systemctl start systemd-networkd" end)
        sdme.ok("pod", "new", "shop")
        attach("shop", "zone=spec")
        sdme.ok("create", "--name", "one", "--network-zone", "spec", "--started")
        local own <const> = sdme.ok("ps"):match "%s(10%.173%.%d+%.%d+)"
        assert_together("one", own)
        sdme.ok("stop", "one")
        scratch.clean()
    end)
end)
