-- A systemd manager, of this host or of a container, over its bus: units, their jobs, properties
-- and unit files (org.freedesktop.systemd1(5)).

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local task <const> = require "sdme.task"

local M <const> = {}

local DESTINATION <const> = "org.freedesktop.systemd1"
local PATH <const> = "/org/freedesktop/systemd1"
local MANAGER <const> = "org.freedesktop.systemd1.Manager"
local UNIT_PATH <const> = "/org/freedesktop/systemd1/unit"

-- Reading all units again takes its time on a host with thousands of them.
local RELOAD_TIMEOUT <const> = 90

-- Types of the properties that are set here. Anything else is given with its own.
local SIGNATURES <const> = {
    AddRef = "b",
    After = "as",
    CollectMode = "s",
    CPUQuotaPerSecUSec = "t",
    CPUWeight = "t",
    DefaultDependencies = "b",
    Description = "s",
    Environment = "as",
    ExecStartEx = "a(sasas)",
    IgnoreSIGPIPE = "b",
    KillMode = "s",
    LogLevelMax = "i",
    MemoryMax = "t",
    MemorySwapMax = "t",
    PAMName = "s",
    SendSIGHUP = "b",
    Slice = "s",
    StandardError = "s",
    StandardErrorFileDescriptor = "h",
    StandardInput = "s",
    StandardInputFileDescriptor = "h",
    StandardOutput = "s",
    StandardOutputFileDescriptor = "h",
    TasksMax = "t",
    TTYPath = "s",
    TTYReset = "b",
    TTYVHangup = "b",
    Type = "s",
    User = "s",
    WorkingDirectory = "s",
}

-- Most calls differ in nothing but the method, its types, and whether there is a result.
local METHODS <const> = {
    freeze_unit = { "FreezeUnit", "s" },
    kill_unit = { "KillUnit", "ssi" },
    load_unit = { "LoadUnit", "s" },
    reload = { "Reload", "", timeout = RELOAD_TIMEOUT },
    reset_failed = { "ResetFailedUnit", "s" },
    thaw_unit = { "ThawUnit", "s" },
    unref_unit = { "UnrefUnit", "s" },
    unit_file_state = { "GetUnitFileState", "s" },
}

-- The calls that answer with a job, all with a unit and a mode.
local JOBS <const> = {
    restart_unit = "RestartUnit",
    start_unit = "StartUnit",
    stop_unit = "StopUnit",
}

---@class sdme.systemd.Manager
local Manager <const> = {}
Manager.__index = Manager

-- One for each bus, so that all who use it share one subscription.
local managers <const> = setmetatable({}, { __mode = "k" })

---The manager behind a bus of `core.bus`.
---@param bus userdata
---@return sdme.systemd.Manager
function M.manager(bus)
    managers[bus] = managers[bus]
        or setmetatable({ bus = bus, jobs = setmetatable({}, { __mode = "k" }) }, Manager)
    return managers[bus]
end

---The object path of a unit.
---@param name string
---@return string
function M.unit_path(name)
    return core.bus.path(UNIT_PATH, name)
end

function Manager:call(member, signature, arguments, timeout)
    return self.bus:call {
        destination = DESTINATION,
        path = PATH,
        interface = MANAGER,
        member = member,
        signature = signature,
        arguments = arguments,
        timeout = timeout,
    }
end

-- Calls without a result end with nothing, which only the message tells from a failure.
local function await(pending)
    local results <const> = table.pack(task.await(pending))
    if results[1] == nil and results[2] ~= nil then
        fault.raise(results[3], nil, "%s", results[2])
    end
    return table.unpack(results, 1, results.n)
end

for name, method in pairs(METHODS) do
    Manager[name] = function(self, ...)
        return await(self:call(method[1], method[2], { ... }, method.timeout))
    end
end

---A job of the manager. It is a pending object: it ends with the job's result ("done", "failed",
---"canceled", "timeout", "dependency", "skipped"), or with nil, message, code.
---@class sdme.systemd.Job
---@field unit string
---@field path string? its object path, once the manager has answered
---@field result string?
local Job <const> = {}
Job.__index = Job

function Job:resolve()
    if self.path or self.failure then
        return
    end
    local done <const>, path <const>, message <const>, code <const>, name <const> =
        self.call:step()
    if path then
        self.path = path
    elseif done then
        self.failure = { message, code, name }
    end
end

function Job:ended()
    return self.result ~= nil or self.failure ~= nil
end

function Job:step()
    if not self:ended() then
        self.manager:collect()
    end
    if self.result then
        return true, self.result
    elseif self.failure then
        return true, nil, table.unpack(self.failure, 1, 3)
    end
    return false
end

function Job:poll()
    if self:ended() then
        return nil, nil, 0
    end
    return (self.path and self.manager.removed or self.call):poll()
end

---Waits until the job has ended.
---@return string result
function Job:wait()
    return await(self)
end

function Manager:fail(...)
    for job in pairs(self.jobs) do
        job.failure = job.failure or { ... }
    end
end

-- Hands out the results of jobs. One job's step does it for all, for the signal that it takes may
-- be another's. The answer that names a job comes before the signal that ends it, so it is there
-- when the signal is.
function Manager:collect()
    local done <const>, _, message <const>, code <const> = self.subscribed:step()
    if done and message and code ~= "EALREADY" then
        return self:fail(message, code)
    end
    for job in pairs(self.jobs) do
        job:resolve()
    end
    while true do
        local came <const>, signal <const>, why <const>, which <const> = self.removed:step()
        if not came then
            return
        elseif not signal then
            return self:fail(why, which)
        end
        for job in pairs(self.jobs) do
            job:resolve()
            if job.path == signal.arguments[2] then
                job.result = signal.arguments[4]
                self.jobs[job] = nil
            end
        end
    end
