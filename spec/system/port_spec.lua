-- Ports of the host that lead into containers and pods.

local client <const> = require "spec.support.port_client"
local json <const> = require "sdme.json"
local killing <const> = require "spec.support.killing"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local hear <const>, is_open <const> = client.hear, client.is_open
local inside <const>, start <const> = sdme.inside, sdme.start

-- Services in the guest that say who has come.
local function serve(name)
    inside(name, [[
        systemd-run -q socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:'read x; echo tcp $SOCAT_PEERADDR'
        systemd-run -q socat UDP-RECVFROM:5300,fork SYSTEM:'read x; echo udp $SOCAT_PEERADDR'
        for t in tcp:0050 udp:14B4; do
            until grep -q ":${t#*:} 0" /proc/net/${t%:*}; do sleep 0.05; done
        done]])
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

-- Has somebody else take a port of the host.
local function take(words)
    shell.run("systemd-run -q --unit=spec-taken socat " .. words .. " -")
    scratch.finally(function()
        shell.run "systemctl stop spec-taken; systemctl reset-failed spec-taken || true"
    end)
    wait.until_true("it is taken", function() return listening() ~= "" end)
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
        local address <const> = sdme.address_of "web"
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
        local address <const> = sdme.address_of "web"
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
            take(port.socat)
            local result <const> = sdme.run("start", "web")
            assert.equal(1, result.status)
            assert.equal(("sdme: start web: port %s of the host is taken by socat (process %s)\n")
                :format(port.name, shell.run "systemctl show -P MainPID spec-taken")
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
        take "TCP-LISTEN:8080"
        shell.run "systemctl daemon-reload; systemctl start sdme@web.service || true"
        wait.until_true("it is told", function()
            return shell.run("journalctl --no-pager -u %s", "sdme@web.service")
                :find "start web: port tcp 8080 of the host is taken by socat %(process %d+%)"
        end)
        assert.is_false(shell.succeeds "systemctl is-active --quiet sdme@web.service")
        assert.is_false(shell.succeeds "systemctl is-active --quiet sdme-port@web.socket")
    end)

    it("is open at one address only, and answers from the address that was asked", function()
        open("-p", "127.0.0.2:8080:80", "-p", "[::1]:8080:80", "-p", "5353:5300/udp")
        assert.is_true(is_open("127.0.0.2", 8080))
        assert.is_true(is_open("::1", 8080))
        assert.is_false(is_open("127.0.0.1", 8080))
        assert.equal("", translated():gsub("5353 : [0-9.]+", ""))
        -- nc takes answers from where it has sent to only.
        assert.matches("^udp ", hear("udp", "127.0.0.7", 5353))
        assert.matches("^udp ", hear("udp", "127.0.0.1", 5353))
        assert.matches("127%.0%.0%.2:8080:80,%[::1%]:8080:80,udp:5353:5300",
            sdme.ok "ps":match "web[^\n]*")
        assert.equal("127.0.0.2", json.decode(sdme.ok("ps", "--json"))[1].ports[1].address)
    end)

    it("may be at one address what another container has at another", function()
        open("-p", "127.0.0.2:8080:80")
        start("two", "-p", "127.0.0.3:8080:80")
        serve "two"
        assert.is_true(is_open("127.0.0.3", 8080))
        sdme.ok("create", "--name", "three", "-p", "0.0.0.0:8080:80", "-p", "8081:81")
        local refused <const> = sdme.run("start", "three")
        assert.equal(1, refused.status)
        assert.matches("^sdme: start three: port tcp 0%.0%.0%.0:8080 of the host is taken by "
            .. "container %w+\nhint: sdme stop %w+, or take another: sdme set three %-%-port "
            .. "tcp:0%.0%.0%.0:8082:80 %-%-port tcp:8081:81\n$", refused.err)
        sdme.ok("set", "three", "-p", "[::1]:8080:80")
        sdme.ok("start", "three")
    end)

    it("needs an address of the host", function()
        sdme.ok("create", "--name", "web", "-p", "203.0.113.7:8080:80")
        assert.equal("sdme: start web: 203.0.113.7 is no address of the host\n"
            .. "hint: `ip address` shows those it has\n", sdme.run("start", "web").err)
    end)

    it("is one of a range, all of which are found before the start", function()
        open("-p", "8075-8081:75-81")
        assert.is_true(is_open("127.0.0.1", 8080))
        sdme.ok("stop", "web")
        take "TCP-LISTEN:8080,bind=127.0.0.1"
        local refused <const> = sdme.run("start", "web").err
        assert.matches("port tcp 8080 of the host is taken by socat", refused)
        assert.matches("sdme set web %-%-port tcp:8081%-8087:75%-81\n", refused)
    end)

    it("is open to others by IPv6, and without rules of the firewall", function()
        make_outside()
        shell.run [[ip addr add fd88::1/64 dev spec-out nodad &&
            ip -n outside addr add fd88::2/64 dev eth0 nodad]]
        open(table.unpack(PORTS))
        wait.until_true("it is translated", function() return translated() ~= "" end)
        local there <const> = "ip netns exec outside"
        assert.matches("^tcp ", hear("tcp", "fd88::1", 8080, there))
        assert.matches("^udp ", hear("udp", "fd88::1", 5353, there))
        shell.run "nft flush ruleset"
        assert.matches("^tcp ", hear("tcp", "10.88.0.1", 8080, there))
        assert.matches("^udp ", hear("udp", "10.88.0.1", 5353, there))
        sdme.ok("stop", "web")
        assert.equal("", listening())
    end)

    it("is told with the container that has it, where that has the host's network", function()
        start "plain"
        inside("plain", "systemd-run -q socat TCP-LISTEN:8080,fork PIPE")
        wait.until_true("it is taken", function() return listening() ~= "" end)
        sdme.ok("create", "--name", "web", "-p", "8080:80")
        assert.matches("is taken by container plain, socat %(process %d+%)\n",
            sdme.run("start", "web").err)
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

describe("a pod's port", function()
    after_each(sdme.clean_pods)

    local function make(...)
        sdme.ok("pod", "new", "shop", ...)
        start("web", "--pod", "shop")
        serve "web"
    end

    local function assert_open()
        assert.is_true(is_open("127.0.0.1", 8080))
        assert.matches("^udp ", hear("udp", "::1", 5353))
    end

    local function traces()
        return shell.run [[systemctl list-units --all --no-legend 'sdme-pod*'
            ls -d /etc/systemd/system/sdme-pod*@?*.[sd]* 2>/dev/null | grep -v @.service || true]]
    end

    it("is open while a container runs in it", function()
        make("-p", "8080:80", "-p", "5353:5300/udp")
        assert_open()
        start("two", "--pod", "shop", "--userns")
        assert.matches("8080:80,udp:5353:5300", sdme.ok("pod", "ls"))
        assert.equal(8080, json.decode(sdme.ok("pod", "inspect", "shop")).ports[1].host)
        sdme.ok("stop", "web")
        assert.matches("8080", listening())
        sdme.ok("stop", "two")
        wait.until_equal("", listening)
        sdme.ok("start", "web")
        serve "web"
        assert_open()
    end)

    it("is closed when the last container is killed, and leaves nothing of a pod", function()
        make("-p", "8080:80", "-p", "5353:5300/udp")
        assert_open()
        shell.run "systemctl kill --signal=KILL sdme@web.service"
        wait.until_equal("", listening)
        sdme.ok("rm", "web")
        sdme.ok("pod", "rm", "shop")
        wait.until_equal("", traces)
    end)

    it("comes back with the first container after a boot of the host", function()
        make("-p", "8080:80", "-p", "5353:5300/udp")
        sdme.ok("stop", "web")
        wait.until_equal("", listening)
        shell.run "umount /run/sdme/netns/pods/shop; rm -rf /run/sdme"
        shell.run "systemctl daemon-reload; systemctl start sdme@web.service"
        serve "web"
        assert_open()
    end)

    it("changes while it is open", function()
        make("-p", "8081:80")
        sdme.ok("pod", "set", "shop", "-p", "8080:80", "-p", "udp:5353:5300")
        assert_open()
        assert.is_false(is_open("127.0.0.1", 8081))
        sdme.ok("pod", "set", "shop", "-p", "")
        wait.until_equal("", listening)
    end)

    it("stays as it is where it can't be another one", function()
        make("-p", "8080:80", "-p", "udp:5353:5300")
        take "TCP-LISTEN:8079"
        assert.matches("^sdme: pod shop: port tcp 8079 of the host is taken by socat ",
            sdme.run("pod", "set", "shop", "-p", "8079-8080:79-80").err)
        assert_open()
        assert.equal(2, #json.decode(sdme.ok("pod", "inspect", "shop")).ports)
    end)

    it("is what it was or what it is to be, after SIGKILL", function()
        local step = 0
        repeat
            step = step + 1
            sdme.ok("pod", "new", "shop", "-p", "8079:80")
            local killed <const> = killing.at(step, "pod", "set", "shop", "-p", "8080:80")
            local port <const> = json.decode(sdme.ok("pod", "inspect", "shop")).ports[1].host
            assert.is_true(port == 8080 or killed and port == 8079)
            sdme.ok("pod", "rm", "shop")
            wait.until_equal("", traces)
        until not killed
        assert.is_true(step > 3)
        assert.equal("", listening())
    end)

    it("isn't another one's", function()
        make("-p", "8080:80")
        sdme.ok("create", "--name", "two", "--network-veth", "-p", "127.0.0.1:8080:80")
        assert.equal("sdme: start two: port tcp 127.0.0.1:8080 of the host is taken by pod shop\n"
            .. "hint: stop the containers of pod shop, or take another: "
            .. "sdme set two --port tcp:127.0.0.1:8081:80\n", sdme.run("start", "two").err)
        sdme.ok("pod", "new", "other", "-p", "8080:80")
        sdme.ok("set", "two", "--network-veth=no", "--private-network=no", "--port", "",
            "--pod", "other")
        assert.matches("^sdme: pod other: port tcp 8080 of the host is taken by pod shop\n.*"
            .. "sdme pod set other %-%-port tcp:8081:80\n$", sdme.run("start", "two").err)
        sdme.ok("stop", "web")
        sdme.ok("start", "two")
    end)

    it("isn't a container's in it", function()
        sdme.ok("pod", "new", "shop")
        assert.equal("sdme: --pod and --port exclude each other\nhint: the ports of a container "
            .. "in a pod are the pod's: sdme pod set shop --port tcp:8080:80\n",
            sdme.run("create", "--pod", "shop", "-p", "8080:80").err)
        assert.matches("tcp 8080 of the host is given twice",
            sdme.run("pod", "set", "shop", "-p", "8080:80", "-p", "8080:81").err)
    end)
end)
