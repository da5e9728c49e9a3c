local json <const> = require "sdme.json"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

-- A name with no file in the guest, as a shell there would find it.
local function inside(name, line)
    return sdme.ok("exec", name, "sh", "-c", line)
end

local function start(name, ...)
    sdme.ok("create", "--name", name, "--started", ...)
end

-- Its IPv4 address on a network of its own, once it has one.
local function address_of(name)
    return wait.until_true("address of " .. name, function()
        for _, address in ipairs(json.decode(sdme.ok("inspect", name)).addresses) do
            if address:find "^%d+%.%d+%.%d+%.%d+$" then
                return address
            end
        end
    end)
end

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
            local address <const> = address_of "web"
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
            local address <const> = address_of "web"
            assert.same({ address }, json.decode(sdme.ok("inspect", "web")).addresses)
            assert.is_nil(sdme.ok("ps"):find(own, 1, true))
        end)

        it("has an address on a bridge of the host", function()
            make_bridge "br-spec"
            start("web", "--network-bridge", "br-spec", table.unpack(flags))
            assert.matches("^10%.77%.0%.", address_of "web")
            reaches("web", "10.77.0.1")
            assert_own_resolver "web"
        end)

        it("reaches another one of its zone, also by name", function()
            start("one", "--network-zone", "spec", table.unpack(flags))
            start("other", "--network-zone", "spec", table.unpack(flags))
            local address <const> = address_of "other"
            address_of "one"
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
            local address <const> = address_of "web"
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
        address_of "web"
        assert_own_resolver "web"
    end)
end)

-- Services in the guest that say who has come.
local function serve(name)
    inside(name, [[
        systemd-run -q socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:'read x; echo tcp $SOCAT_PEERADDR'
        systemd-run -q socat UDP-RECVFROM:5300,fork SYSTEM:'read x; echo udp $SOCAT_PEERADDR'
        for t in tcp:0050 udp:14B4; do
            until grep -q ":${t#*:} 0" /proc/net/${t%:*}; do sleep 0.05; done
        done]])
end

-- What one hears at a port, or nothing; the prefix is the beginning of a command line.
local function hear(protocol, host, port, prefix)
    local option <const> = protocol == "udp" and "-u -W 1" or "-N"
    local ok, heard = pcall(shell.run, ("echo hello | %s nc %s -w 10 %%s %%s 2>/dev/null"):format(
        prefix or "", option), host, tostring(port))
    return ok and heard or ""
end

local function listening()
    return shell.run "ss -Hltun | grep -E ':(8080|5353) ' || true"
end

-- What systemd translates, and nobody if it is nothing.
local function translated()
    return shell.run "nft list ruleset | grep -oE '(8080|5353) : [0-9.]+' || true"
end

-- A network namespace that is another machine: 10.88.0.2, where the host is 10.88.0.1.
local function make_outside()
    shell.run [[ip netns add outside &&
        ip link add spec-out type veth peer name eth0 netns outside &&
        ip addr add 10.88.0.1/24 dev spec-out && ip link set spec-out up &&
        ip -n outside addr add 10.88.0.2/24 dev eth0 && ip -n outside link set eth0 up]]
    scratch.finally(function()
        shell.run "ip link del spec-out; ip netns del outside"
    end)
end

local PORTS <const> = { "--network-veth", "-p", "8080:80", "-p", "udp:5353:5300" }

