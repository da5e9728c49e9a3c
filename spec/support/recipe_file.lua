-- Recipes of the specs, in files as users have them.

local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"

local M <const> = {}

-- The steps begin in the third line.
local RECIPE <const> = [[
local sdme <const> = require "sdme"
return sdme.recipe { name = %q, from = %s, build = function(b, arg)
%s
end }
]]

---Writes a script.
---@param text string
---@param path string? in a directory of its own without
---@return string path
function M.script(text, path)
    path = path or scratch.directory() .. "/recipe.lua"
    assert(core.file.write(path, text, { sync = false }))
    return path
end

---Writes a recipe.
---@param steps string lines of Lua; the first one is the third of the file
---@param options { name: string?, from: string?, path: string? }? `from` as Lua has it
---@return string path
function M.write(steps, options)
    options = options or {}
    return M.script(RECIPE:format(options.name or "web", options.from or '"debian"', steps),
        options.path)
end

return M
