-- Changing a container that exists: its settings and its name.

local clone <const> = require "sdme.clone"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local kind <const> = require "sdme.kind"
local lifecycle <const> = require "sdme.container.lifecycle"
local range <const> = require "sdme.store.range"
local setting <const> = require "sdme.setting"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"
local unit <const> = require "sdme.unit.container"
local upper <const> = require "sdme.upper"

local M <const> = {}

local function open_layer(name, userns)
    return upper.open(store.path("containers", name, "upper"), "", userns and userns.base or 0)
end

---Changes settings: only what is named; "" takes a setting away.
---@param name string
---@param changes table
---@param options { flags: boolean? }?
---@return string[] later the names of changes that take effect at the next start
function M.set(name, changes, options)
    local flags <const> = (options or {}).flags
    local lock <close> = store.lock("container", name)
    local description <const> = lifecycle.read(name)
    local checked <const> = setting.check(changes, { allow = "set", flags = flags })
    local old <const> = description.settings
    local merged <const> = setting.merge(old, checked, { flags = flags })
    local running <const> = lifecycle.is_running(name)
    if running and clone.changes_files(old, merged) then
        fault.raise("EBUSY", "sdme stop " .. name,
            "set %s: what it sees of the host changes only while it is stopped", name)
    end
    if not running then
        local layer <close> = open_layer(name, description.userns)
        clone.change(layer, old, merged)
    end
    description.settings = merged
    state.write(store.path("containers", name, "state.json"), description)
    if unit.install(name, merged, running) then
        host.manager():reload()
    end
    return running and setting.after_restart(checked) or {}
end

local function check_new_name(name)
    local checked, why = kind.name.check(name)
    if not checked then
        fault.usage("%s", why)
    end
    return checked
end

---Gives a container another name.
---@param old string
---@param new string
function M.rename(old, new)
    check_new_name(new)
    local lock <close> = store.lock("container", old)
    local new_lock <close> = store.lock("container", new)
    local description <const> = lifecycle.read(old)
    if lifecycle.is_running(old) then
        fault.raise("EBUSY", "sdme stop " .. old, "rename %s: it is running", old)
    end
    lifecycle.check_free(new, "rename " .. old)
    local enabled <const> = lifecycle.is_enabled(old)
    fault.check(core.file.rename(store.path("containers", old), store.path("containers", new),
        { replace = false, sync = true }))
    description.name = new
    state.write(store.path("containers", new, "state.json"), description)
    do
        local layer <close> = open_layer(new, description.userns)
        clone.rename(layer, new)
    end
    range.rename(description.userns, new)
    unit.uninstall(old)
    unit.install(new, description.settings)
    if enabled then
        lifecycle.disable(old)
        lifecycle.enable(new)
    end
end

return M
