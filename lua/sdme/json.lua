-- JSON: read with lua-cjson (whole numbers become integers), written in one canonical form.

local fault <const> = require "sdme.fault"

local M <const> = {}

local MAX_DEPTH <const> = 128
local MAX_WHOLE <const> = 1 << 53

-- Where `decode` is asked to keep nulls, and for `encode` to write one.
M.null = setmetatable({}, { __name = "sdme.json.null", __tostring = function() return "null" end })

local Array <const> = { __name = "sdme.json.array" }

---Marks a table as a list, so that it is `[]` even when empty.
---@param list table?
---@return table
function M.array(list)
    return setmetatable(list or {}, Array)
end

-- cjson's names of what it found.
local TOKENS <const> = {
    T_OBJ_BEGIN = "'{'", T_OBJ_END = "'}'", T_ARR_BEGIN = "'['", T_ARR_END = "']'",
    T_STRING = "a string", T_NUMBER = "a number", T_BOOLEAN = "a boolean", T_NULL = "null",
    T_COLON = "':'", T_COMMA = "','", T_END = "the end",
}

local cjson

local function load_cjson()
    cjson = require("cjson").new()
    cjson.decode_invalid_numbers(false)
    cjson.decode_max_depth(MAX_DEPTH)
    return cjson
end

local function refuse(what, text, position, why)
    local before <const> = text:sub(1, position - 1)
    local _, newlines = before:gsub("\n", "")
    local column <const> = #before - #(before:match("^.*\n") or "") + 1
    fault.raise("EJSON", nil, "%s: line %d, column %d: %s", what, newlines + 1, column, why)
end

-- What cjson lets pass. It takes a NUL for the end, whatever follows.
local function check_bytes(text, what)
    local control <const> = text:find("[\0-\8\11\12\14-\31]")
    if control then
        refuse(what, text, control, "a control character")
    end
    local _, bad = utf8.len(text)
    if bad then
        refuse(what, text, bad, "not UTF-8")
    end
end

-- Whole numbers that a double holds exactly become integers; nulls go, or become ours.
local function normalise(value, null, what)
    if math.type(value) == "float" then
        if value == math.huge or value == -math.huge then
            fault.raise("EJSON", nil, "%s: a number is out of range", what)
        end
        return math.abs(value) < MAX_WHOLE and math.tointeger(value) or value
    elseif value == cjson.null then
        return null
    elseif type(value) == "table" then
        for key, item in pairs(value) do
            value[key] = normalise(item, null, what)
        end
    end
    return value
end

---Reads one JSON document. Nulls are dropped, or with `null` kept as `json.null`.
---@param text string
---@param what string what it is, for the fault ("EJSON") that names the line and column
---@param options { null: boolean? }?
---@return any
function M.decode(text, what, options)
    cjson = cjson or load_cjson()
    check_bytes(text, what)
    local ok, value = pcall(cjson.decode, text)
    if not ok then
        local why, position = tostring(value):match("^(.*) at character (%d+)$")
        why = (why or tostring(value)):gsub("T_[%u_]+", TOKENS):gsub("^%u", string.lower)
        refuse(what, text, tonumber(position) or 1, why)
    end
    return normalise(value, options and options.null and M.null or nil, what)
end

local ESCAPES <const> = {
    ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n",
    ["\r"] = "\\r", ["\t"] = "\\t",
}

local function escape(byte)
    return ESCAPES[byte] or ("\\u%04x"):format(byte:byte())
end

local function unwritable(path, why)
    fault.raise("EJSON", nil, "can't write as JSON: %s %s", path == "" and "it" or path, why)
end

local function encode_string(value, path)
    if not utf8.len(value) then
        unwritable(path, "isn't UTF-8")
    end
    return '"' .. value:gsub('[%c"\\]', escape) .. '"'
end

-- The shortest digits that read back as the same number.
local function encode_number(value, path)
    if math.type(value) == "integer" then
        return ("%d"):format(value)
    elseif value ~= value or value == math.huge or value == -math.huge then
        unwritable(path, "isn't a finite number")
    end
    for precision = 15, 17 do
        local digits <const> = ("%%.%dg"):format(precision):format(value)
        if tonumber(digits) == value then
            return (digits:gsub(",", "."))
        end
    end
end

-- A list's length, or nil where the table is an object.
local function list_length(value, path)
    local marked <const> = getmetatable(value) == Array
    if not marked and #value == 0 then
        return nil
    end
    local count = 0
    for _ in pairs(value) do
        count = count + 1
    end
    if count ~= #value then
        unwritable(path, "is a list with other keys or holes")
    end
    return count
end

local encode_value

local function encode_items(value, length, path, indent, depth)
    local items = {}
    for i = 1, length do
        items[i] = encode_value(value[i], ("%s[%d]"):format(path, i), indent, depth)
    end
    return "[", items, "]"
end

local function encode_fields(value, path, indent, depth)
    local keys, items = {}, {}
    for key in pairs(value) do
        if type(key) ~= "string" then
            unwritable(path, ("has the key %s, which isn't a string"):format(tostring(key)))
        end
        keys[#keys + 1] = key
    end
    table.sort(keys)
    for i, key in ipairs(keys) do
        local below <const> = path == "" and key or path .. "." .. key
        items[i] = encode_string(key, below) .. (indent and ": " or ":")
            .. encode_value(value[key], below, indent, depth)
    end
    return "{", items, "}"
end

local function encode_table(value, path, indent, depth)
    if depth > MAX_DEPTH then
        unwritable(path:sub(1, 40) .. "...", "is nested too deeply")
    end
    local open, items, close
    local length <const> = list_length(value, path)
    if length then
        open, items, close = encode_items(value, length, path, indent, depth)
    else
        open, items, close = encode_fields(value, path, indent, depth)
    end
    if not indent or #items == 0 then
        return open .. table.concat(items, ",") .. close
    end
    local margin <const> = "\n" .. (" "):rep(indent * depth)
    local inner <const> = "\n" .. (" "):rep(indent * (depth + 1))
    return open .. inner .. table.concat(items, "," .. inner) .. margin .. close
end

function encode_value(value, path, indent, depth)
    local kind <const> = type(value)
    if kind == "string" then
        return encode_string(value, path)
    elseif kind == "number" then
        return encode_number(value, path)
    elseif kind == "boolean" then
        return tostring(value)
    elseif value == M.null then
        return "null"
    elseif kind == "table" then
        return encode_table(value, path, indent, depth + 1)
    end
    unwritable(path, "is a " .. kind)
end

---Writes one JSON document: keys sorted, numbers as short as they read back the same. An empty
---table is `{}` unless `json.array` marked it.
---@param value any
---@param options { indent: integer? }?
---@return string
function M.encode(value, options)
    return encode_value(value, "", options and options.indent, -1)
end

return M
