-- What editors with the Lua language server read: every name with its types, and no code.

local documentation <const> = require "sdme.documentation"

local HEAD <const> = [[
---@meta sdme
-- Types and documentation of sdme, for the Lua language server: add the directory that this file is
-- in to `workspace.library`. It is made from the source, and has no code.
]]

local function add_text(lines, text)
    for line in (text ~= "" and text .. "\n" or ""):gmatch "([^\n]*)\n" do
        lines[#lines + 1] = "---" .. line
    end
end

local function add(lines, format, ...)
    lines[#lines + 1] = (format:format(...):gsub("%s+$", ""))
end

-- The name of the local table whose functions are those of a class.
local function variable(class)
    return (class.name:gsub("[^%w]", "_"))
end

local function parameters(one)
    local names <const> = {}
    for i, param in ipairs(one.params) do
        names[i] = param.name
    end
    return table.concat(names, ", ")
end

local function add_function(lines, class, one)
    add_text(lines, one.text)
    if one.generic then
        add(lines, "---@generic %s", one.generic)
    end
    for _, param in ipairs(one.params) do
        add(lines, "---@param %s %s %s", param.name, param.type, param.text)
    end
    for _, result in ipairs(one.returns) do
        add(lines, "---@return %s %s %s", result.type, result.name or "", result.text)
    end
    add(lines, "function %s%s%s(%s) end\n", variable(class), one.method and ":" or ".", one.name,
        parameters(one))
end

local function add_class(lines, class)
    add_text(lines, class.text)
    add(lines, "---@class %s%s", class.name, class.parent and ": " .. class.parent or "")
    for _, field in ipairs(class.fields) do
        local mark <const> = field.optional and not field.type:find "%?$" and "?" or ""
        add(lines, "---@field %s%s %s %s", field.name, mark, field.type or "any", field.text)
    end
    if class.kind == "record" then
        lines[#lines + 1] = ""
        return
    end
    add(lines, "local %s = {}\n", variable(class))
    for _, one in ipairs(class.functions) do
        add_function(lines, class, one)
    end
end

---@return string
return function()
    local lines <const>, names <const> = { HEAD }, {}
    for name in pairs(documentation.aliases()) do
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        local alias <const> = documentation.aliases()[name]
        add_text(lines, alias.text)
        add(lines, "---@alias %s %s\n", name, alias.type)
    end
    for _, class in ipairs(documentation.classes()) do
        add_class(lines, class)
    end
    lines[#lines + 1] = "return sdme\n"
    return table.concat(lines, "\n")
end
