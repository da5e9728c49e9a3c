-- Containers that are given an address, whatever their init is, and may ask for none.

local json <const> = require "sdme.json"
local refused <const> = require "spec.support.refused"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local inside <const> = sdme.inside

local function addresses_of(name)
    return json.decode(sdme.ok("inspect", name)).addresses
end

local function traces()
    return shell.run [[
        ip -br link | grep -oE '^(sdme-|v[ebz]-)[^ @]*'
        nft list tables | grep sdme
        ls /run/systemd/network | grep vz-
        true]]
end

describe("a container with --address", function()
    before_each(function() sdme.ok "ps" end)
    after_each(function()
        sdme.clean()
        wait.until_equal("", traces)
    end)

    for _, flags in ipairs { {}, { "--userns" } } do
        it("auto has one of the pool before its boot " .. (flags[1] or ""), function()
            sdme.ok("create", "--name", "web", "--network-veth", "--address", "auto", "--started",
                table.unpack(flags))
            local found <const> = addresses_of "web"
            assert.matches("^10%.173%.", found[1])
            assert.matches("^fd73:646d:65", found[2])
            shell.run("ping -c 1 -W 5 %s && ping -c 1 -W 5 %s", found[1], found[2])
            assert.matches("^default via 10%.173%.", inside("web", "ip route show default"))
            assert.equal(shell.run "cat /run/systemd/resolve/resolv.conf",
                inside("web", "cat /etc/resolv.conf"))
            assert.not_equal(0, sdme.run("exec", "web", "ip", "link", "set", "eth0", "down").status)
            wait.until_equal("running", function()
                return sdme.run("exec", "web", "systemctl", "is-system-running").out:match "%S+"
            end)
        end)
    end

    it("has the same one at each start, and none that is in the way", function()
        sdme.ok("create", "--name", "web", "--network-veth", "--address", "auto", "--started")
        local found <const> = addresses_of "web"
        sdme.ok("restart", "web")
        assert.same(found, addresses_of "web")
        shell.run "systemctl kill --kill-whom=main --signal=KILL sdme@web.service"
        wait.until_equal("", traces)
        sdme.ok("start", "web")
        assert.same(found, addresses_of "web")
        sdme.ok("stop", "web")
        shell.run("ip link add spec-net type bridge && ip addr add %s/24 dev spec-net && "
            .. "ip link set spec-net up", found[1])
        scratch.finally(function() shell.run "ip link del spec-net" end)
        sdme.ok("start", "web")
        assert.not_equal(found[1], addresses_of("web")[1])
    end)

    it("has the one that was asked for", function()
        sdme.ok("create", "--name", "web", "--network-veth", "--address", "10.5.0.9/24",
            "--address", "fd55::9", "--started")
        assert.same({ "10.5.0.9", "fd55::9" }, addresses_of "web")
        inside("web", "ping -c 1 -W 5 10.5.0.1 && ping -c 1 -W 5 fd55::1")
        sdme.ok("create", "--name", "two", "--network-veth", "--address", "10.5.0.10/24")
        assert.equal(1, sdme.run("start", "two").status)
        assert.matches("start two: 10%.5%.0%.10/24 is in use by 10%.5%.0%.9/24",
            sdme.ok("logs", "two"))
        sdme.ok("set", "web", "--address", "")
        assert.is_nil(json.decode(sdme.ok("inspect", "web")).settings.address[1])
    end)

    it("is in a zone, or a bridge, under an address there", function()
        shell.run [[ip link add br-spec type bridge && ip addr add 10.77.0.1/24 dev br-spec &&
            ip link set br-spec up]]
        scratch.finally(function() shell.run "ip link del br-spec" end)
        sdme.ok("create", "--name", "one", "--network-zone", "spec", "--address", "auto",
            "--started")
        sdme.ok("create", "--name", "two", "--network-zone", "spec", "--address", "10.6.0.7/24",
            "--started")
        sdme.ok("create", "--name", "three", "--network-bridge", "br-spec", "--address",
            "10.77.0.5/24", "--started")
        inside("two", "ping -c 1 -W 5 " .. addresses_of("one")[1])
        inside("three", "ping -c 1 -W 5 10.77.0.1")
        assert.matches("^default via 10%.77%.0%.1 ", inside("three", "ip route show default"))
        sdme.ok("rm", "--force", "three")
    end)

    it("is what hardened and strict ones have, which can't ask for one", function()
        for _, level in ipairs { "--hardened", "--strict" } do
            local result <const> =
                sdme.run("create", "--name", "web", level, "--network-veth", "--started")
            assert.equal(0, result.status, result.err)
            assert.falsy(result.err:find "networkd")
            assert.matches("^10%.173%.", addresses_of("web")[1])
            inside("web", "test -e /sys/class/net/eth0")
            sdme.ok("rm", "--force", "web")
        end
    end)

    it("has its ports open on the host", function()
        sdme.ok("create", "--name", "web", "--strict", "--port", "8080:80", "--started")
        inside("web", "systemd-run -q socat TCP-LISTEN:80,fork,reuseaddr 'SYSTEM:echo hello'")
        for _, address in ipairs { "TCP:127.0.0.1:8080", "TCP6:[::1]:8080" } do
            wait.until_equal("hello", function()
                local fine <const>, said <const> =
                    pcall(shell.run, "socat -u -T5 %s STDOUT 2>&1", address)
                return fine and said
            end)
        end
        assert.matches("^10%.173%.", addresses_of("web")[1])
    end)

    it("is refused what can't be", function()
        local function refuse(pattern, ...)
            refused.by(2, pattern, "create", "--name", "web", ...)
        end
        refuse("%-%-address needs an interface to the host", "--address", "auto")
        refuse("%-%-address auto and %-%-network%-bridge exclude each other", "--address", "auto",
            "--network-bridge", "br0")
        refuse("%-%-address: IPv4 is given twice", "--address", "10.0.0.2", "--address",
            "10.0.0.3", "--network-veth")
        refuse("%-%-address: auto is for both.*", "--address", "auto", "--address", "10.0.0.3",
            "--network-veth")
        for _, text in ipairs {
            "10.0.0.0/24", "10.0.0.255/24", "10.0.0.2/31", "shop", "::1/128",
        } do
            refuse("%-%-address: .*", "--address", text, "--network-veth")
        end
    end)
end)
