local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local needs <const> = require "spec.support.needs"
local private_bus <const> = require "spec.support.private_bus"
local raised <const> = require "spec.support.raised"
local systemd <const> = require "sdme.systemd"
local task <const> = require "sdme.task"

local NAME <const> = "org.freedesktop.systemd1"

local daemon, missing, peer, bus, manager

local function ask_daemon(connection, member, signature, ...)
    return fault.check(task.await(connection:call {
        destination = "org.freedesktop.DBus", path = "/org/freedesktop/DBus",
        interface = "org.freedesktop.DBus", member = member, signature = signature,
        arguments = { ... },
    }))
end

local function say_removed(path, unit, result)
    assert(peer:emit {
        path = "/org/freedesktop/systemd1", interface = NAME .. ".Manager", member = "JobRemoved",
        signature = "uoss", arguments = { 1, path, unit, result },
    })
end

-- A job that has been answered: what stands for systemd here can't answer calls.
local function answered(path)
    local job <const> = manager:start_unit "any.service"
    job.path = path
    ask_daemon(bus, "GetId", "") -- now the subscription is in place
    return job
end

describe("sdme.systemd, with a manager that never answers", function()
    before_each(function()
        daemon, missing = private_bus.start()
        needs.that(daemon, missing)
        peer = assert(core.bus.open_address(daemon.address))
        ask_daemon(peer, "RequestName", "su", NAME, 0)
        bus = assert(core.bus.open_address(daemon.address))
        manager = systemd.manager(bus)
    end)

    after_each(function()
        if daemon then
            peer:close()
            bus:close()
            daemon.stop()
        end
    end)

    it("gives up in time", function()
        local job <const> = manager:start_unit "any.service"
        job:step()
        local _, _, seconds <const> = job:poll()
        assert.is_true(seconds > 0 and seconds <= 25)
    end)

    it("ends a job whose signal another job has taken", function()
        local first <const>, second <const> = answered "/job/1", answered "/job/2"
        assert.is_false((first:step()))
        say_removed("/job/1", "any.service", "done")
        repeat
            assert.is_false((second:step()))
        until first.result
        assert.same({ nil, nil, 0 }, { first:poll() })
        assert.equal("done", first:wait())
    end)

    it("takes no notice of jobs that nobody waits for", function()
        local job <const> = answered "/job/1"
        say_removed("/job/3", "any.service", "failed")
        say_removed("/job/1", "any.service", "skipped")
        assert.equal("skipped", job:wait())
    end)

    it("fails jobs when the manager goes", function()
        local job <const> = manager:start_unit "any.service"
        ask_daemon(bus, "GetId", "")
        peer:close()
        assert.is_true(fault.is(raised(job.wait, job), "ECONNRESET"))
    end)
end)
