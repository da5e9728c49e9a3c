-- Units that can't start at all (systemd.unit(5)).

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local units <const> = require "sdme.recipe.step.units"

local file <const> = core.file

local M <const> = { name = "mask", what = units.what }

local DIRECTORY <const> = "/etc/systemd/system"

---@param ... string units
---@return table doing
function M.prepare(_, ...)
    return { units = units.names("mask", ...) }
end

---@param context sdme.StepContext
function M.apply(context, doing)
    local root <close> = context:root()
    if not file.stat(DIRECTORY, { root = root, follow = true }) then
        fault.check(file.mkdir(DIRECTORY,
            { root = root, parents = true, mode = "0755", uid = 0, gid = 0 }))
    end
    for _, unit in ipairs(doing.units) do
        fault.check(file.symlink("/dev/null", DIRECTORY .. "/" .. unit,
            { root = root, uid = 0, gid = 0, replace = true }))
    end
end

return M
