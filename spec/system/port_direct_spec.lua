-- Connections of the host's own to ports of containers, which need nobody who forwards.

local client <const> = require "spec.support.port_client"
local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local stage <const> = require "spec.support.stage"
local wait <const> = require "spec.support.wait"

local hear <const>, inside <const>, start <const> = client.hear, sdme.inside, sdme.start

-- A network namespace that the host has a link to: 10.87.0.2, where the host is 10.87.0.1.
local function make_beyond()
    shell.run [[ip netns add beyond &&
        ip link add spec-beyond type veth peer name eth0 netns beyond &&
        ip addr add 10.87.0.1/24 dev spec-beyond && ip link set spec-beyond up &&
        ip -n beyond addr add 10.87.0.2/24 dev eth0 && ip -n beyond link set eth0 up &&
        ip -n beyond link set lo up]]
    scratch.finally(function()
        shell.run "ip netns del beyond"
    end)
    return assert(core.netns.open "/run/netns/beyond")
end

describe("a connection from the host's loopback", function()
    after_each(sdme.clean)

    local ADDRESS <const> = "10.77.0.2"

    -- What has connections to the container: the client itself, or who forwards for it. The client
    -- stays meanwhile, for the service waits for a word.
    local function way(words)
        local _ <close> = assert(core.process.spawn {
            argv = { "socat", "-", "TCP:127.0.0.1:8080" .. (words or "") }, stdin = "pipe",
            stdout = "null", stderr = "null",
        })
        return wait.until_true("a connection from the host", function()
            local found <const> = {}
            for name in shell.run "ss -Htnp state established '( dport = :80 )' || true"
                :gmatch '"([^"]+)"' do
                found[#found + 1] = name
            end
            return #found > 0 and table.concat(found, " ")
        end)
    end

    local function open(bind)
        start("web", "--network-veth", "--address", ADDRESS .. "/24", "-p", "8080:80")
        inside("web", "systemd-run -q --unit=service socat TCP-LISTEN:80,fork,reuseaddr" .. bind
            .. " SYSTEM:'read x; echo tcp $SOCAT_PEERADDR'; "
            .. "until grep -q ':0050 0' /proc/net/tcp; do sleep 0.05; done")
    end

    local function first()
        assert.matches("^tcp ", hear("tcp", "127.0.0.1", 8080))
    end

    it("can be had on this host, as doctor says", function()
        assert.matches("direct%-ports +yes ", sdme.run("doctor").out)
        assert.matches("direct%-ports +unknown ",
            sdme.pipe("setpriv --reuid 65534 --clear-groups", "doctor").out)
    end)

    it("goes straight to the container once one of them has", function()
        open ""
        assert.equal("tcp 10.77.0.1", hear("tcp", "127.0.0.1", 8080))
        assert.equal("socat", way())
        assert.equal("tcp 10.77.0.1", hear("tcp", "127.0.0.1", 8080))
    end)

    it("is forwarded again when whoever forwards was killed, or it stops", function()
        open ""
        first()
        shell.run "systemctl kill -s KILL sdme-port@web.service"
        wait.until_equal("", function()
            return shell.run [[systemctl show -p MainPID --value sdme-port@web.service |
                grep -v ^0 || true]]
        end)
        assert.equal("sdme", way())
        sdme.ok("stop", "web")
        assert.is_false(client.is_open("127.0.0.1", 8080))
        assert.is_false(client.is_open(ADDRESS, 80))
    end)

    it("is forwarded where it begins at an address, or isn't the host's own", function()
        open ""
        first()
        assert.equal("sdme", way ",bind=127.0.0.1")
        assert.equal("", inside("web", "echo x | nc -N 127.0.0.1 8080 2>&1 || true"))
        shell.run "ip netns add outside && ip -n outside link set lo up"
        scratch.finally(function() shell.run "ip netns del outside" end)
        assert.equal("", hear("tcp", "127.0.0.1", 8080, "ip netns exec outside"))
    end)

    it("is forwarded where the service listens on its loopback alone", function()
        open ",bind=127.0.0.1"
        for _ = 1, 3 do
            assert.matches("^tcp 127%.0%.0%.1", hear("tcp", "127.0.0.1", 8080))
        end
    end)

    it("is forwarded where the host's firewall has no way to the container", function()
        open ""
        shell.run [[nft add table ip spec && nft add chain ip spec out \
            '{ type filter hook output priority 0; }' && nft add rule ip spec out \
            ip daddr 10.77.0.2 drop]]
        scratch.finally(function() shell.run "nft delete table ip spec" end)
        for _ = 1, 3 do
            assert.equal("tcp " .. ADDRESS, hear("tcp", "127.0.0.1", 8080))
        end
    end)

    -- As above, but with what forwards in this process.
    it("is forwarded again after a time, and finds a service that listens elsewhere", function()
        local netns <const> = make_beyond()
        local acts <close> = stage.open()
        local socket <close>, number <const> = assert(core.port.listen("tcp", "127.0.0.1", 0))
        local function serve_at(address)
            local process <const> = acts:spawn {
                argv = { "ip", "netns", "exec", "beyond", "socat",
                    "TCP-LISTEN:80,fork,reuseaddr,bind=" .. address,
                    "SYSTEM:echo $SOCAT_PEERADDR" },
                stdin = "null", stderr = "null",
            }
            wait.until_true("somebody listens", function()
                return shell.succeeds("ip netns exec beyond ss -Hltn | grep -q %s",
                    address .. ":80")
            end)
            return process
        end
        local function heard()
            local visitor <const> = acts:spawn {
                argv = { "socat", "-t", "10", "-", "TCP:127.0.0.1:" .. number }, stdin = "null",
                stdout = "pipe", stderr = "null",
            }
            return (acts:finish(acts:add(core.stream.reader(visitor:stdout()))))
        end
        local before <const> = serve_at "10.87.0.2"
        acts:add(assert(core.port.forward {
            netns = netns, ports = { { socket, 80 } }, direct = 2,
            link = assert(math.tointeger(core.file.read "/sys/class/net/spec-beyond/ifindex")),
        }))
        assert.equal("10.87.0.1\n", heard())
        before:kill "KILL"
        acts:finish(acts:add(before:wait()))
        serve_at "127.0.0.1"
        acts:run_until(function() return heard() == "127.0.0.1\n" end, "it is found")
    end)
end)
