-- Lua assignments read as data, and written: nothing but values gets through, no names but of keys,
-- no operators, no calls. That is what makes running the file harmless.

local fault <const> = require "sdme.fault"

local M <const> = {}

local LITERALS <const> = { ["true"] = true, ["false"] = true, ["nil"] = true }

local function scan_string(source, position)
    local quote <const> = source:sub(position, position)
    local at = position + 1
    while true do
        at = source:find("[\\\n" .. quote .. "]", at)
        local byte <const> = at and source:sub(at, at)
        if not at or byte == "\n" then
            return nil
        elseif byte == quote then
            return at
        end
        -- "\z" runs on over line ends, and whatever else an escape begins with is one character.
        at = source:match("^\\z%s*()", at) or at + 2
    end
end

local function scan_long(source, position)
    local level, from = source:match("^%[(=*)%[()", position)
    if not level then
        return nil
    end
    local _, last <const> = source:find("]" .. level .. "]", from, true)
    return last or #source + 1
end

local function scan_number(source, position)
    local last = source:match("^%.?%d[%w.]*()", position)
    if not last then
        return nil
    end
    if source:find("^[eEpP][+-]", last - 1) then
        last = source:match("^%w*()", last + 1)
    end
    return last - 1
end

-- The type and the last byte of the token at a position.
local function scan(source, position)
    if source:find("^%-%-", position) then
        return "comment", scan_long(source, position + 2)
            or source:match("^[^\n]*()", position) - 1
    elseif source:find("^[\"']", position) then
        return "string", scan_string(source, position)
    elseif source:find("^%[=*%[", position) then
        return "string", scan_long(source, position)
    elseif source:find("^[%a_]", position) then
        return "name", source:match("^[%w_]*()", position) - 1
    elseif source:find("^%.?%d", position) then
        return "number", scan_number(source, position)
    elseif source:find("^[{}%[%],;=-]", position) then
        return "symbol", position
    end
    return nil
end

---Raises what is wrong with a line.
---@param file string
---@param line integer
---@param message string a format
function M.fail(file, line, message, ...)
    fault.raise("ECONFIG", nil, "%s:%d: " .. message, file, line, ...)
end

-- The tokens of a file, comments left out.
local function tokenise(source, file)
    local tokens, position, line = {}, 1, 1
    while true do
        local blank <const> = source:match("^%s*()", position)
        line = line + select(2, source:sub(position, blank - 1):gsub("\n", ""))
        position = blank
        if position > #source then
            return tokens
        end
        local type, last <const> = scan(source, position)
        if not last or last > #source then
            local what <const> = source:match("^[^%s%w]", position) or "this"
            M.fail(file, line, "'%s' is not part of a value%s", what,
                what == "#" and "; comments begin with --" or "")
        end
        local word <const> = source:sub(position, last)
        if type ~= "comment" then
            tokens[#tokens + 1] =
                { type = type, text = word, line = line, first = position, last = last }
        end
        line = line + select(2, word:gsub("\n", ""))
        position = last + 1
    end
end

local NESTING <const> = { ["{"] = 1, ["["] = 1, ["}"] = -1, ["]"] = -1 }

---The assignments of a file by name: their line, and where their text begins and ends.
---@param source string
---@param file string its name
---@return table<string, { name: string, line: integer, first: integer, last: integer }>
function M.find(source, file)
    local assignments, current, depth = {}, nil, 0
    local tokens <const> = tokenise(source, file)
    for i, token in ipairs(tokens) do
        local next_text <const> = tokens[i + 1] and tokens[i + 1].text
        if token.type == "symbol" then
            depth = depth + (NESTING[token.text] or 0)
        elseif token.type == "name" and next_text == "=" then
            if depth == 0 then
                local earlier <const> = assignments[token.text]
                if earlier then
                    M.fail(file, token.line, "%s was already given in line %d", token.text,
                        earlier.line)
                end
                current = { name = token.text, line = token.line, first = token.first }
                assignments[token.text] = current
            end
        elseif token.type == "name" and not LITERALS[token.text] then
            M.fail(file, token.line, "'%s' is not a value; a text needs quotes", token.text)
        end
        if current and token.text ~= ";" then
            current.last = token.last
        end
    end
    return assignments
end

-- A table that isn't a list, in the order of its keys.
local function literal_fields(value)
    local keys <const>, items <const> = {}, {}
    for key in pairs(value) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    for i, key in ipairs(keys) do
        items[i] = ("[%q] = %s"):format(key, M.literal(value[key]))
    end
    return "{ " .. table.concat(items, ", ") .. " }"
end

---A value as Lua source.
---@param value any
---@return string
function M.literal(value)
    if type(value) == "table" and type(next(value)) == "string" then
        return literal_fields(value)
    elseif type(value) == "table" then
        local items = {}
        for i, item in ipairs(value) do
            items[i] = M.literal(item)
        end
        return #items == 0 and "{}" or "{ " .. table.concat(items, ", ") .. " }"
    end
    return type(value) == "number" and ("%.15g"):format(value) or ("%q"):format(value)
end

---A file with one assignment in another form, or without it.
---@param source string
---@param assignment { first: integer, last: integer }? the one that `find` found
---@param line string?
---@return string
function M.replace(source, assignment, line)
    if assignment and line then
        return source:sub(1, assignment.first - 1) .. line .. source:sub(assignment.last + 1)
    elseif assignment then
        local before, after = source:sub(1, assignment.first - 1), source:sub(assignment.last + 1)
        after = after:gsub("^[ \t]*;", "")
        if before:find "^[ \t]*$" or before:find "\n[ \t]*$" then
            before, after = before:gsub("[ \t]*$", ""), after:gsub("^[ \t]*\n", "")
        end
        return before .. after
    end
    local break_needed <const> = source ~= "" and source:sub(-1) ~= "\n"
    return source .. (break_needed and "\n" or "") .. (line and line .. "\n" or "")
end

return M
