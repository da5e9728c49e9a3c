-- What of a container's lies in memory alone, for as long as it runs: files that may have values of
-- secrets. The launcher mounts them where nothing but the container's own service sees them.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local store <const> = require "sdme.store"

local file <const> = core.file

local M <const> = {}

---Where it is, for who is in the mount namespace of the container's service.
---@param name string of the container
---@param ... string components below
---@return string path
function M.path(name, ...)
    return store.path("containers", name, "memory", ...)
end

-- What settings have of it.
local USERS <const> = { "env", "oci_env", "secrets" }

local function is_needed(settings)
    for _, key in ipairs(USERS) do
        if next(settings[key] or {}) ~= nil then
            return true
        end
    end
    return false
end

---Makes it, empty, in this mount namespace.
---@param name string of the container
---@param settings table
function M.mount(name, settings)
    if not is_needed(settings) then
        return
    end
    local path <const> = M.path(name)
    fault.check(file.mkdir(path, { mode = "0700", parents = true }))
    local mounted <close> = fault.check(core.mount.filesystem {
        type = "tmpfs", source = "sdme", options = { mode = "0711" }, read_only = false,
    })
    fault.check(core.mount.attach(mounted, path))
end

return M
