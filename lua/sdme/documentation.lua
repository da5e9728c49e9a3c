-- What the annotations of the source say about everything that scripts reach, to be looked up: for
-- `help`, for completion, and for the pages that are made of it.

---@class sdme.documentation.Field
---@field name string
---@field type string? as annotations write it
---@field text string
---@field optional boolean?

---@class sdme.documentation.Function: sdme.documentation.Field
---@field method boolean?
---@field params sdme.documentation.Field[]
---@field parameters string[]? their names in the code
---@field returns sdme.documentation.Field[] without a name where the annotation has none
---@field source string the file and the line of its first line

---@class sdme.documentation.Class
---@field name string
---@field kind "module"|"object"|"record"
---@field owner string what its members are called by: "sdme.task" or "container"
---@field text string
---@field parent string?
---@field fields sdme.documentation.Field[]
---@field functions sdme.documentation.Function[]

local M <const> = {}

local data

local function kind_of(class)
    local word <const> = class.name:match "[^.]+$"
    if word:find "^%l" then
        return "module", class.name
    end
    return #class.functions > 0 and "object" or "record", word:gsub("^%u", string.lower)
end

-- Both by name, and the classes in their order.
local function load_data()
    if not data then
        data = require "sdme.documentation_data"
        data.by_name = {}
        for _, class in ipairs(data.classes) do
            class.kind, class.owner = kind_of(class)
            data.by_name[class.name] = class
        end
    end
    return data
end

---All classes that scripts reach: modules, objects, and records.
---@return sdme.documentation.Class[]
function M.classes()
    return load_data().classes
end

---The names of types that aren't classes.
---@return table<string, { name: string, type: string, text: string }>
function M.aliases()
    return load_data().aliases
end

---@param name string
---@return sdme.documentation.Class?
function M.class(name)
    return load_data().by_name[name]
end

