-- The tokens of a piece of Lua that may end anywhere (the manual's section 3.1).

local M <const> = {}

---@class sdme.Token
---@field kind "name"|"number"|"string"|"comment"|"symbol"
---@field text string as it is written; of a string, what is between its quotes
---@field first integer where it begins
---@field open boolean? whether the piece ends within it

-- A short string ends at its quote; what is escaped doesn't end it.
local function short_string(text, position)
    local quote <const> = text:sub(position, position)
    local at = position + 1
    while at <= #text do
        local letter = text:sub(at, at)
        if letter == quote then
            return at, false
        end
        at = at + (letter == "\\" and 2 or 1)
    end
    return #text, true
end

-- The end of "[==[ … ]==]", if one begins here.
local function long_bracket(text, position)
    local level <const> = text:match("^%[(=*)%[", position)
    if not level then
        return nil
    end
    local _, last = text:find("]" .. level .. "]", position, true)
    return last or #text, last == nil
end

local function comment(text, position)
    if text:sub(position, position + 1) ~= "--" then
        return nil
    end
    local last, open = long_bracket(text, position + 2)
    if last then
        return last, open
    end
    local newline <const> = text:find("\n", position, true)
    return newline or #text, newline == nil
end

-- In the order that they are tried.
local READERS <const> = {
    { "comment", comment },
    { "string", function(text, position)
        if text:find("^[\"']", position) then
            return short_string(text, position)
        end
        return long_bracket(text, position)
    end },
    { "name", function(text, position) return select(2, text:find("^[%a_][%w_]*", position)) end },
    { "number", function(text, position)
        return select(2, text:find("^%.?%d[%w.]*", position))
    end },
    { "symbol", function(text, position)
        return select(2, text:find("^%.%.%.?", position)) or position
    end },
}

local function inner(kind, text, open)
    if kind ~= "string" then
        return text
    end
    local level <const> = text:match "^%[=*%["
    local width <const> = level and #level or 1
    return text:sub(width + 1, open and -1 or -width - 1)
end

local function read(text, position)
    for _, reader in ipairs(READERS) do
        local last, open = reader[2](text, position)
        if last then
            return { kind = reader[1], text = inner(reader[1], text:sub(position, last), open),
                first = position, open = open or nil }, last
        end
    end
end

---@param text string
---@return sdme.Token[]
function M.split(text)
    local tokens <const>, position = {}, 1
    while true do
        position = text:find("%S", position)
        if not position then
            return tokens
        end
        local token <const>, last = read(text, position)
        tokens[#tokens + 1] = token
        position = last + 1
    end
end

return M
