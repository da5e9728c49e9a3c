-- Secrets of a step: what they are called is part of its key, what they are is in none.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

-- Larger ones are none, and all of them lie in memory.
local MAXIMUM_SIZE <const> = 1 << 20

local function from_file(path)
    local value <const>, why <const> = core.file.read(path, { max = MAXIMUM_SIZE })
    return value or fault.raise("ENOENT", nil, "a secret: %s", why)
end

local function from_environment(name)
    return os.getenv(name) or fault.raise("ENOENT", nil, "a secret: $%s isn't set", name)
end

-- What a secret's value comes from, by what it is given as.
local function reader(value)
    if type(value) == "string" then
        return function() return value end
    elseif type(value) == "table" and type(value.file) == "string" then
        return function() return from_file(value.file) end
    elseif type(value) == "table" and type(value.env) == "string" then
        return function() return from_environment(value.env) end
    end
    local indexed <const>, method <const> = pcall(function() return value.value end)
    return indexed and type(method) == "function" and function() return method(value) end or nil
end

---@param given table<string, any>?
---@return { name: string, read: fun(): string }[] by name
function M.check(given)
    local list <const> = {}
    for name, value in pairs(given or {}) do
        if type(name) ~= "string" or not name:find "^[%w_-][%w_.-]*$" or #name > 255 then
            fault.usage("run: expected secrets by name, of letters, digits, '_', '.' and '-'")
        end
        local read <const> = reader(value)
        if not read then
            fault.usage("run: the secret %s is a %s: expected a string, { file = }, { env = } or an"
                .. " object that has a value", name, type(value))
        end
        list[#list + 1] = { name = name, read = read }
    end
    table.sort(list, function(a, b) return a.name < b.name end)
    return list
end

---@param list { name: string }[]
---@return string[]
function M.names(list)
    local names <const> = {}
    for i, secret in ipairs(list) do
        names[i] = secret.name
    end
    return names
end

---The secrets as step.run takes them.
---@param list { name: string, read: fun(): string }[]
---@param user { uid: integer, gid: integer } who may read them
---@return table[]
function M.values(list, user)
    local values <const> = {}
    for i, secret in ipairs(list) do
        local value <const> = secret.read()
        if type(value) ~= "string" or #value > MAXIMUM_SIZE then
            fault.raise("EINVAL", nil, "the secret %s is no text of at most %d bytes", secret.name,
                MAXIMUM_SIZE)
        end
        values[i] = { name = secret.name, value = value, uid = user.uid, gid = user.gid }
    end
    return values
end

return M
