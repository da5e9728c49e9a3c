-- Values as a person reads them: tables with their keys in order, and what is long cut short.

local listing <const> = require "sdme.listing"
local manual <const> = require "sdme.repl.manual"
local text <const> = require "sdme.text"
local word <const> = require "sdme.repl.word"

local M <const> = {}

local INDENT <const> = "    "

local DEFAULTS <const> = { width = 80, depth = 3, entries = 100, letters = 1000 }

local COLOURS <const> = {
    string = "green", number = "yellow", boolean = "yellow", ["nil"] = "dim", ["function"] = "blue",
    table = "dim", userdata = "blue", thread = "blue",
}

-- A value that is being shown: `around` are the tables that it is in.
local Printer <const> = {}
Printer.__index = Printer

function Printer:paint(type_name, shown)
    return self.colour and listing.colour(COLOURS[type_name], shown) or shown
end

local function columns(shown)
    return text.width((shown:gsub("\27%[%d+m", "")))
end

-- The beginning of a text, up to a whole character.
local function head(value, letters)
    local last = letters
    while last > 0 and (value:byte(last + 1) or 0) & 0xC0 == 0x80 do
        last = last - 1
    end
    return value:sub(1, last)
end

local function quote(value)
    return '"' .. text.printable((value:gsub('[\\"]', "\\%0"))) .. '"'
end

