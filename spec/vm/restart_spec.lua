-- Containers that end without being told to.

local vm <const> = require "spec.support.vm"

local UNIT <const> = "sdme@web.service"

-- systemd-nspawn's end, as a crash of it is one.
local function crash()
    vm.run("systemctl kill --kill-whom=main --signal=SEGV %s", UNIT)
end

local function restarts()
    return tonumber(vm.run("systemctl show --value -p NRestarts %s", UNIT))
end

local function wait_restart(count)
    vm.wait_for("a restart", "systemctl show -p NRestarts %s | grep =%s", UNIT, count)
    vm.wait_running "web"
end

local function wait_end()
    vm.wait_for("its end", "systemctl show -p ActiveState %s | grep -x -e %s -e %s", UNIT,
        "ActiveState=inactive", "ActiveState=failed")
end

local function power_off()
    vm.attempt "sdme exec web systemctl poweroff"
end

describe("a container", function()
    teardown(vm.clean)

    it("with --restart on-failure comes back after a crash", function()
        vm.run "sdme create --name web --started -t 300 --restart on-failure"
        crash()
        wait_restart(1)
        assert.equal("0", vm.run "sdme exec web id -u")
    end)

    it("with --restart on-failure doesn't after its own power-off", function()
        power_off()
        wait_end()
        assert.equal(0, restarts())
    end)

    it("with --restart always comes back after both", function()
        vm.run "sdme set web --restart always; sdme start -t 300 web"
        crash()
        wait_restart(1)
        power_off()
        wait_restart(2)
    end)

    it("doesn't after sdme stop", function()
        vm.run "sdme stop web"
        vm.run "sleep 5"
        assert.equal("inactive", vm.run("systemctl is-active %s || true", UNIT))
        assert.matches("\nweb +stopped", vm.run "sdme ps")
    end)
end)
