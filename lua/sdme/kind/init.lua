-- Kinds of value: what an option, an operand or a configuration key takes.
--
-- Each is a table of
--   parse(text) -> value | nil, why    from the command line or a file
--   check(value) -> value | nil, why   from Lua: what a caller naturally passes, or the text
--   show(value) -> text                the form that `parse` reads back
--   type                               of what `check` takes, as annotations write it
--   complete                           "container", "file" or "directory"; or an array of words
-- `why` is a sentence without its subject that says what was wrong with the value.

local M <const> = {}

---@class sdme.Kind
---@field parse fun(text: string): any, string?
---@field check fun(value: any): any, string?
---@field show fun(value: any): string
---@field type string
---@field complete string|string[]|nil

for _, subject in ipairs {
    "text", "number", "name", "path", "environment", "network", "address", "port", "attachment",
    "security", "list", "registry",
} do
    for name, kind in pairs(require("sdme.kind." .. subject)) do
        M[name] = kind
    end
end

return M