function Printer:string(value)
    if #value <= self.letters then
        return self:paint("string", quote(value))
    end
    return self:paint("string", quote(head(value, self.letters)) .. "…")
        .. self:paint("nil", (" (%d bytes)"):format(#value))
end

local function describe_function(value)
    local known <const> = manual.entry(value)
    if known then
        return "function " .. known.signature
    end
    local where <const> = debug.getinfo(value, "S")
    return where.what == "C" and tostring(value):gsub("builtin: ", "")
        or ("function <%s:%d>"):format(text.printable(where.short_src), where.linedefined)
end

Printer["function"] = function(self, value)
    return self:paint("function", describe_function(value))
end

-- What `tostring` says, which may be a function of the user's.
local function name_of(value)
    local ok, name = pcall(tostring, value)
    return ok and text.printable(name) or type(value)
end

local ORDER <const> = { number = 1, string = 2, boolean = 3 }

local function is_before(a, b)
    local first <const>, second <const> = ORDER[type(a)] or 4, ORDER[type(b)] or 4
    if first ~= second then
        return first < second
    elseif first <= 2 then
        return a < b
    end
    return tostring(a) < tostring(b)
end

-- The keys behind the array part. Raw: metamethods are the user's, and may do anything.
local function other_keys(value, count)
    local keys <const> = {}
    for key in next, value do
        if math.type(key) ~= "integer" or key < 1 or key > count then
            keys[#keys + 1] = key
        end
    end
    -- What `tostring` says of a key may change while they are sorted, or raise.
    pcall(table.sort, keys, is_before)
    return keys
end

local function array_length(value)
    local count = 0
    while rawget(value, count + 1) ~= nil do
        count = count + 1
    end
    return count
end

function Printer:key(key)
    if word.is_name(key) then
        return key
    end
    return "[" .. self:deeper(key) .. "]"
end

function Printer:deeper(value)
    self.level = self.level + 1
    local shown <const> = self:show(value)
    self.level = self.level - 1
    return shown
end

-- The entries of a table, each as text, and how many were left out.
function Printer:entries_of(value)
    local parts <const>, count <const> = {}, array_length(value)
    local keys <const> = other_keys(value, count)
    for i = 1, math.min(count, self.entries) do
        parts[i] = self:deeper(rawget(value, i))
    end
    for i = 1, math.min(#keys, self.entries - #parts) do
        parts[#parts + 1] = self:key(keys[i]) .. " = " .. self:deeper(rawget(value, keys[i]))
    end
    return parts, count + #keys - #parts
end

-- On one line if there is room for it.
function Printer:arrange(prefix, parts)
    local room <const> = self.width - #INDENT * self.level - columns(prefix)
    local line <const> = "{ " .. table.concat(parts, ", ") .. " }"
    if not line:find("\n", 1, true) and columns(line) <= room then
        return prefix .. line
    end
    local margin <const> = INDENT:rep(self.level + 1)
    return ("%s{\n%s%s,\n%s}"):format(prefix, margin, table.concat(parts, ",\n" .. margin),
        INDENT:rep(self.level))
end

function Printer:members(value, prefix)
    if next(value) == nil then
        return prefix .. "{}"
    elseif self.level >= self.depth then
        return prefix .. self:paint("table", "{…}")
    end
    self.around[value] = true
    local parts <const>, rest <const> = self:entries_of(value)
    self.around[value] = nil
    if rest > 0 then
        parts[#parts + 1] = self:paint("table", ("… %d more"):format(rest))
    end
    return self:arrange(prefix, parts)
end

-- How far a container is, as `sdme ps` says it; whatever keeps us from asking isn't the question.
local function state_of(container)
    local ok, status = pcall(container.status, container)
    return ok and (" (%s)"):format(status) or ""
end

local function named(class)
    return function(value)
        return ("sdme.%s%s"):format(class, value.name and " " .. quote(value.name) or "")
    end
end

-- Our own objects, by the name of their class.
local OBJECTS <const> = {
    ["sdme.container"] = function(value)
        return ("sdme.Container %s%s"):format(quote(value.name), state_of(value))
    end,
    ["sdme.rootfs"] = named "Rootfs",
    ["sdme.recipe"] = named "Recipe",
    ["sdme.pod"] = named "Pod",
    ["sdme.fault"] = function(value)
        return ("sdme.Fault %s%s"):format(quote(value.message),
            value.code and (" (%s)"):format(value.code) or "")
    end,
}

-- Classes whose objects are as any table of theirs: the name would only be in the way.
local PLAIN <const> = { ["sdme.json.array"] = true }

function Printer:table(value)
    local metatable <const> = debug.getmetatable(value)
    local class <const> = type(metatable) == "table" and rawget(metatable, "__name") or nil
    if OBJECTS[class] then
        return self:paint("function", OBJECTS[class](value))
    elseif type(metatable) == "table" and rawget(metatable, "__tostring") then
        return name_of(value)
    elseif self.around[value] then
        return self:paint("table", "<cycle>")
    end
    local is_shown <const> = type(class) == "string" and not PLAIN[class]
    return self:members(value, is_shown and text.printable(class) .. " " or "")
end

function Printer:show(value)
    local kind <const> = type(value)
    local method <const> = rawget(Printer, kind)
    if method and kind ~= "number" then
        return method(self, value)
    end
    return self:paint(kind, name_of(value))
end

---A value as text of one line or more.
---@param value any
---@param options { width: integer?, colour: boolean?, depth: integer?, entries: integer?,
---letters: integer? }? columns there are, and how deep, how many and how long things may be
---@return string
function M.show(value, options)
    local printer <const> = setmetatable({ level = 0, around = {} }, Printer)
    for name, default in pairs(DEFAULTS) do
        printer[name] = options and options[name] or default
    end
    printer.colour = options and options.colour
    return printer:show(value)
end

---Values as a prompt answers with them: on one line, or each on lines of its own.
---@param values table with `n`
---@param options table? as `show` takes them
---@return string
function M.show_all(values, options)
    local parts <const> = {}
    for i = 1, values.n do
        parts[i] = M.show(values[i], options)
    end
    local line <const> = table.concat(parts, "  ")
    local width <const> = options and options.width or DEFAULTS.width
    local fits <const> = not line:find("\n", 1, true) and columns(line) <= width
    return fits and line or table.concat(parts, "\n")
end

return M
