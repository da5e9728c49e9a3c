-- What the key of a step is made of, part by part, so that one can tell which of them changed.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local text <const> = require "sdme.text"

local M <const> = {}

-- What is longer is told by its digest.
local LONGEST <const> = 60

-- Of a table with more keys no single one is told.
local MOST <const> = 64

local function shorten(value)
    local encoded <const> = type(value) == "string" and text.printable(value) or json.encode(value)
    if #encoded <= LONGEST then
        return encoded
    end
    local digest <const> = fault.check(core.digest.new "sha256")
    digest:update(encoded)
    return "sha256:" .. digest:hex():sub(1, 16)
end

-- The keys of a table that is no list, unless there are too many.
local function keys_of(value)
    local keys <const> = {}
    for key in pairs(value) do
        if type(key) ~= "string" or #keys == MOST then
            return nil
        end
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return #keys > 0 and keys or nil
end

local function add(parts, name, value)
    if type(value) == "table" and next(value) == nil then
        return
    end
    local keys <const> = type(value) == "table" and keys_of(value)
    if not keys then
        parts[name] = shorten(value)
        return
    end
    for _, key in ipairs(keys) do
        parts[("%s.%s"):format(name, text.printable(key))] = shorten(value[key])
    end
end

---The parts of a step's key.
---@param doing table
---@param layers string[]? those below
---@return table<string, string>
function M.of(doing, layers)
    local parts <const> = {}
    for name, value in pairs(type(doing) == "table" and doing or { doing = doing }) do
        add(parts, tostring(name), value)
    end
    parts.below = layers and layers[#layers] or nil
    return parts
end

-- The names that two steps differ in.
local function differences(parts, before)
    local names <const> = {}
    for name, value in pairs(parts) do
        names[#names + 1] = before[name] ~= value and name or nil
    end
    for name in pairs(before) do
        names[#names + 1] = parts[name] == nil and name or nil
    end
    table.sort(names)
    return names
end

local function verdict(one, before, no_cache)
    if one.module.metadata then
        return "no layer"
    elseif one.hit then
        return "found"
    elseif no_cache then
        return "made anew: the cache isn't asked"
    elseif not before then
        return "made: the last build had no such step"
    elseif before.kind ~= one.module.name then
        return ("made: this step was `%s` in the last build"):format(before.kind)
    end
    local changed <const> = differences(one.parts, before.parts or {})
    return #changed > 0 and "made: changed: " .. table.concat(changed, ", ")
        or "made: its layer is gone"
end

---Tells of a step what became of it, and what its key is made of.
---@param builder sdme.Builder
---@param one table
---@param before sdme.BuildStep? the same step of the build before
function M.tell(builder, one, before)
    local progress <const> = builder.session.progress
    progress:note(("%s %d: %s %s: %s"):format(builder.label, one.number, one.module.name, one.what,
        verdict(one, before, builder.session.options.no_cache)))
    for _, name in ipairs(differences(one.parts, {})) do
        progress:note(("    %s = %s"):format(name, one.parts[name]))
    end
end

return M
