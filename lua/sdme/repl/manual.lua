-- What the manual says, where it is there: it may not be installed.

local M <const> = {}

local function look_up(value)
    local documentation <const> = require "sdme.documentation"
    return type(value) == "string" and documentation.entry(value) or documentation.of(value)
end

---What is said about a function, a module, an object, or a name: "container:exec".
---@param value any
---@return { name: string, signature: string, text: string }?
function M.entry(value)
    local ok <const>, entry <const> = pcall(look_up, value)
    return ok and entry or nil
end

return M
