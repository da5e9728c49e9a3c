-- What steps about units have in common.

local check <const> = require "sdme.recipe.step.check"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local step <const> = require "sdme.step"

local M <const> = {}

-- systemctl(1) then changes files, and asks no manager.
local ENVIRONMENT <const> = { SYSTEMD_OFFLINE = "1" }

---Names of units, "nginx" being "nginx.service".
---@param what string the step
---@param ... string
---@return string[]
function M.names(what, ...)
    local names <const> = check.list(what, "names of units", { ... })
    for i, name in ipairs(names) do
        local unit <const>, why <const> = kind.service.check(name)
        names[i] = unit or fault.usage("%s: %s", what, why)
    end
    return names
end

---@param doing { units: string[] }
---@return string
function M.what(doing)
    return table.concat(doing.units, " ")
end

---A step that systemctl(1) of the system does.
---@param verb "enable"|"disable"
---@return table step
function M.by_systemctl(verb)
    return {
        name = verb, what = M.what,
        prepare = function(_, ...)
            return { units = M.names(verb, ...) }
        end,
        apply = function(context, doing)
            local argv <const> = { "systemctl", verb, "--no-reload", "--" }
            table.move(doing.units, 1, #doing.units, #argv + 1, argv)
            step.run {
                layers = context.layers, stage = context.stage, argv = argv, what = context.what,
                environment = ENVIRONMENT, output = context.output,
            }
            step.clean(context.stage .. "/tree", context.layers)
        end,
    }
end

return M