---The fields of a class and of those that it is based on.
---@param class sdme.documentation.Class
---@return sdme.documentation.Field[]
function M.fields(class)
    local parent <const> = class.parent and M.class(class.parent)
    local fields <const> = parent and M.fields(parent) or {}
    return table.move(class.fields, 1, #class.fields, #fields + 1, fields)
end

---What a member of a class is called: "sdme.create", "container:start", "container.name".
---@param class sdme.documentation.Class
---@param member sdme.documentation.Field
---@return string
function M.name(class, member)
    return class.owner .. (member.method and ":" or ".") .. member.name
end

---How a function is called: "container:start([options])".
---@param class sdme.documentation.Class
---@param one sdme.documentation.Function
---@return string
function M.signature(class, one)
    local shown, closing = "", ""
    for i, param in ipairs(one.params) do
        local comma <const> = i > 1 and ", " or ""
        if param.optional then
            shown, closing = ("%s[%s%s"):format(shown, comma, param.name), closing .. "]"
        else
            shown = ("%s%s%s"):format(shown, comma, param.name)
        end
    end
    return ("%s(%s%s)"):format(M.name(class, one), shown, closing)
end

-- The record whose fields a parameter or a result has.
local function record_of(type_text)
    local name <const> = type_text:match "^(sdme[%w_.]*)%??$"
    local class <const> = name and M.class(name)
    return class and class.kind == "record" and class or nil
end
M.record_of = record_of

local function append(lines, format, ...)
    lines[#lines + 1] = format:format(...)
end

local function list_fields(lines, record)
    for _, field in ipairs(M.fields(record)) do
        append(lines, "    %s: %s  %s", field.name, field.type or "any", field.text)
    end
end

local function describe_function(class, one)
    local lines <const> = { one.text }
    if #one.params + #one.returns > 0 then
        lines[#lines + 1] = ""
    end
    for _, param in ipairs(one.params) do
        append(lines, "%s: %s  %s", param.name, param.type, param.text)
        local record <const> = record_of(param.type)
        if record then
            list_fields(lines, record)
        end
    end
    for _, result in ipairs(one.returns) do
        append(lines, "returns %s: %s  %s", result.name or "", result.type, result.text)
        local record <const> = record_of(result.type)
        if record then
            list_fields(lines, record)
        end
    end
    return {
        name = M.name(class, one), signature = M.signature(class, one),
        text = table.concat(lines, "\n"),
    }
end

local function describe_field(class, field)
    return {
        name = M.name(class, field), signature = ("%s: %s"):format(M.name(class, field),
            field.type or "any"), text = field.text,
    }
end

-- The first sentence of a text.
local function summary(text)
    return (text:match "^(.-[.:])%s" or text):gsub("\n", " ")
end

local function describe_class(class)
    local lines <const> = { class.text }
    if #class.fields + #class.functions > 0 and class.text ~= "" then
        lines[#lines + 1] = ""
    end
    for _, field in ipairs(M.fields(class)) do
        append(lines, "%s: %s  %s", M.name(class, field), field.type or "any", field.text)
    end
    for _, one in ipairs(class.functions) do
        append(lines, "%s  %s", M.signature(class, one), summary(one.text))
    end
    return { name = class.name, signature = class.name, text = table.concat(lines, "\n") }
end

local entries

-- Everything that has a name, with what describes it.
local function load_entries()
    if entries then
        return entries
    end
    entries = { sources = {} }
    local function add(name, describe, class, member)
        local entry <const> = { describe = describe, class = class, member = member }
        entries[#entries + 1] = name
        entries[name] = entries[name] or entry
        return entry
    end
    for _, class in ipairs(M.classes()) do
        add(class.name, describe_class, class)
        for _, field in ipairs(class.kind ~= "record" and class.fields or {}) do
            add(M.name(class, field), describe_field, class, field)
        end
        for _, one in ipairs(class.functions) do
            entries.sources[one.source] = add(M.name(class, one), describe_function, class, one)
        end
    end
    return entries
end

-- A module has one name as a field of another and as itself.
local function find(name)
    local class <const> = M.class(name)
    return class and { describe = describe_class, class = class } or load_entries()[name]
end

local function describe(entry)
    return entry and entry.describe(entry.class, entry.member) or nil
end

---All names that begin so, sorted.
---@param prefix string?
---@return string[]
function M.names(prefix)
    local names <const>, seen <const> = {}, {}
    for _, name in ipairs(load_entries()) do
        if name:sub(1, #(prefix or "")) == (prefix or "") and not seen[name] then
            names[#names + 1], seen[name] = name, true
        end
    end
    table.sort(names)
    return names
end

---What is said about a name: "sdme.create", "container:start", "sdme.Container".
---@param name string
---@return { name: string, signature: string, text: string }?
function M.entry(name)
    return describe(find(name))
end

---The same as text, behind how it is called.
---@param name string
---@return string?
function M.text(name)
    local entry <const> = M.entry(name)
    return entry and entry.signature .. "\n\n" .. entry.text or nil
end

-- The value that a module or the methods of a class are, as far as that has been loaded.
local function value_of(class)
    if class.kind ~= "module" then
        local metatable <const> = debug.getregistry()[class.name:lower()]
        return type(metatable) == "table" and metatable.__index or nil
    end
    local here = package.loaded.sdme
    for part in class.name:gmatch "%.([^.]+)" do
        here = type(here) == "table" and rawget(here, part) or nil
    end
    return here
end

local function find_module(value)
    for _, class in ipairs(M.classes()) do
        if class.kind == "module" and value_of(class) == value then
            return { describe = describe_class, class = class }
        end
    end
    return nil
end

-- By where the source has it: "@/usr/share/lua/5.4/sdme/task.lua" is our sdme/task.lua.
local function find_lua(value)
    local about <const> = debug.getinfo(value, "S")
    for position in about.source:gmatch "()sdme/" do
        local source <const> = ("%s:%d"):format(about.source:sub(position), about.linedefined)
        if load_entries().sources[source] then
            return load_entries().sources[source]
        end
    end
    return nil
end

-- A function in C, or one that another module lent: by the modules and classes that have it.
local function find_member(value)
    for _, class in ipairs(M.classes()) do
        local members <const> = value_of(class)
        for _, one in ipairs(type(members) == "table" and class.functions or {}) do
            if rawget(members, one.name) == value then
                return { describe = describe_function, class = class, member = one }
            end
        end
    end
    return nil
end

-- The class of an object: by the name of its metatable, or by where its methods are from.
local function find_object(value)
    local metatable <const> = debug.getmetatable(value)
    if type(metatable) ~= "table" then
        return nil
    end
    local name <const> = rawget(metatable, "__name")
    for _, class in ipairs(M.classes()) do
        if class.kind == "object" and class.name:lower() == name then
            return { describe = describe_class, class = class }
        end
    end
    local methods <const> = rawget(metatable, "__index")
    for _, method in pairs(type(methods) == "table" and methods or {}) do
        local entry <const> = type(method) == "function" and find_lua(method)
        if entry then
            return { describe = describe_class, class = entry.class }
        end
    end
    return nil
end

---What is known of a function.
---@param value function
---@return sdme.documentation.Function?
function M.of_function(value)
    local entry <const> = find_lua(value) or find_member(value)
    return entry and entry.member or nil
end

---What is said about a value: a function, a module or an object.
---@param value any
---@return { name: string, signature: string, text: string }?
function M.of(value)
    if type(value) == "function" then
        return describe(find_lua(value) or find_member(value))
    elseif type(value) == "table" then
        return describe(find_module(value) or find_object(value))
    elseif type(value) == "userdata" then
        return describe(find_object(value))
    end
    return nil
end

return M