describe("a container's port", function()
    after_each(sdme.clean)

    local function open(...)
        start("web", ...)
        serve "web"
    end

    local function assert_open()
        assert.matches("^tcp ", hear("tcp", "127.0.0.1", 8080))
        assert.matches("^udp ", hear("udp", "127.0.0.1", 5353))
    end

    for _, flags in ipairs { {}, { "--userns" } } do
        it("is open on the host's loopback" .. (flags[1] and " with a user namespace" or ""),
            function()
                open(flags[1] or "--network-veth", table.unpack(PORTS))
                for _, host in ipairs { "127.0.0.1", "::1" } do
                    assert.matches("^tcp ", hear("tcp", host, 8080))
                    assert.matches("^udp ", hear("udp", host, 5353))
                end
            end)
    end

    it("is open on the host's other addresses, and to others, who are told apart", function()
        make_outside()
        open(table.unpack(PORTS))
        local address <const> = address_of "web"
        wait.until_equal(2, function()
            return select(2, translated():gsub(address, "%0"))
        end)
        assert.matches("^tcp ", hear("tcp", "10.88.0.1", 8080))
        assert.matches("^udp ", hear("udp", "10.88.0.1", 5353))
        local there <const> = "ip netns exec outside"
        assert.equal("tcp 10.88.0.2", hear("tcp", "10.88.0.1", 8080, there))
        assert.equal("udp 10.88.0.2", hear("udp", "10.88.0.1", 5353, there))
    end)

    it("is closed when the container stops, and nothing of it stays", function()
        open(table.unpack(PORTS))
        wait.until_true("it is translated", function() return translated() ~= "" end)
        assert_open()
        sdme.ok("stop", "web")
        assert.equal("", listening())
        assert.equal("", translated())
        sdme.ok("rm", "web")
        assert.equal("", sdme.traces())
    end)

    it("is closed when the container is killed, and open when it is started again", function()
        make_outside()
        open(table.unpack(PORTS))
        wait.until_true("it is translated", function() return translated() ~= "" end)
        sdme.ok("stop", "web", "--kill")
        assert.equal("", listening())
        assert.equal("", translated())
        sdme.ok("start", "web")
        serve "web"
        assert_open()
        local address <const> = address_of "web"
        wait.until_equal(2, function()
            return select(2, translated():gsub(address, "%0"))
        end)
        assert.equal("tcp 10.88.0.2", hear("tcp", "10.88.0.1", 8080, "ip netns exec outside"))
    end)

    it("is closed when systemd-nspawn is killed, and when the container is removed", function()
        open(table.unpack(PORTS))
        wait.until_true("it is translated", function() return translated() ~= "" end)
        assert_open()
        shell.run "systemctl kill --kill-whom=main --signal=KILL sdme@web.service"
        wait.until_equal("", listening)
        wait.until_equal("", translated)
        sdme.ok("start", "web")
        sdme.ok("rm", "--force", "web")
        assert.equal("", listening())
        wait.until_equal("", sdme.traces)
    end)

    it("is open again after the guest has rebooted, and after its unit was restarted", function()
        open(table.unpack(PORTS))
        assert_open()
        local function boot()
            local result <const> = sdme.run("exec", "web", "stat", "-c", "%Y", "/proc/1")
            return result.status == 0 and result.out
        end
        local first <const> = boot()
        sdme.run("exec", "web", "systemctl", "reboot")
        wait.until_true("it has rebooted", function()
            return boot() and boot() ~= first
        end)
        shell.run "systemctl start sdme@web.service" -- returns when that job is done
        serve "web"
        assert_open()
        shell.run "systemctl restart sdme@web.service"
        serve "web"
        assert_open()
    end)

    it("is open again after whoever forwards was killed, many times over", function()
        open(table.unpack(PORTS))
        for _ = 1, 8 do
            assert_open()
            local pid <const> =
                shell.run "systemctl show -p MainPID --value sdme-port@web.service"
            shell.run("kill -9 %s", pid)
            wait.until_true("it is dead", function()
                return not shell.succeeds("test -e /proc/%s/exe", pid)
            end)
        end
        assert_open()
    end)

    it("is not in the way of a restart", function()
        open(table.unpack(PORTS))
        assert_open()
        for _ = 1, 3 do
            sdme.ok("restart", "web")
            serve "web"
            assert_open()
        end
    end)

    it("is another one after a change and a restart", function()
        open("--network-veth", "-p", "8080:80")
        sdme.ok("set", "web", "--port", "udp:5353:5300")
        assert.matches("^tcp ", hear("tcp", "127.0.0.1", 8080))
        shell.run "systemctl restart sdme@web.service" -- as a reboot of the guest would
        serve "web"
        assert.equal("", hear("tcp", "127.0.0.1", 8080))
        assert.matches("^udp ", hear("udp", "127.0.0.1", 5353))
        sdme.ok("set", "web", "--port", "")
        sdme.ok("restart", "web")
        assert.equal("", listening())
    end)

    for _, port in ipairs {
        { socat = "TCP-LISTEN:8080,bind=127.0.0.1", name = "tcp 8080",
            hint = "--port tcp:8081:80 --port udp:5353:5300" },
        { socat = "TCP6-LISTEN:8080,bind=[::1]", name = "tcp 8080",
            hint = "--port tcp:8081:80 --port udp:5353:5300" },
        { socat = "-u UDP-RECV:5353", name = "udp 5353",
            hint = "--port tcp:8080:80 --port udp:5354:5300" },
    } do
        it("is missed before the start if it is taken: " .. port.socat, function()
            sdme.ok("create", "--name", "web", table.unpack(PORTS))
            shell.run("systemd-run -q --unit=spec-taken socat " .. port.socat .. " -")
            scratch.finally(function()
                shell.run "systemctl stop spec-taken; systemctl reset-failed spec-taken || true"
            end)
            wait.until_true("it is taken", function() return listening() ~= "" end)
            local result <const> = sdme.run("start", "web")
            assert.equal(1, result.status)
            assert.equal(("sdme: start web: port %s of the host is taken\n"):format(port.name)
                .. "hint: end what has it, or take another: sdme set web " .. port.hint .. "\n",
                result.err)
        end)
    end

    it("belongs to one container at a time", function()
        open(table.unpack(PORTS))
        sdme.ok("create", "--name", "two", table.unpack(PORTS))
        assert.equal("sdme: start two: port tcp 8080 of the host is taken by container web\n"
            .. "hint: sdme stop web, or take another: sdme set two --port tcp:8081:80 "
            .. "--port udp:5353:5300\n", sdme.run("start", "two").err)
        assert_open()
        sdme.ok("stop", "web")
        sdme.ok("start", "two")
        serve "two"
        assert_open()
    end)

    for _, port in ipairs { "8080:80", "udp:5353:5300" } do
        it("belongs to one container when systemd starts several at once: " .. port, function()
            local names <const> = { "one", "two", "three" }
            for _, name in ipairs(names) do
                sdme.ok("create", "--name", name, "--network-veth", "-p", port)
            end
            shell.run "systemctl daemon-reload"
            shell.run "systemctl start sdme@one sdme@two sdme@three || true"
            local running <const>, refused <const> = {}, {}
            for _, name in ipairs(names) do
                local unit <const> = ("sdme@%s.service"):format(name)
                local up <const> = shell.succeeds("systemctl is-active %s", unit)
                table.insert(up and running or refused, name)
                assert.equal(up, shell.succeeds("systemctl is-active sdme-port@%s.socket", name))
            end
            assert.equal(1, #running)
            for _, name in ipairs(refused) do
                wait.until_true("the journal tells why", function()
                    return shell.run("journalctl --no-pager -u sdme@%s", name):find(
                        ("start %s: port %s of the host is taken by container %s"):format(name,
                            port:find "udp" and "udp 5353" or "tcp 8080", running[1]), 1, true)
                end)
            end
            serve(running[1])
            local protocol <const> = port:match "udp" or "tcp"
            assert.matches("^" .. protocol, hear(protocol, "127.0.0.1",
                protocol == "udp" and 5353 or 8080))
        end)
    end

    it("is named in the journal if it is taken where nobody looks before", function()
        sdme.ok("create", "--name", "web", "--network-veth", "-p", "8080:80")
        shell.run "systemd-run -q --unit=spec-taken socat TCP-LISTEN:8080 -"
        scratch.finally(function()
            shell.run "systemctl stop spec-taken; systemctl reset-failed spec-taken || true"
        end)
        wait.until_true("it is taken", function() return listening() ~= "" end)
        shell.run "systemctl daemon-reload; systemctl start sdme@web.service"
        wait.until_true("it is told", function()
            return shell.run("journalctl --no-pager -u %s", "sdme-port@web.socket")
                :find "listening socket %(127%.0%.0%.1:8080%)"
        end)
        assert.equal("active", shell.run "systemctl is-active sdme@web.service")
    end)

    it("is forwarded with two capabilities, and for a while only", function()
        open(table.unpack(PORTS))
        assert.equal("inactive", shell.run "systemctl is-active sdme-port@web.service || true")
        assert_open()
        local pid <const> = shell.run "systemctl show -p MainPID --value sdme-port@web.service"
        assert.equal("CapEff:\t0000000000280000\nNoNewPrivs:\t1",
            shell.run("grep -E '^(CapEff|NoNewPrivs):' /proc/%s/status", pid))
    end)
end)