end

---Asks for the signals of units and jobs, once. Nothing is waited for: a bus keeps the order of
---what it is sent, so they come for every call that is made after this one.
function Manager:subscribe()
    if self.subscribed then
        return
    end
    local match <const> = fault.check(self.bus:match {
        sender = DESTINATION, path = PATH, interface = MANAGER, member = "JobRemoved",
    })
    self.removed = match:next()
    self.subscribed = self:call "Subscribe"
end

function Manager:job(unit, member, signature, arguments)
    self:subscribe()
    local job <const> = setmetatable({ manager = self, unit = unit }, Job)
    job.call = self:call(member, signature, arguments)
    self.jobs[job] = true
    return job
end

for name, member in pairs(JOBS) do
    Manager[name] = function(self, unit, mode)
        return self:job(unit, member, "ss", { unit, mode or "replace" })
    end
end

-- As D-Bus has properties: { { name, { signature, value } }, ... }
local function typed(properties)
    local list <const> = {}
    for name, value in pairs(properties) do
        if math.type(name) then
            list[#list + 1] = { value[1], { value[2], value[3] } }
        elseif SIGNATURES[name] then
            list[#list + 1] = { name, { SIGNATURES[name], value } }
        else
            error(("the type of property '%s' is not known"):format(name), 3)
        end
    end
    return list
end

---Starts a unit that exists for as long as it runs.
---@param name string
---@param properties table by name; one of a type unknown here is { name, signature, value }
---@param mode string? "fail"
---@return sdme.systemd.Job
function Manager:start_transient(name, properties, mode)
    return self:job(name, "StartTransientUnit", "ssa(sv)a(sa(sv))", {
        name, mode or "fail", typed(properties), {},
    })
end

---Changes properties of a unit, as `systemctl set-property` does. Where a limit is meant, -1 is
---infinity.
---@param name string
---@param runtime boolean until the next boot only
---@param properties table as for `start_transient`
function Manager:set_properties(name, runtime, properties)
    await(self:call("SetUnitProperties", "sba(sv)", { name, runtime, typed(properties) }))
end

local function interface_name(interface)
    return DESTINATION .. "." .. (interface or "Unit")
end

-- Distributions write more than the number.
local function version_number(version)
    return math.tointeger(version:match "%d+")
end

---All properties of a unit, which is loaded for it: one without a file has LoadState "not-found".
---@param name string
---@param interface string? "Unit", or "Service", "Scope", ...
---@return table
function Manager:unit_properties(name, interface)
    return await(self.bus:properties(DESTINATION, M.unit_path(name), interface_name(interface)))
end

---@param name string
---@param interface string
---@param property string
---@return any
function Manager:unit_property(name, interface, property)
    return await(
        self.bus:property(DESTINATION, M.unit_path(name), interface_name(interface), property)
    )
end

---Asks for all that a start has to know, in one go. The reference comes first: it has the manager
---load the unit, and keep it, with why it failed, until the reference is given back.
---@param name string of a unit
---@return fun(): integer, string waits for the manager's version and the unit's ActiveState
function Manager:look_up(name)
    local reference <const> = self:call("RefUnit", "s", { name })
    local state <const> = self.bus:property(DESTINATION, M.unit_path(name), interface_name(),
        "ActiveState")
    local version <const> = self.bus:property(DESTINATION, PATH, MANAGER, "Version")
    self:subscribe()
    return function()
        await(reference)
        return version_number(await(version)), await(state)
    end
end

---The units in memory whose names match a pattern.
---@param ... string patterns as in glob(7)
---@return table[] each with name, description, load, active, sub, and job if it has one
function Manager:list_units(...)
    local units <const> = {}
    for _, unit in ipairs(await(self:call("ListUnitsByPatterns", "asas", { {}, { ... } }))) do
        units[#units + 1] = {
            name = unit[1],
            description = unit[2],
            load = unit[3],
            active = unit[4],
            sub = unit[5],
            job = unit[9] ~= "" and unit[9] or nil,
        }
    end
    return units
end

---Makes units start at boot.
---@param names string[]
---@param options { runtime: boolean?, force: boolean? }?
function Manager:enable(names, options)
    options = options or {}
    await(self:call("EnableUnitFiles", "asbb", {
        names, options.runtime or false, options.force or false,
    }))
    self:reload()
end

---@param names string[]
---@param options { runtime: boolean? }?
function Manager:disable(names, options)
    await(self:call("DisableUnitFiles", "asb", { names, options and options.runtime or false }))
    self:reload()
end

---"initializing", "starting", "running", "degraded", "maintenance" or "stopping".
---@return string
function Manager:system_state()
    return await(self.bus:property(DESTINATION, PATH, MANAGER, "SystemState"))
end

---Its version.
---@return integer
function Manager:version()
    return version_number(await(self.bus:property(DESTINATION, PATH, MANAGER, "Version")))
end

---What it is built with (systemctl(1), --version): "+PAM -SMACK +SECCOMP ...".
---@return string
function Manager:features()
    return await(self.bus:property(DESTINATION, PATH, MANAGER, "Features"))
end

return M
