-- The secrets of applications: files in /run/secrets, as other engines have them, which systemd's
-- credentials are found by too (systemd.exec(5), $CREDENTIALS_DIRECTORY). Everybody in an
-- application may read them, and of its container root alone.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local memory <const> = require "sdme.container.memory"
local secret <const> = require "sdme.secret"

local file <const> = core.file

local M <const> = {}

---Where applications find them.
M.DIRECTORY = "/run/secrets"

-- What everybody may read is in a directory that only root gets into.
local INNER <const> = "/all"

local function has_some(settings)
    return #(settings.secrets or {}) > 0
end
M.has_some = has_some

---The variables that tell of them.
---@param settings table of the container
---@return table<string, string>
function M.variables(settings)
    return has_some(settings) and { CREDENTIALS_DIRECTORY = M.DIRECTORY } or {}
end

---Which directory of a container its applications see as theirs.
---@param settings table of the container
---@param directory string where the container has them
---@return string? bind of a unit, nil without any
function M.bind(settings, directory)
    return has_some(settings) and ("%s%s:%s"):format(directory, INNER, M.DIRECTORY) or nil
end

---The assignments of an application's unit by which it has them.
---@param settings table of the container
---@param directory string where the container has them
---@return table[]
function M.assignments(settings, directory)
    local list <const> = {}
    list[1] = has_some(settings) and { "BindReadOnlyPaths", M.bind(settings, directory) } or nil
    for name, value in pairs(M.variables(settings)) do
        list[#list + 1] = { "Environment", name .. "=" .. value }
    end
    return list
end

---Writes them to the memory of a container.
---@param description table the state of the container
---@return string? directory nil without any
function M.write(description)
    if not has_some(description.settings) then
        return nil
    end
    local base <const> = description.userns and description.userns.base or 0
    local directory <const> = memory.path(description.name, "secrets")
    fault.check(file.mkdir(directory, { mode = "0700", uid = base, gid = base }))
    fault.check(file.mkdir(directory .. INNER, { mode = "0755", uid = base, gid = base }))
    for _, name in ipairs(description.settings.secrets) do
        fault.check(file.write(directory .. INNER .. "/" .. name, secret.new(name):value(),
            { mode = "0444", uid = base, gid = base, sync = false }))
    end
    return directory
end

---The options of systemd-nspawn(1) by which they are credentials of the container itself.
---@param settings table of the container
---@return string[]
function M.arguments(settings)
    local arguments <const> = {}
    for i, name in ipairs(settings.secrets or {}) do
        arguments[i] = ("--load-credential=%s:%s"):format(name, secret.path(name))
    end
    return arguments
end

return M
