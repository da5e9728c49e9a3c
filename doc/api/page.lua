-- doc/api.md

local documentation <const> = require "sdme.documentation"

local HEAD <const> = [[
# The Lua API, name by name

This page is made by `make docs` from the annotations in the source; [the guide](lua.md) tells how
it all belongs together. What fails raises an error, an [`sdme.Fault`](#sdmefault); functions of
[`sdme.core`](#sdmecore) return `nil, message, code` instead.

In the examples `core` is `sdme.core`, `task` is `sdme.task`, and `web` is a container that runs.
]]

local function anchor(heading)
    return "#" .. heading:lower():gsub("[^%w_ -]", ""):gsub(" ", "-")
end

-- A type in code, with a link if it names one class.
local function show_type(type_text)
    local found
    for name in type_text:gmatch "%f[%w_]sdme[%w_.]*" do
        found = not found and documentation.class(name)
    end
    local code <const> = ("`%s`"):format(type_text)
    return found and ("[%s](%s)"):format(code, anchor(found.name)) or code
end

local Page <const> = {}
Page.__index = Page

function Page:line(format, ...)
    self[#self + 1] = select("#", ...) > 0 and format:format(...) or format
end

-- A paragraph or a list, with an empty line before.
function Page:block(text)
    if text ~= "" then
        self:line ""
        self[#self + 1] = text
    end
end

local function list_item(name, type_text, text)
    local item <const> = ("- %s %s%s"):format(name, show_type(type_text), text ~= "" and ": " or "")
    return item .. text
end

local function list_fields(fields)
    local items <const> = {}
    for i, field in ipairs(fields) do
        items[i] = list_item(("`%s`"):format(field.name), field.type or "any", field.text)
    end
    return table.concat(items, "\n")
end

-- The records that a type names, which come where they are first named.
function Page:records(type_text)
    for name in type_text:gmatch "%f[%w_]sdme[%w_.]*" do
        local class <const> = documentation.class(name)
        local alias <const> = documentation.aliases()[name]
        if class and class.kind == "record" and not self.placed[name] then
            self.placed[name] = true
            self:block("#### " .. name)
            self:block(class.text)
            self:block(list_fields(documentation.fields(class)))
            for _, field in ipairs(documentation.fields(class)) do
                self:records(field.type or "any")
            end
        elseif alias and not self.placed[name] then
            self.placed[name] = true
            self:block("#### " .. name)
            self:block(("`%s`: %s"):format(alias.type, alias.text:gsub("^%u", string.lower)))
        end
    end
end

function Page:call(class, one)
    self:block(("### `%s`"):format(documentation.signature(class, one)))
    self:block(one.text)
    local items <const> = {}
    for _, param in ipairs(one.params) do
        items[#items + 1] = list_item(("`%s`"):format(param.name), param.type, param.text)
    end
    for _, result in ipairs(one.returns) do
        local name <const> = result.name and (" `%s`"):format(result.name) or ""
        items[#items + 1] = list_item("returns" .. name, result.type, result.text)
    end
    self:block(table.concat(items, "\n"))
    for _, list in ipairs { one.params, one.returns } do
        for _, each in ipairs(list) do
            self:records(each.type)
        end
    end
end

function Page:section(class)
    self:block("## " .. class.name)
    self:block(class.text)
    if class.parent then
        self:block(("Has what [`%s`](%s) has."):format(class.parent, anchor(class.parent)))
    end
    self:block(list_fields(class.fields))
    for _, field in ipairs(class.fields) do
        self:records(field.type or "any")
    end
    for _, one in ipairs(class.functions) do
        self:call(class, one)
    end
end

-- The records that nothing names as a type.
local function unnamed()
    local named <const> = {}
    local function note(type_text)
        for name in (type_text or ""):gmatch "%f[%w_]sdme[%w_.]*" do
            named[name] = true
        end
    end
    for _, class in ipairs(documentation.classes()) do
        note(class.parent)
        for _, field in ipairs(class.fields) do
            note(field.type)
        end
        for _, one in ipairs(class.functions) do
            for _, list in ipairs { one.params, one.returns } do
                for _, each in ipairs(list) do
                    note(each.type)
                end
            end
        end
    end
    return function(class)
        return not named[class.name]
    end
end

-- Classes in Lua as they are reached; those in C behind, file by file.
local function sections()
    local lua <const>, files <const>, c = {}, { ["src/lua/core.lua"] = 0 }, {}
    local is_unnamed <const> = unnamed()
    for i, class in ipairs(documentation.classes()) do
        local file <const>, line <const> = class.source:match "^(src/lua/.*):(%d+)$"
        local has_section <const> = class.kind ~= "record" or is_unnamed(class)
        if has_section and not file then
            lua[#lua + 1] = class
        elseif has_section then
            files[file] = files[file] or i
            c[#c + 1] = { class = class, key = files[file] << 20 | tonumber(line) }
        end
    end
    table.sort(c, function(a, b) return a.key < b.key end)
    for _, one in ipairs(c) do
        lua[#lua + 1] = one.class
    end
    return lua
end

---@return string
return function()
    local page <const> = setmetatable({ placed = {}, HEAD }, Page)
    local links <const> = {}
    for i, class in ipairs(sections()) do
        links[i] = ("[%s](%s)"):format(class.name, anchor(class.name))
    end
    page[#page + 1] = table.concat(links, " ·\n")
    for _, class in ipairs(sections()) do
        page:section(class)
    end
    return table.concat(page, "\n") .. "\n"
end
