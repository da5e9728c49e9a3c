-- Starting and stopping: jobs of the host's systemd for the unit of a container.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local lazy <const> = require "sdme.lazy"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"

local app <const> = lazy.module "sdme.app"
local apparmor <const> = lazy.module "sdme.apparmor"
local broker <const> = lazy.module "sdme.pod.broker"
local launcher <const> = lazy.module "sdme.launcher"
local layer <const> = lazy.module "sdme.store.layer"
local names <const> = lazy.module "sdme.names"
local network <const> = lazy.module "sdme.network"
local port <const> = lazy.module "sdme.container.port"
local range <const> = lazy.module "sdme.store.range"
local settle <const> = lazy.module "sdme.container.settle"
local static <const> = lazy.module "sdme.network.static"
local unit <const> = lazy.module "sdme.unit.container"
local units <const> = lazy.module "sdme.container.unit"
local zone <const> = lazy.module "sdme.network.zone"

local M <const> = {}

-- Images that machined knows (systemd-nspawn@.service); a machine started from one has its name.
local MACHINES <const> = "/var/lib/machines/"

-- Directories that a systemd-nspawn has for each machine, and leaves empty: the second since 256,
-- and 262 has the others.
local NSPAWN_DIRECTORIES <const> = {
    "/run/systemd/nspawn/propagate/%s", "/run/systemd/nspawn/unix-export/%s",
    "/run/systemd/nspawn/%s/unix-export", "/run/systemd/nspawn/%s",
}

-- Lines of the journal that explain a failed boot.
local JOURNAL_LINES <const> = 50

local SIGKILL <const> = core.process.signal "KILL"

-- How a container is ended: what its processes are told first, and how many seconds that may
-- take. The guest's manager powers off at SIGRTMIN+3, and at SIGRTMIN+14 without stopping its
-- services one by one (systemd(1), SIGNALS).
local ENDINGS <const> = {
    -- The unit's own time-out ends it with SIGKILL, and we see that happen.
    stop = { seconds = function() return config.get "stop_timeout" + 10 end },
    term = { whom = "leader", signal = "RTMIN+14", seconds = function() return 30 end },
    kill = { seconds = function() return 15 end },
}

local function path(name)
    return store.path("containers", name)
end

-- Has the unit stopped; nil and a code if that takes longer than `seconds`.
local function stop_unit(name, seconds)
    local job <const> = host.manager():stop_unit(unit.name(name), "replace")
    local result, message, code = task.await(task.timeout(job, seconds))
    if not result and code ~= "ETIMEDOUT" then
        fault.raise(code, nil, "stop %s: %s", name, message)
    end
    return result, code
end

---The state of a container; raises if there is none of that name.
---@param name string
---@return table
function M.read(name)
    if not core.file.stat(path(name)) then
        fault.raise("ENOENT", "`sdme ps` shows those that exist", "there is no container %s", name)
    end
    return state.container(name)
end

---Who has a name already, in words and with a hint; nil if nobody has.
---@param name string
---@return string?
---@return string? hint
function M.holder(name)
    if core.file.stat(store.path("containers", name)) then
        return "a container of that name exists", "sdme rm " .. name
    elseif core.file.stat(MACHINES .. name) or core.file.stat(MACHINES .. name .. ".raw") then
        return "/var/lib/machines has an image of that name", "choose another name"
    elseif host.machines():get(name) then
        return "a machine of that name is running", "choose another name"
    end
end

---Raises if a name is taken.
---@param name string
---@param what string what it is wanted for
function M.check_free(name, what)
    local taken, hint = M.holder(name)
    if taken then
        fault.raise("EEXIST", hint, "%s: %s", what, taken)
    end
end

---ActiveState of a container's unit: "active", "inactive", "activating", ...
---@param name string
---@return string
function M.active_state(name)
    return host.manager():unit_property(unit.name(name), "Unit", "ActiveState")
end

local function is_running(active_state)
    return active_state ~= "inactive" and active_state ~= "failed"
end

-- Whether a unit of `list_units` runs, or is about to: one whose start waits for its turn is still
-- inactive.
local function is_up(one)
    return is_running(one.active) or one.job == "start" or one.job == "restart"
end

---@param name string
---@return boolean
function M.is_running(name)
    local one <const> = host.manager():list_units(unit.name(name))[1]
    return one ~= nil and is_up(one)
end

-- Why a unit failed, in words.
local function explain(name, result)
    local manager <const> = host.manager()
    local why <const> = manager:unit_property(unit.name(name), "Service", "Result")
    if result == "canceled" then
        return "it was stopped while it was booting"
    elseif why == "protocol" then
        return "it powered off before its boot was over"
    elseif why == "exit-code" then
        return ("systemd-nspawn ended with status %d"):format(
            manager:unit_property(unit.name(name), "Service", "ExecMainStatus"))
    end
    return "its unit failed: " .. (why ~= "success" and why or result)
end

---Which run of a container's unit is the last one: an id, nil before the first.
---@param name string
---@return string?
function M.invocation(name)
    local id <const> = core.file.read(path(name) .. "/invocation")
    return id ~= "" and id or nil
