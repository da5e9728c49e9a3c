-- The words of Lua.

local M <const> = {}

---@type string[]
M.keywords = {
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}

local is_keyword <const> = {}
for _, word in ipairs(M.keywords) do
    is_keyword[word] = true
end

---Whether a value can be written as a name: `t.name`, `{ name = 1 }`.
---@param value any
---@return boolean
function M.is_name(value)
    return type(value) == "string" and value:find "^[%a_][%w_]*$" ~= nil and not is_keyword[value]
end

return M
