-- Changing a container that exists: its settings and its name.

local app <const> = require "sdme.app"
local clone <const> = require "sdme.clone"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local kind <const> = require "sdme.kind"
local lifecycle <const> = require "sdme.container.lifecycle"
local made <const> = require "sdme.pod.made"
local personal <const> = require "sdme.personal"
local pod <const> = require "sdme.pod"
local range <const> = require "sdme.store.range"
local secret <const> = require "sdme.secret"
local setting <const> = require "sdme.setting"
local settle <const> = require "sdme.container.settle"
local store <const> = require "sdme.store"
local unit <const> = require "sdme.unit.container"
local units <const> = require "sdme.container.unit"
local upper <const> = require "sdme.upper"
local view <const> = require "sdme.view"
local volume <const> = require "sdme.app.volume"

local M <const> = {}

local function open_upper(description)
    return upper.open(store.path("containers", description.name, "upper"), view.below(description),
        description.userns and description.userns.base or 0)
end

-- What of the files follows the settings: of every container, and of a clone of the host.
local function parts_of(description)
    return description.layers and { personal } or { clone, personal }
end

local function changes_files(description, new)
    for _, part in ipairs(parts_of(description)) do
        if part.changes_files(description.settings, new) then
            return true
        end
    end
    return false
end

-- Has a container have other settings: `decide(old)` returns what changes, and all of them then.
local function apply(name, decide, definition)
    local lock <close> = store.lock("container", name)
    lifecycle.read(name)
    local description <const> = settle.read(name)
    local old <const> = description.settings
    local checked <const>, merged <const> = decide(old)
    local _ <close> = pod.hold(checked, "set " .. name)
    local _ <close> = secret.hold(checked, "set " .. name)
    app.check({ name = name, settings = merged, apps = description.apps }, "set " .. name)
    local running <const> = lifecycle.is_running(name)
    if running and changes_files(description, merged) then
        fault.raise("EBUSY", "sdme stop " .. name,
            "set %s: its files change only while it is stopped", name)
    end
    if not running then
        local layer <close> = open_upper(description)
        for _, part in ipairs(parts_of(description)) do
            part.change(layer, old, merged)
        end
    end
    local later <const> = running and setting.after_restart(checked) or {}
    description.settings = merged
    description.definition = definition or description.definition
    description.stale = #later > 0 and lifecycle.invocation(name) or description.stale
    settle.write(description)
    if units.install(description, running) then
        host.manager():reload()
    end
    return later
end

---Changes settings: only what is named; "" takes a setting away.
---@param name string
---@param changes table
---@param options { flags: boolean? }?
---@return string[] later the names of changes that take effect at the next start
function M.set(name, changes, options)
    local flags <const> = (options or {}).flags
    return apply(name, function(old)
        local checked <const> = setting.check(changes, { allow = "set", flags = flags })
        return checked, setting.merge(old, checked, { flags = flags })
    end)
end

---Changes all settings at once.
---@param name string
---@param settings table as `setting.check` returned them
---@param definition table which one of a pod it is for: see sdme.pod.plan
---@return string[] later the names of changes that take effect at the next start
function M.replace(name, settings, definition)
    return apply(name, function(old)
        return setting.differences(old, settings), settings
    end, definition)
end

---Whether a container that runs was started before a change that it didn't take on.
---@param description table its state
---@return boolean
function M.is_stale(description)
    return description.stale ~= nil
        and description.stale == lifecycle.invocation(description.name)
end

local function check_new_name(name)
    local checked, why = kind.name.check(name)
    if not checked then
        fault.usage("%s", why)
    end
    return checked
end

-- Has the units of a container that comes after others name these.
local function align(name)
    local lock <close> = store.lock("container", name)
    if core.file.stat(store.path("containers", name))
        and units.install(settle.read(name), lifecycle.is_running(name)) then
        host.manager():reload()
    end
end

---Has the units of a pod's containers follow each other as the definition says. What these are
---called, and which ones there are, is in the states of others.
---@param pod_name string
function M.align(pod_name)
    for _, description in pairs(made.of(pod_name)) do
        if #description.definition.after > 0 and not units.is_current(description) then
            align(description.name)
        end
    end
end

local function rename(old, new)
    local lock <close> = store.lock("container", old)
    local new_lock <close> = store.lock("container", new)
    lifecycle.read(old)
    local description <const> = settle.read(old)
    if lifecycle.is_running(old) then
        fault.raise("EBUSY", "sdme stop " .. old, "rename %s: it is running", old)
    end
    lifecycle.check_free(new, "rename " .. old)
    volume.check_rename(old, new)
    local enabled <const> = lifecycle.is_enabled(old)
    fault.check(core.file.rename(store.path("containers", old), store.path("containers", new),
        { replace = false, sync = true }))
    volume.rename(old, new)
    description.name = new
    settle.write(description)
    do
        local layer <close> = open_upper(description)
        personal.rename(layer, new)
    end
    range.rename(description.userns, new)
    unit.uninstall(old)
    units.install(description)
    if enabled then
        lifecycle.disable(old)
        lifecycle.enable(new)
    end
    return description
end

---Gives a container another name.
---@param old string
---@param new string
function M.rename(old, new)
    check_new_name(new)
    local mark <const> = rename(old, new).definition
    if mark then
        M.align(mark.pod)
    end
end

return M