end

---What the last run of a container's unit left in the host's journal: what the launcher said, and
---the guest's console.
---@param name string
---@param lines integer at most
---@return { time: number, message: string }[]
function M.journal(name, lines)
    local entries <const> = fault.check(core.journal.tail {
        unit = unit.name(name), invocation = M.invocation(name), lines = lines,
    })
    for _, entry in ipairs(entries) do
        entry.message = entry.message:gsub("\r", "")
    end
    return entries
end

local function last_words(name)
    local lines <const> = {}
    for i, entry in ipairs(M.journal(name, JOURNAL_LINES)) do
        lines[i] = entry.message
    end
    return lines
end

---Ends a container whose boot came to nothing, and raises why.
local function fail_boot(name, why, options)
    local raised <const> = fault.new {
        message = ("start %s: %s"):format(name, why), code = "EBOOT",
        hint = options.keep and ("sdme logs %s shows more; sdme start %s tries again")
            :format(name, name) or "it was removed",
        details = last_words(name),
    }
    stop_unit(name, ENDINGS.kill.seconds())
    error(raised, 0)
end

-- Waits for the guest's PID 1 to say that it is up. When we are interrupted, the boot is ended.
local function await_boot(name, job, options)
    local timeout <const> = options.timeout or config.get "boot_timeout"
    local ok, result, message, code = pcall(task.await, task.timeout(job, timeout))
    if not ok then
        stop_unit(name, ENDINGS.stop.seconds())
        error(result, 0)
    elseif code == "ETIMEDOUT" then
        fail_boot(name, ("its boot wasn't over after %g seconds"):format(timeout), options)
    elseif result ~= "done" then
        fail_boot(name, result and explain(name, result) or message, options)
    end
end

local function start(name, options)
    local began <const> = core.poll.now()
    local job
    do
        local lock <close> = options.lock or store.lock("container", name)
        M.read(name)
        local manager <const> = host.manager()
        -- Without a reference the manager forgets a unit that has failed, and why.
        local look <const> = manager:look_up(unit.name(name))
        local description <const> = settle.read(name)
        local settings <const> = app.settings(description)
        local version <const>, active <const> = look()
        host.check(version)
        if active == "active" then
            return nil
        end
        options.keep = not (options.rm_on_failure or description.settings.ephemeral)
        launcher.check(name, description.settings)
        layer.check(layer.named(description), "start " .. name)
        apparmor.check(name, description.settings.apparmor_profile)
        if not is_running(active) then
            port.check(name, settings)
            port.clear(name, settings)
        end
        if description.settings.ephemeral then
            M.mark_ephemeral(name)
        end
        if units.install(description) then
            manager:reload()
        end
        job = manager:start_unit(unit.name(name), "replace")
    end
    await_boot(name, job, options)
    return core.poll.now() - began
end

---Starts a container and returns when the guest's manager says that its boot is over. A container
---that doesn't get there is kept, unless it is ephemeral or `rm_on_failure` says otherwise.
---@param name string
---@param options { timeout: number?, rm_on_failure: boolean?, lock: userdata? }
---@return number? seconds that the boot took; nil if it was running already
function M.start(name, options)
    options = setmetatable({ keep = true }, { __index = options })
    local ok, result = pcall(start, name, options)
    pcall(host.manager().unref_unit, host.manager(), unit.name(name))
    if ok then
        return result
    end
    if not options.keep and core.file.stat(path(name)) then
        M.remove(name, { force = true })
    end
    error(result, 0)
end

---Ends a container.
---@param name string
---@param how "stop"|"term"|"kill"|nil
function M.stop(name, how)
    local ending <const> = ENDINGS[how or "stop"]
    if not M.is_running(name) then
        return
    end
    if ending.signal then
        -- Early in its boot a container isn't registered yet: then the unit's stop has to do.
        pcall(function()
            host.machines():kill(name, ending.whom, ending.signal)
        end)
    end
    if how == "kill" then
        host.manager():kill_unit(unit.name(name), "all", SIGKILL)
    end
    local _, code = stop_unit(name, ending.seconds())
    if code == "ETIMEDOUT" then
        local harder <const> = how == "term" and "kill" or "term"
        fault.raise("ETIMEDOUT", ("sdme stop --%s %s"):format(harder, name),
            "stop %s: it is still running after %g seconds", name, ending.seconds())
    end
end

---Whether a container starts with the host.
---@param name string
---@return boolean
function M.is_enabled(name)
    local ok, found = pcall(function()
        return host.manager():unit_file_state(unit.name(name))
    end)
    return ok and found == "enabled"
end

---@param name string
function M.enable(name)
    host.manager():enable { unit.name(name) }
end

---@param name string
function M.disable(name)
    if M.is_enabled(name) then
        host.manager():disable { unit.name(name) }
    end
end

