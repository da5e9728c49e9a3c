-- Environment variables.

local base <const> = require "sdme.kind.base"
local name_kinds <const> = require "sdme.kind.name"

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

-- What a script gives for a secret is an object that has its name; the state has { secret = name }.
local function secret_of(value)
    return type(value) == "table" and (rawget(value, "secret") or rawget(value, "name")) or nil
end

local function secret_variable(name, secret)
    local variable <const>, why <const> = environment(name, "")
    local checked <const>, why_not <const> = name_kinds.secret.check(secret)
    if not variable or not checked then
        return nil, why or ("the value of %s: %s"):format(name, why_not)
    end
    return { name = name, value = { secret = checked } }
end

-- An environment variable. Values can be secret and are never part of `why`.
M.env = define {
    expected = "NAME=VALUE",
    collected = "table<string, string|sdme.Secret>",
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
        elseif secret_of(value.value) then
            return secret_variable(value.name, secret_of(value.value))
        elseif type(value.value) ~= "string" and math.type(value.value) ~= "integer" then
            return nil, ("the value of %s is a %s, not a text"):format(value.name,
                type(value.value))
        end
        return environment(value.name, tostring(value.value))
    end,
    show = function(value)
        local secret <const> = secret_of(value.value)
        return value.name .. "=" .. (secret and ("(secret %s)"):format(secret) or value.value)
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
