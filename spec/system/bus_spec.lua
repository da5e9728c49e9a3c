local core <const> = require "sdme.core"
local plain_guest <const> = require "spec.support.plain_guest"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local await <const> = task.await

-- The machine id and the hostname, as a bus says them.
local function identify(bus)
    local machine_id <const> = assert(await(bus:call {
        destination = "org.freedesktop.systemd1", path = "/org/freedesktop/systemd1",
        interface = "org.freedesktop.DBus.Peer", member = "GetMachineId",
    }))
    local virtualization <const> = assert(await(bus:property("org.freedesktop.systemd1",
        "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "Virtualization")))
    return machine_id, virtualization
end

describe("core.bus", function()
    it("reaches the system bus of this host", function()
        local bus <close> = assert(core.bus.open_system())
        assert.equal(shell.run "cat /etc/machine-id", (identify(bus)))
    end)

    for description, first_id in pairs {
        ["a container"] = false, ["a container with users of its own"] = 524288,
    } do
        it("reaches the system bus of " .. description, function()
            local container <const> = plain_guest.start("spec-bus", first_id or nil)
            finally(container.stop)
            local host <close> = assert(core.bus.open_system())
            local bus <close> = assert(core.bus.open_machine(container.name))
            local machine_id <const>, virtualization <const> = identify(bus)
            assert.not_equal(identify(host), machine_id)
            assert.equal("systemd-nspawn", virtualization)
        end)
    end

    it("fails at once for a container that doesn't exist", function()
        local bus <const>, message <const>, code <const> = core.bus.open_machine "spec-no-such"
        assert.is_nil(bus)
        assert.truthy(message:find("the bus of spec-no-such", 1, true))
        assert.equal("EHOSTDOWN", code)
    end)

    it("fails all that waits when a container goes", function()
        local container <const> = plain_guest.start "spec-bus"
        finally(container.stop)
        local bus <close> = assert(core.bus.open_machine(container.name))
        identify(bus)
        local match <const> = bus:match { sender = "org.freedesktop.systemd1" }
        container.kill()
        local none <const>, _, code <const> = await(match:next { timeout = 20 })
        assert.is_nil(none)
        assert.equal("ECONNRESET", code)
    end)
end)
