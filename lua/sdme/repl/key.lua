-- The keys that a table on a line could have: by what the manual says that the function takes
-- which the table is for.

local documentation <const> = require "sdme.documentation"
local values <const> = require "sdme.repl.value"

local M <const> = {}

local OPENING <const> = { ["{"] = true, ["("] = true, ["["] = true }
local CLOSING <const> = { ["}"] = true, [")"] = true, ["]"] = true }
local SEPARATORS <const> = { ["{"] = true, [","] = true, [";"] = true }
local BEFORE_ITEM <const> = { ["{"] = true, ["("] = true, [","] = true, [";"] = true }
local ASSIGNMENT <const> = { ["="] = true }

local function is_symbol(token, set)
    return token ~= nil and token.kind == "symbol" and set[token.text] == true
end

-- Where the bracket is that a token is in, and how many commas are between the two.
local function enclosing(tokens, i)
    local depth, commas = 0, 0
    while i > 0 do
        local token <const> = tokens[i]
        if is_symbol(token, OPENING) then
            if depth == 0 then
                return i, commas
            end
            depth = depth - 1
        elseif is_symbol(token, CLOSING) then
            depth = depth + 1
        elseif depth == 0 and is_symbol(token, SEPARATORS) then
            commas = commas + 1
        end
        i = i - 1
    end
    return nil
end

-- What a type says of a table's fields: a record, or `many` of them.
local function shape_of(type_text)
    for name in type_text:gmatch "%f[%w_]sdme[%w_.]*" do
        local class <const> = documentation.class(name)
        if class and class.kind == "record" then
            local many <const> = type_text:find "%[%]" or type_text:find "^table<"
            return { record = class, many = many ~= nil }
        end
    end
    return nil
end

-- What a function's parameter is, where the function's name ends at a token.
local function parameter(tokens, i, number)
    local name <const>, colon <const> = tokens[i], tokens[i - 1]
    local called
    if colon and colon.kind == "symbol" and colon.text == ":" then
        local owner <const> = values.at(tokens, i - 2)
        called = name.kind == "name" and owner ~= nil and values.field(owner, name.text)
    else
        called = values.at(tokens, i)
    end
    local known <const> = type(called) == "function" and documentation.of_function(called)
    local param <const> = known and known.params[number]
    return param and shape_of(param.type) or nil
end

-- The key that a token before "=" ends, and what is before it.
local function key_before(tokens, i)
    local last <const>, open <const> = tokens[i], tokens[i - 2]
    if last and last.kind == "name" then
        return last.text, i - 1
    elseif last and last.text == "]" and open and open.text == "[" then
        return tokens[i - 1].text, i - 3
    end
    return nil
end

local function field_type(record, name)
    for _, field in ipairs(documentation.fields(record)) do
        if field.name == name then
            return field.type
        end
    end
    return nil
end

-- What a table within another one is.
local function inner(outer, key)
    if not outer or outer.many then
        return outer and { record = outer.record, many = false }
    end
    local type_text <const> = key and field_type(outer.record, key)
    return type_text and shape_of(type_text) or nil
end

-- What the table is that begins at a token.
local function shape_at(tokens, open)
    local before <const> = tokens[open - 1]
    local key, i = nil, open - 1
    if is_symbol(before, ASSIGNMENT) then
        key, i = key_before(tokens, open - 2)
        if not key then
            return nil
        end
    elseif not is_symbol(before, BEFORE_ITEM) then
        return parameter(tokens, open - 1, 1)
    end
    local outer <const>, commas <const> = enclosing(tokens, i)
    if outer and tokens[outer].text == "{" then
        return inner(shape_at(tokens, outer), key)
    elseif outer and tokens[outer].text == "(" and not key then
        return parameter(tokens, outer - 1, commas + 1)
    end
    return nil
end

---The keys that a table could have at the end of a line; nil where there is none.
---@param tokens sdme.Token[]
---@param last integer the last token before the key
---@return table<string, boolean>?
function M.find(tokens, last)
    local open <const> = is_symbol(tokens[last], SEPARATORS) and enclosing(tokens, last)
    local shape <const> = open and tokens[open].text == "{" and shape_at(tokens, open)
    if not shape or shape.many then
        return nil
    end
    local names <const> = {}
    for _, field in ipairs(documentation.fields(shape.record)) do
        names[field.name] = field.name:find "^%a" ~= nil or nil
    end
    return names
end

return M