local function discard_files(name)
    local ok, description = pcall(M.read, name)
    unit.uninstall(name)
    if core.file.stat(path(name)) then
        -- Until it is removed for good it says what was its own.
        local _ <close> = store.set_aside(path(name))
        if ok then
            layer.release(layer.named(description))
        end
    end
    if ok then
        range.release(description.userns, name)
    end
    core.file.remove(store.path("ephemeral", name))
end

---Notes that an ephemeral container is about to run: what is found not running later, after a
---crash of the host say, is garbage.
---@param name string
function M.mark_ephemeral(name)
    fault.check(core.file.write(store.path("ephemeral", name), "", { mode = "0600" }))
end

---Removes a container that isn't running. The caller holds its lock.
---@param name string
function M.discard(name)
    M.disable(name)
    discard_files(name)
end

local end_for_good

-- The guest of a build that was killed.
local function sweep_guest(name, description)
    if not store.is_alive(description.build.stage) then
        if M.is_running(name) then
            end_for_good(name, true)
        end
        M.discard(name)
    end
end

-- An ephemeral container that ran, or was about to, and doesn't any more.
local function sweep_ephemeral(name)
    local lock <close> = core.lock.acquire(store.path("locks", "container-" .. name))
    if not lock then
        return
    end
    local ok, description = pcall(M.read, name)
    if not ok and not fault.is(description, "ENOENT") then
        return
    elseif ok and description.build then
        sweep_guest(name, description)
    elseif not ok or not description.settings.ephemeral then
        core.file.remove(store.path("ephemeral", name))
    elseif not M.is_running(name) then
        M.discard(name)
    end
end

-- Where it is noted that a container is frozen, for a time that is over when its lock is free.
local function frozen_path(name)
    return path(name) .. "/frozen"
end

local function thaw(name)
    pcall(host.manager().thaw_unit, host.manager(), unit.name(name))
    core.file.remove(frozen_path(name))
end

---Calls a function, and nothing in a container that runs does meanwhile. The caller holds its lock.
---@param name string
---@param work fun(): any
---@return any what it returned
function M.frozen(name, work)
    fault.check(core.file.write(frozen_path(name), "", { mode = "0600", sync = false }))
    local fine <const>, result <const> = pcall(function()
        host.manager():freeze_unit(unit.name(name))
        return work()
    end)
    thaw(name)
    if not fine then
        error(result, 0)
    end
    return result
end

---Lets a container go on that a command has frozen, and was killed.
---@param name string
function M.recover(name)
    if core.file.stat(frozen_path(name)) then
        local lock <close> = core.lock.acquire(store.path("locks", "container-" .. name))
        if lock then
            thaw(name)
        end
    end
end

-- The containers of this host that run, whoever's data directory they are of.
local function running()
    local found <const> = {}
    for _, one in ipairs(host.manager():list_units(unit.name "*")) do
        if is_up(one) then
            found[unit.container(one.name)] = true
        end
    end
    return found
end

---Removes what commands that were killed, or a host that went down, have left behind.
function M.sweep()
    for _, name in ipairs(core.file.list(store.path "containers") or {}) do
        M.recover(name)
    end
    for _, name in ipairs(core.file.list(store.path "ephemeral") or {}) do
        sweep_ephemeral(name)
    end
    layer.sweep() -- after the guests of builds, which run on layers of theirs
    names.sweep(running)
    zone.sweep()
end

-- Ends a container that is to be removed: nobody will read what it would still write for itself,
-- but its services may have something to tell others.
function end_for_good(name, force)
    if not pcall(M.stop, name, force and "kill" or "term") and M.is_running(name) then
        M.stop(name, "kill")
    end
end

---Removes a container, and stops it first if it runs: with `force` by killing it.
---@param name string
---@param options { force: boolean? }?
function M.remove(name, options)
    local lock <close> = store.lock("container", name)
    if not core.file.stat(path(name)) then
        fault.raise("ENOENT", "`sdme ps` shows those that exist", "there is no container %s", name)
    end
    if M.is_running(name) then
        end_for_good(name, (options or {}).force)
    end
    M.discard(name)
end

---What the service runs after a container has ended: an ephemeral one goes with it, unless it is
---about to come back.
---@param name string
function M.stopped(name)
    broker.forget(name)
    local forgotten <const>, why <const> = pcall(names.forget, name)
    if not forgotten then
        io.stderr:write("sdme: ", tostring(why), "\n") -- the next command does it
    end
    local description <const> = M.read(name)
    if os.getenv "SERVICE_RESULT" ~= "success" then
        -- A systemd-nspawn that was killed didn't, and its successor could not register.
        pcall(function()
            host.machines():unregister(name)
        end)
        network.clear(name, description.settings)
        for _, directory in ipairs(NSPAWN_DIRECTORIES) do
            core.file.remove(directory:format(name))
        end
    end
    static.clear(name)
    if description.settings.network_zone then
        zone.forget(description.settings.network_zone)
    end
    port.clear(name, app.settings(description))
    if not description.settings.ephemeral or os.getenv "EXIT_STATUS" == "133" then
        return
    end
    discard_files(name)
end

return M
