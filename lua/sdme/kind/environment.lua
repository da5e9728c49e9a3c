-- Environment variables.

local base <const> = require "sdme.kind.base"

local define <const> = base.define
local quote <const> = base.quote

local M <const> = {}

-- The limit of the kernel on one argument (MAX_ARG_STRLEN, execve(2)).
local MAX_ARGUMENT <const> = 131071

local function environment(name, value)
    if not name:find "^[%a_][%w_]*$" then
        return nil, quote(name) .. " is not the name of an environment variable"
    elseif value:find "\0" then
        return nil, ("the value of %s has a NUL byte"):format(name)
    elseif not utf8.len(value) then
        return nil, ("the value of %s isn't UTF-8, which systemd refuses"):format(name)
    elseif #name + 1 + #value > MAX_ARGUMENT then
        return nil, ("the value of %s is too long"):format(name)
    end
    return { name = name, value = value }
end

-- An environment variable. Values can be secret and are never part of `why`.
M.env = define {
    expected = "NAME=VALUE",
    collected = "table<string, string>",
    parse = function(text)
        local name, value = text:match "^([^=]*)=(.*)$"
        if not name then
            return nil, "expected NAME=VALUE"
        end
        return environment(name, value)
    end,
    accept = function(value)
        if type(value) ~= "table" or type(value.name) ~= "string" then
            return nil, ("expected NAME=VALUE, not a %s"):format(type(value))
        elseif type(value.value) ~= "string" and math.type(value.value) ~= "integer" then
            return nil, ("the value of %s is a %s, not a text"):format(value.name,
                type(value.value))
        end
        return environment(value.name, tostring(value.value))
    end,
    show = function(value)
        return value.name .. "=" .. value.value
    end,
    -- Many of them are one table, values by name.
    insert = function(into, variable)
        into[variable.name] = variable.value
    end,
    explode = function(variables)
        local list, names = {}, {}
        for name, value in pairs(variables) do
            if type(name) == "string" then
                names[#names + 1] = name
            else
                list[#list + 1] = value
            end
        end
        table.sort(names)
        for _, name in ipairs(names) do
            list[#list + 1] = { name = name, value = variables[name] }
        end
        return list
    end,
}

return M
