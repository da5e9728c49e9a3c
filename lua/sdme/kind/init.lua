-- Kinds of value: what an option, an operand or a configuration key takes.
--
-- Each is a table of
--   parse(text) -> value | nil, why    from the command line or a file
--   check(value) -> value | nil, why   from Lua: what a caller naturally passes, or the text
--   show(value) -> text                the form that `parse` reads back
--   type                               of what `check` takes, as annotations write it
--   complete                           "container", "file" or "directory"; or an array of words
-- `why` is a sentence without its subject that says what was wrong with the value.

local lazy <const> = require "sdme.lazy"

local M <const> = {}

---@class sdme.Kind
---@field parse fun(text: string): any, string?
---@field check fun(value: any): any, string?
---@field show fun(value: any): string
---@field type string
---@field complete string|string[]|nil

-- The module that each is in; "()" is a function that makes one. Tables of options name many, of
-- which a command needs few: a module is loaded when something of one of its kinds is asked for.
local KINDS <const> = {
    text = "flag string argument choice() offer()",
    number = "size integer seconds cpus range()",
    name = "container rootfs rootfs_state pod secret exported digest name service user",
    path = "file path directory device",
    bind = "bind",
    environment = "env",
    network = "interface()",
    address = "address",
    port = "port",
    attachment = "network guest_address attachment",
    security = "capability system_call_filter profile",
    list = "list() many()",
    registry = "registry mirrors",
}

local function deferred(subject, name)
    return lazy.value(function()
        return require("sdme.kind." .. subject)[name]
    end)
end

local function maker(subject, name)
    return function(...)
        local arguments <const> = table.pack(...)
        return lazy.value(function()
            local make <const> = require("sdme.kind." .. subject)[name]
            return make(table.unpack(arguments, 1, arguments.n))
        end)
    end
end

for subject, names in pairs(KINDS) do
    for name, makes in names:gmatch "([%w_]+)(%(?)" do
        M[name] = (makes == "" and deferred or maker)(subject, name)
    end
end

return M
