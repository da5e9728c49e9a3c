-- Files and directories that shall not be there.

local check <const> = require "sdme.recipe.step.check"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = { name = "remove" }

---@param ... string absolute paths, of what must be there
---@return table doing
function M.prepare(_, ...)
    local paths <const> = check.list("remove", "paths", { ... })
    for i, path in ipairs(paths) do
        paths[i] = check.path("remove", path)
        if paths[i] == "/" then
            fault.usage("remove: / stays")
        end
    end
    return { paths = paths }
end

---@return string
function M.what(doing)
    return table.concat(doing.paths, " ")
end

---@param context sdme.StepContext
function M.apply(context, doing)
    local root <close> = context:root()
    for _, path in ipairs(doing.paths) do
        fault.check(core.tree.remove(path, { root = root }))
    end
end

return M
