-- Variables of the later steps and of the image's program.

local check <const> = require "sdme.recipe.step.check"
local json <const> = require "sdme.json"
local words <const> = require "sdme.recipe.step.words"

local M <const> = { name = "env", metadata = true, what = words.of_map }

---@param name string|table<string, any> a name, or values by name
---@param value any
---@return table doing
function M.prepare(_, name, value)
    local values <const> = type(name) == "string" and { [name] = value } or name
    return check.map("env", values, "^[%a_][%w_]*$")
end

---@param config table of an image
---@param doing table<string, string>
function M.set(config, doing)
    local env <const>, rest <const> = json.array(), {}
    for name, value in pairs(doing) do
        rest[name] = value
    end
    for _, entry in ipairs(config.env or {}) do
        local name <const> = entry:match "^([^=]+)="
        env[#env + 1] = rest[name] and ("%s=%s"):format(name, rest[name]) or entry
        rest[name or ""] = nil
    end
    for _, name in ipairs(words.sorted(rest)) do
        env[#env + 1] = ("%s=%s"):format(name, rest[name])
    end
    config.env = env
end

return M
