-- What tells whether a function of a recipe is still the same: its code, and the values that it has
-- from around it. Modules count by their names, and so do recipes, containers and the like; what it
-- finds in global variables doesn't count.

local bytecode <const> = require "sdme.recipe.bytecode"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

-- More values than a script has around a function; who has more gives the key itself.
local MAXIMUM_VALUES <const> = 10000

local HINT <const> = "give the step a `key` of its own: b:boot(f, { key = \"...\" })"

---@class sdme.Fingerprint
---@field sum userdata
---@field seen table<any, integer> tables and functions, by the order in which they were met
---@field count integer
---@field named table<any, string> what counts by its name

local function modules()
    local named <const> = { [_G] = "_G" }
    for name, module in pairs(package.loaded) do
        if (type(module) == "table" or type(module) == "function") and not named[module] then
            named[module] = "module " .. tostring(name)
        end
        for key, value in pairs(type(module) == "table" and module or {}) do
            if type(value) == "function" and type(key) == "string" then
                named[value] = ("function %s.%s"):format(name, key)
            end
        end
    end
    return named
end

local function write(print, format, ...)
    print.sum:update(format:format(...))
end

local RANKS <const> = { boolean = 1, number = 2, string = 3 }

-- Keys by their type, then their order: any table with the same keys has the same.
local function sorted_keys(value)
    local keys <const> = {}
    for key in pairs(value) do
        if not RANKS[type(key)] then
            fault.raise("EUSAGE", HINT, "a table around the function has a %s for a key", type(key))
        end
        keys[#keys + 1] = key
    end
    table.sort(keys, function(a, b)
        local first <const>, second <const> = RANKS[type(a)], RANKS[type(b)]
        if first ~= second then
            return first < second
        elseif first == 1 then
            return not a and b
        end
        return a < b
    end)
    return keys
end

local add

local function add_table(print, value)
    local class <const> = (getmetatable(value) or {}).__name
    if class then
        write(print, "object %s %s;", class, tostring(rawget(value, "name")))
        return
    end
    write(print, "table{")
    for _, key in ipairs(sorted_keys(value)) do
        add(print, key)
        add(print, rawget(value, key))
    end
    write(print, "}")
end

local function add_function(print, value)
    if debug.getinfo(value, "S").what == "C" then
        fault.raise("EUSAGE", HINT, "a function around the function is of C, and has no name")
    end
    write(print, "function %s(", ("s4"):pack(bytecode.of(value)))
    local index = 1
    while true do
        local name <const>, inner <const> = debug.getupvalue(value, index)
        if not name then
            break
        end
        add(print, inner)
        index = index + 1
    end
    write(print, ")")
end

local ADD <const> = {
    ["nil"] = function(print) write(print, "nil;") end,
    boolean = function(print, value) write(print, "%s;", value) end,
    number = function(print, value)
        write(print, math.type(value) == "integer" and "%d;" or "%a;", value)
    end,
    string = function(print, value) print.sum:update(("s4"):pack(value)) end,
    table = add_table,
    ["function"] = add_function,
}

function add(print, value)
    if print.named[value] then
        write(print, "%s;", print.named[value])
        return
    elseif print.seen[value] then
        write(print, "again %d;", print.seen[value])
        return
    end
    print.count = print.count + 1
    if print.count > MAXIMUM_VALUES then
        fault.raise("EUSAGE", HINT, "there are more than %d values around the function",
            MAXIMUM_VALUES)
    elseif type(value) == "table" or type(value) == "function" then
        print.seen[value] = print.count
    end
    local kind <const> = ADD[type(value)]
    if kind then
        kind(print, value)
    else
        write(print, "%s;", (getmetatable(value) or {}).__name or type(value))
    end
end

---A digest of a function.
---@param call function
---@param named table<any, string>? what counts by its name, besides modules
---@return string hex
function M.of(call, named)
    local all <const> = modules()
    for value, name in pairs(named or {}) do
        all[value] = name
    end
    local print <const> = {
        sum = fault.check(core.digest.new "sha256"), seen = {}, count = 0, named = all,
    }
    -- What it is known as says nothing about it.
    all[call] = nil
    add(print, call)
    return print.sum:hex()
end

return M
