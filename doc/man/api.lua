-- Classes of the Lua API on a manual page.

local documentation <const> = require "sdme.documentation"
local prose <const> = require "man.prose"
local roff <const> = require "man.roff"

local M <const> = {}

local function term(page, name, type_text, text)
    page:term(("%s (\\fI%s\\fR)"):format(roff.inline(("`%s`"):format(name)),
        roff.escape(type_text or "any")), (text:gsub("^%l", string.upper)))
end

local explain_all

-- What a field, a parameter or a result is; the fields of records below, where they are first
-- named.
local function explain(page, name, one)
    page.shown = page.shown or {}
    term(page, name, one.type, one.text)
    for class_name in (one.type or ""):gmatch "%f[%w_]sdme[%w_.]*" do
        local record <const> = documentation.class(class_name)
        if record and record.kind == "record" and not page.shown[class_name] then
            page.shown[class_name] = true
            page:line ".RS"
            explain_all(page, documentation.fields(record))
            page:line ".RE"
        end
    end
end

function explain_all(page, fields)
    for _, field in ipairs(fields) do
        explain(page, field.name, field)
    end
end

---The fields of a class.
---@param page table
---@param class sdme.documentation.Class
function M.fields(page, class)
    explain_all(page, documentation.fields(class))
end

---The fields of a class without those of the one that it is based on.
---@param page table
---@param class sdme.documentation.Class
function M.own_fields(page, class)
    explain_all(page, class.fields)
end

---A function.
---@param page table
---@param signature string
---@param one sdme.documentation.Function
function M.call(page, signature, one)
    page:subsection(signature)
    prose.write(page, one.text)
    for _, param in ipairs(one.params) do
        explain(page, param.name, param)
    end
    for _, result in ipairs(one.returns) do
        explain(page, "returns " .. (result.name or ""), result)
    end
end

---A class with all that it has. Records are shown where they are first taken.
---@param page table
---@param class sdme.documentation.Class
function M.class(page, class)
    page:section(class.name)
    prose.write(page, class.text)
    M.fields(page, class)
    for _, one in ipairs(class.functions) do
        M.call(page, documentation.signature(class, one), one)
    end
end

---@param class_name string
---@param name string
---@return sdme.documentation.Function
function M.find(class_name, name)
    for _, one in ipairs(documentation.class(class_name).functions) do
        if one.name == name then
            return one
        end
    end
    error(("%s has no %s"):format(class_name, name))
end

---Those that have a section of their own, of Lua or of C.
---@param is_runtime boolean
---@return sdme.documentation.Class[]
function M.classes(is_runtime)
    local list <const> = {}
    for _, class in ipairs(documentation.classes()) do
        if class.kind ~= "record" and (class.source:find "^src/" ~= nil) == is_runtime then
            list[#list + 1] = class
        end
    end
    return list
end

return M
