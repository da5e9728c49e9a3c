-- What the image says of itself, for others to read.

local check <const> = require "sdme.recipe.step.check"
local words <const> = require "sdme.recipe.step.words"

local M <const> = { name = "label", metadata = true, what = words.of_map }

---@param name string|table<string, any> a name, or values by name
---@param value any
---@return table doing
function M.prepare(_, name, value)
    local values <const> = type(name) == "string" and { [name] = value } or name
    return check.map("label", values, "^[^%c%s=]+$")
end

---@param config table of an image
---@param doing table<string, string>
function M.set(config, doing)
    local labels <const> = {}
    for _, some in ipairs { config.labels or {}, doing } do
        for name, value in pairs(some) do
            labels[name] = value
        end
    end
    config.labels = labels
end

return M
