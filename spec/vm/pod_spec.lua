-- Pods when their host is rebooted, or loses its power: their networks end with it.

local vm <const> = require "spec.support.vm"

local HELD <const> = "/run/sdme/netns/pods/shop"

-- Emulated, a boot takes a while.
local DEFINITION <const> = [[return require "sdme".pod {
    name = "shop", network = { zone = "lab" },
    containers = {
        one = { name = "one", enable = true, timeout = 300, userns = true },
        two = { name = "two", enable = true, timeout = 300, after = "one" },
    },
}]]

local function listen(name, answer)
    vm.run("sdme exec %s -- systemd-run --quiet socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:%s", name,
        "echo " .. answer)
end

-- What somebody in the pod gets from another one, by name.
local function said(from, to)
    return vm.wait_for(to .. " answers " .. from,
        "sdme exec %s -- socat -T5 - TCP:%s:80 </dev/null 2>/dev/null", from, to)
end

local function status()
    return vm.run("sdme pod inspect shop | jq -r .status")
end

local function inode(path)
    return vm.run("stat -Lc %%i %s", path)
end

local function assert_together()
    vm.wait_running "one"
    vm.wait_running "two"
    for _, name in ipairs { "one", "two" } do
        local leader <const> = vm.run("machinectl show %s --property Leader --value", name)
        assert.equal(inode(HELD), inode(("/proc/%s/ns/net"):format(leader)))
    end
    listen("two", "hello")
    assert.equal("hello", said("one", "two"))
    assert.equal("up", status())
end

-- Microseconds since the boot of the host.
local function time_of(name, event)
    return math.tointeger(tonumber(vm.run("systemctl show -P %s sdme@%s",
        event .. "TimestampMonotonic", name)))
end

describe("a pod", function()
    setup(function()
        vm.run([[echo %s >/root/shop.lua && sdme run /root/shop.lua && sync]], DEFINITION)
    end)
    teardown(function()
        vm.clean()
        vm.attempt "sdme pod rm shop"
    end)

    it("is there again after a reboot, with its network, for the containers that are enabled",
        function()
            local addresses <const> = vm.run "sdme pod inspect shop | jq -c .networks"
            assert_together()
            vm.reboot()
            assert_together()
            assert.equal(addresses, vm.run "sdme pod inspect shop | jq -c .networks")
            assert.matches("host.sdme.internal", vm.run "sdme exec one cat /etc/hosts")
            assert.is_true(time_of("one", "ActiveEnter") <= time_of("two", "InactiveExit"))
        end)

    it("is there again after a power cut, and nothing of the one before", function()
        vm.crash()
        assert_together()
        vm.run "sdme stop --kill --all; sdme disable one two; sync"
        vm.crash()
        assert.equal("down", status())
        assert.equal("", vm.run "ls /run/sdme/names 2>/dev/null; grep sdme /etc/hosts || true")
        vm.run "sdme start -t 300 one"
        assert.equal("up", status())
    end)
end)
