-- What the kinds of value are made with.

local M <const> = {}

---A value in a sentence.
---@param text string
---@return string
function M.quote(text)
    return ('"%s"'):format(#text > 64 and text:sub(1, 61) .. "..." or text)
end

---A kind out of `expected`, `parse` and what differs from the usual: `accept` takes what isn't a
---string; without it only strings will do.
---@param kind table
---@return sdme.Kind
function M.define(kind)
    kind.check = kind.check or function(value)
        if type(value) == "string" then
            return kind.parse(value)
        elseif kind.accept then
            return kind.accept(value)
        end
        return nil, ("expected %s, not a %s"):format(kind.expected, type(value))
    end
    kind.show = kind.show or tostring
    kind.type = kind.type or "string"
    return kind
end

---A text of one line. State is kept as JSON and sent over D-Bus, and both know only UTF-8.
---@param text string
---@return string?
---@return string? why
function M.printable(text)
    if not utf8.len(text) then
        return nil, M.quote(text) .. " isn't UTF-8"
    elseif text:find "%c" then
        return nil, M.quote(text) .. " has a control character"
    end
    return text
end

---A kind whose values are their own text, if it matches `pattern`.
---@param expected string
---@param pattern string
---@param maximum integer bytes
---@param complete string?
---@return sdme.Kind
function M.word(expected, pattern, maximum, complete)
    return M.define {
        expected = expected,
        complete = complete,
        parse = function(text)
            if #text <= maximum and text:find("^" .. pattern .. "$") then
                return text
            end
            return nil, ("%s is not %s"):format(M.quote(text), expected)
        end,
    }
end

---A whole number from Lua that isn't negative.
---@param value any
---@param expected string
---@return integer?
---@return string? why
function M.whole(value, expected)
    local number <const> = type(value) == "number" and math.tointeger(value)
    if number and number >= 0 then
        return number
    end
    return nil, ("expected %s, not %s"):format(expected,
        type(value) == "number" and tostring(value) or "a " .. type(value))
end

---What keeps a table from being a description by these keys.
---@param value any
---@param fields table<string, string> a key's type
---@param expected string
---@return string? why
function M.misfit(value, fields, expected)
    if type(value) ~= "table" then
        return ("expected %s, not a %s"):format(expected, type(value))
    end
    for key, item in pairs(value) do
        if not fields[key] then
            return ("expected %s; there is no '%s'"):format(expected, tostring(key))
        elseif type(item) ~= fields[key] then
            return ("expected %s; %s is not a %s"):format(expected, key, type(item))
        end
    end
    return nil
end

return M
