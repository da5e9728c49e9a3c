-- Why a kind of value refuses one.

local M <const> = {}

---@param kind sdme.Kind
---@param text string as from the command line
---@return string why
function M.reason(kind, text)
    local value, why = kind.parse(text)
    assert(value == nil)
    return why
end

---@param kind sdme.Kind
---@param value any as from Lua
---@return string why
function M.complaint(kind, value)
    local checked, why = kind.check(value)
    assert(checked == nil)
    return why
end

return M
