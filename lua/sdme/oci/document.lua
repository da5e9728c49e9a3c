-- JSON that somebody else wrote, read field by field: each is of the type that was expected, within
-- its bounds, or one line says where it isn't.

local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local reference <const> = require "sdme.oci.reference"
local text <const> = require "sdme.text"

local M <const> = {}

---What registries agree to keep: distribution-spec, "Pushing Manifests".
M.MAX_SIZE = 4 << 20

-- Of brackets and commas: a document of many tiny values takes a hundred times its size in memory.
local MAX_VALUES <const> = 1 << 17

local MAX_LINE <const> = 4096

---@class sdme.oci.Document an object of JSON, and where it is
---@field what string
---@field path string "" for the whole
---@field value table
local Document <const> = {}
Document.__index = Document

local function wrap(what, path, value)
    return setmetatable({ what = what, path = path, value = value }, Document)
end

local function shown(path)
    return text.printable(#path > 128 and path:sub(1, 125) .. "..." or path)
end

-- What a value is to those who read JSON.
local function kind_of(value)
    local kind <const> = type(value)
    if value == json.null then
        return "null"
    elseif kind == "table" then
        return value[1] ~= nil and "a list" or "an object"
    end
    return kind == "string" and "a text" or "a " .. kind
end

---Raises that a field isn't what it has to be.
---@param key string?
---@param format string
function Document:fail(key, format, ...)
    local path <const> = key and self:path_of(key) or self.path
    fault.raise("EFORMAT", nil, "%s: %s%s", self.what, path ~= "" and shown(path) .. ": " or "",
        format:format(...))
end

---@param key string
---@return string
function Document:path_of(key)
    return self.path == "" and key or self.path .. "." .. key
end

-- A field of a type, nil if it is missing or null.
local function field(self, key, expected, lua_type, required)
    local value <const> = self.value[key]
    if value == nil or value == json.null then
        if required then
            self:fail(key, "expected %s, and there is none", expected)
        end
        return nil
    elseif type(value) ~= lua_type then
        self:fail(key, "expected %s, not %s", expected, kind_of(value))
    end
    return value
end

---@param key string
---@return boolean has it has such a field, whatever it is
function Document:has(key)
    return self.value[key] ~= nil and self.value[key] ~= json.null
end

local function check_text(self, key, value)
    if type(value) ~= "string" then
        self:fail(key, "expected a text, not %s", kind_of(value))
    elseif value:find("\0", 1, true) then
        self:fail(key, "expected a text without NUL")
    end
    return value
end

---A text, of which only that it has no NUL is known.
---@param key string
---@param required boolean?
---@return string?
function Document:text(key, required)
    local value <const> = field(self, key, "a text", "string", required)
    return value and check_text(self, key, value)
end

---A text without control characters, of at most 4096 bytes.
---@param key string
---@param required boolean?
---@return string?
function Document:line(key, required)
    local value <const> = self:text(key, required)
    if value and #value > MAX_LINE then
        self:fail(key, "expected at most %d bytes", MAX_LINE)
    elseif value and text.printable(value) ~= value then
        self:fail(key, "expected a text without control characters, not '%s'", shown(value))
    end
    return value
end

---@param key string
---@param least integer
---@param most integer
---@param required boolean?
---@return integer?
function Document:integer(key, least, most, required)
    local value <const> = field(self, key, "a whole number", "number", required)
    if value and (math.type(value) ~= "integer" or value < least or value > most) then
        self:fail(key, "expected a whole number from %d to %d, not %s", least, most,
            tostring(value))
    end
    return value
end

local function check_digest(self, key, value)
    if not reference.is_digest(value) then
        self:fail(key, "expected a digest such as sha256:HEX, not '%s'", shown(value))
    end
    return value
end

---@param key string
---@return string
function Document:digest(key)
    return check_digest(self, key, self:line(key, true))
end

---@param key string
---@return boolean?
function Document:boolean(key)
    return field(self, key, "true or false", "boolean")
end

-- cjson makes the same of an object and of a list; an empty one may be either.
local function is_list(value)
    local count = 0
    for _ in pairs(value) do
        count = count + 1
    end
    return count == #value
end

local function is_object(value)
    return type(value) == "table" and value ~= json.null and value[1] == nil
end

local function list(self, key, most, required)
    local value <const> = field(self, key, "a list", "table", required)
    if value and not is_list(value) then
        self:fail(key, "expected a list, not an object")
    elseif value and #value > most then
        self:fail(key, "expected a list of at most %d, not of %d", most, #value)
    end
    return value
end

---@param key string
---@param required boolean?
---@return sdme.oci.Document?
function Document:object(key, required)
    local value <const> = field(self, key, "an object", "table", required)
    if value and not is_object(value) then
        self:fail(key, "expected an object, not a list")
    end
    return value and wrap(self.what, self:path_of(key), value)
end

---A list of objects, empty if there is none.
---@param key string
---@param most integer
---@param required boolean?
---@return sdme.oci.Document[]
function Document:objects(key, most, required)
    local objects <const> = {}
    for i, value in ipairs(list(self, key, most, required) or {}) do
        local name <const> = ("%s[%d]"):format(key, i - 1)
        if not is_object(value) then
            self:fail(name, "expected an object, not %s", kind_of(value))
        end
        objects[i] = wrap(self.what, self:path_of(name), value)
    end
    return objects
end

---A list of texts, nil if there is none.
---@param key string
---@param most integer
---@param required boolean?
---@return string[]?
function Document:texts(key, most, required)
    local values <const> = list(self, key, most, required)
    for i, value in ipairs(values or {}) do
        check_text(self, ("%s[%d]"):format(key, i - 1), value)
    end
    return values
end

---A list of digests.
---@param key string
---@param most integer
---@return string[]
function Document:digests(key, most)
    local values <const> = self:texts(key, most, true)
    for i, value in ipairs(values) do
        check_digest(self, ("%s[%d]"):format(key, i - 1), value)
    end
    return values
end

---An object without fields, where a field is missing.
---@param key string
---@return sdme.oci.Document
function Document:empty(key)
    return wrap(self.what, self:path_of(key), {})
end

---The names of an object's fields in order, whatever they hold; none if it is missing.
---@param key string
---@return string[]
function Document:names(key)
    local object <const> = self:object(key)
    local names <const> = {}
    for name in pairs(object and object.value or {}) do
        names[#names + 1] = check_text(self, key, name)
    end
    table.sort(names)
    return names
end

---An object that has texts alone; nil if it is missing.
---@param key string
---@return table<string, string>?
function Document:map(key)
    local object <const> = self:object(key)
    local map <const> = {}
    for name, value in pairs(object and object.value or {}) do
        check_text(self, key, name)
        map[name] = value ~= json.null and object:text(name) or nil
    end
    return object and map
end

local function decode(bytes, what)
    if #bytes > M.MAX_SIZE then
        fault.raise("EFBIG", nil, "%s: expected at most %d bytes", what, M.MAX_SIZE)
    end
    local _, values <const> = bytes:gsub("[%[{,]", "%0")
    if values > MAX_VALUES then
        fault.raise("EFBIG", nil, "%s: expected at most %d values", what, MAX_VALUES)
    end
    return json.decode(bytes, what, { null = true })
end

---Reads an object of JSON.
---@param bytes string
---@param what string what it is, for messages
---@return sdme.oci.Document
function M.parse(bytes, what)
    local value <const> = decode(bytes, what)
    if not is_object(value) then
        fault.raise("EFORMAT", nil, "%s: expected an object, not %s", what, kind_of(value))
    end
    return wrap(what, "", value)
end

---Reads a list of objects of JSON.
---@param bytes string
---@param what string what it is, for messages
---@param most integer
---@return sdme.oci.Document[]
function M.parse_objects(bytes, what, most)
    local value <const> = decode(bytes, what)
    if type(value) ~= "table" or value == json.null or not is_list(value) then
        fault.raise("EFORMAT", nil, "%s: expected a list, not %s", what, kind_of(value))
    end
    return wrap(what, "", { [""] = value }):objects("", most)
end

return M
