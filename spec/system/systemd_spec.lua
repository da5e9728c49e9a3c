local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local systemd <const> = require "sdme.systemd"
local task <const> = require "sdme.task"

local DONE <const> = 1

local bus, manager
local made = {}
local serial = 0

local function unit_name()
    serial = serial + 1
    local name <const> = ("sdme-spec-%d-%d.service"):format(os.time(), serial)
    made[#made + 1] = name
    return name
end

local function command(...)
    return { Type = "exec", ExecStartEx = { { (...), { ... }, { "no-env-expand" } } } }
end

-- A unit with a file, removed at the end.
local function unit_file(text)
    local name <const> = unit_name()
    local path <const> = "/run/systemd/system/" .. name
    local file <const> = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    finally(function()
        os.remove(path)
        manager:reload()
    end)
    manager:reload()
    return name
end

local function raised(run, ...)
    local fine <const>, what <const> = pcall(run, ...)
    assert.is_false(fine)
    assert.is_true(fault.is(what), tostring(what))
    return what
end

describe("sdme.systemd", function()
    setup(function()
        bus = assert(core.bus.open_system())
        manager = systemd.manager(bus)
    end)

    teardown(function()
        bus:close()
    end)

    after_each(function()
        for _, name in ipairs(made) do
            pcall(function()
                manager:stop_unit(name):wait()
            end)
            pcall(manager.reset_failed, manager, name)
        end
        made = {}
    end)

    it("has one manager for each bus", function()
        assert.equal(manager, systemd.manager(bus))
    end)

    it("tells the version and the state of the system", function()
        assert.equal("integer", math.type(manager:version()))
        assert.is_true(manager:version() >= 252)
        local state <const> = manager:system_state()
        assert.truthy(("initializing starting running degraded"):find(state, 1, true))
    end)

    describe("a job", function()
        it("ends with its result", function()
            local name <const> = unit_name()
            local job <const> = manager:start_transient(name, command("/bin/sleep", "100"))
            assert.equal("done", job:wait())
            assert.equal("done", job:wait())
            assert.equal("active", manager:unit_property(name, "Unit", "ActiveState"))
            assert.equal("done", manager:stop_unit(name):wait())
        end)

        it("says that the start failed", function()
            assert.equal(
                "failed",
                manager:start_transient(unit_name(), command("/nonexistent/program")):wait()
            )
        end)

        it("says that the start took too long", function()
            local name <const> = unit_file [[
[Service]
Type=notify
ExecStart=/bin/sleep 100
TimeoutStartSec=100ms
]]
            assert.equal("failed", manager:start_unit(name):wait())
            assert.equal("timeout", manager:unit_property(name, "Service", "Result"))
        end)

        it("says that another job has taken its place", function()
            local name <const> = unit_file [[
[Service]
Type=notify
ExecStart=/bin/sleep 100
]]
            local start <const> = manager:start_unit(name)
            while not start.path do
                task.await(bus:property("org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                    "org.freedesktop.systemd1.Manager", "NJobs"))
                start:step()
            end
            local stop <const> = manager:stop_unit(name)
            assert.equal("canceled", start:wait())
            assert.equal("done", stop:wait())
        end)

        it("says that what the unit needs did not start", function()
            local needed <const> = unit_file "[Service]\nType=oneshot\nExecStart=/bin/false\n"
            local name <const> = unit_file(
                ("[Unit]\nRequires=%s\nAfter=%s\n[Service]\nExecStart=/bin/sleep 100\n"):format(
                    needed, needed
                )
            )
            assert.equal("dependency", manager:start_unit(name):wait())
        end)

        it("of a unit that doesn't exist raises what systemd says, and its code", function()
            local job <const> = manager:start_unit "sdme-spec-nonexistent.service"
            local failure <const> = raised(job.wait, job)
            assert.equal("ENOENT", failure.code)
            assert.truthy(failure.message:find("sdme-spec-nonexistent.service", 1, true))
        end)

        it("of a transient unit whose name is taken raises EEXIST", function()
            local name <const> = unit_name()
            manager:start_transient(name, command("/bin/sleep", "100")):wait()
            local again <const> = manager:start_transient(name, command("/bin/true"))
            assert.equal("EEXIST", raised(again.wait, again).code)
        end)

        it("may be one of many that are waited for side by side", function()
            local names <const>, waits <const> = {}, {}
            for i = 1, 20 do
                names[i] = unit_name()
                waits[i] = function()
                    return manager:start_transient(names[i], command("/bin/sleep", "100")):wait()
                end
            end
            for _, result in ipairs { task.all(table.unpack(waits)) } do
                assert.equal("done", result)
            end
            local stops <const> = {}
            for i = 1, #names do
                stops[i] = manager:stop_unit(names[i])
            end
            for i = #names, 1, -1 do
                assert.equal("done", stops[i]:wait())
            end
        end)

        it("ends, too, where somebody has asked for signals before", function()
            local own <close> = assert(core.bus.open_system())
            task.await(own:call {
                destination = "org.freedesktop.systemd1", path = "/org/freedesktop/systemd1",
                interface = "org.freedesktop.systemd1.Manager", member = "Subscribe",
            })
            local name <const> = unit_name()
            local start <const> =
                systemd.manager(own):start_transient(name, command("/bin/sleep", "100"))
            assert.equal("done", start:wait())
        end)

        it("fails when the connection is closed", function()
            local own <const> = assert(core.bus.open_system())
            local name <const> = unit_file "[Service]\nType=notify\nExecStart=/bin/sleep 100\n"
            local job <const> = systemd.manager(own):start_unit(name)
            repeat
                assert.is_false((job:step()))
            until job.path
            own:close()
            assert.equal("ECONNRESET", raised(job.wait, job).code)
        end)
    end)

    describe("a unit", function()
        it("has properties, by interface", function()
            local name <const> = unit_name()
            manager:start_transient(name, command("/bin/sleep", "100")):wait()
            assert.equal(name, manager:unit_properties(name).Id)
            assert.is_true(manager:unit_properties(name, "Service").MainPID > 1)
        end)

        it("that doesn't exist has the load state not-found", function()
            assert.equal("not-found", manager:unit_properties("sdme-spec-none.service").LoadState)
        end)

        it("takes new limits while it runs", function()
            local name <const> = unit_name()
            manager:start_transient(name, command("/bin/sleep", "100")):wait()
            manager:set_properties(name, true, { TasksMax = 17, { "MemoryHigh", "t", 1 << 30 } })
            local service <const> = manager:unit_properties(name, "Service")
            assert.equal(17, service.TasksMax)
            assert.equal(1 << 30, service.MemoryHigh)
            manager:set_properties(name, true, { TasksMax = -1 })
            assert.equal(-1, manager:unit_property(name, "Service", "TasksMax"))
            assert.has_error(function()
                manager:set_properties(name, true, { Colour = "red" })
            end)
        end)

        it("is sent signals", function()
            local name <const> = unit_name()
            manager:start_transient(name, command("/bin/sleep", "100")):wait()
            local path <const> = systemd.unit_path(name)
            local match <close> = assert(bus:match {
                path = path, interface = "org.freedesktop.DBus.Properties",
            })
            assert.is_nil(manager:kill_unit(name, "main", 9))
            local code
            repeat
                local signal <const> = fault.check(task.await(match:next { timeout = 10 }))
                code = signal.arguments[2].ExecMainCode or code
            until code and code ~= 0
            assert.is_true(code > DONE)
        end)

        it("that failed is forgotten on request", function()
            local name <const> = unit_file "[Service]\nType=oneshot\nExecStart=/bin/false\n"
            assert.equal("failed", manager:start_unit(name):wait())
            assert.equal("failed", manager:list_units(name)[1].active)
            assert.is_nil(manager:reset_failed(name))
            assert.same({}, manager:list_units(name))
            assert.equal("ENOENT", raised(manager.reset_failed, manager, name).code)
        end)

        it("is enabled and disabled", function()
            local name <const> = unit_file [[
[Service]
ExecStart=/bin/sleep 100
[Install]
WantedBy=multi-user.target
]]
            assert.equal("disabled", manager:unit_file_state(name))
            manager:enable({ name }, { runtime = true })
            assert.equal("enabled-runtime", manager:unit_file_state(name))
            manager:disable({ name }, { runtime = true })
            assert.equal("disabled", manager:unit_file_state(name))
            assert.equal(
                "ENOENT",
                raised(manager.enable, manager, { "sdme-spec-none.service" }).code
            )
        end)
    end)

    it("lists the units whose names match", function()
        local name <const> = unit_name()
        manager:start_transient(name, command("/bin/sleep", "100")):wait()
        local units <const> = manager:list_units(name, "sdme-spec-none*")
        assert.equal(1, #units)
        assert.same(
            { name, "loaded", "active", "running" },
            { units[1].name, units[1].load, units[1].active, units[1].sub }
        )
    end)
end)
