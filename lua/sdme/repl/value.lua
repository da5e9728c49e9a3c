-- Values that a line names, without anything of the user's being run for them: tables are read raw,
-- and of metatables only the tables are followed. Our own modules come when they are asked for, so
-- those functions are called.

local M <const> = {}

---How far a chain of __index is followed.
M.CHAIN = 16

-- Where our own files are, as their chunks are called.
local OWN <const> = debug.getinfo(1, "S").source:match "^(.*)repl/[^/]*$"

local function is_own(value)
    return type(value) == "function" and OWN ~= nil
        and debug.getinfo(value, "S").source:sub(1, #OWN) == OWN
end

---What __index of a value is, without asking the value.
---@param value any
---@return any
function M.index_of(value)
    local metatable <const> = debug.getmetatable(value)
    return type(metatable) == "table" and rawget(metatable, "__index") or nil
end

---A field of a value, or of what it stands for.
---@param value any
---@param key any
---@return any
function M.field(value, key)
    for _ = 1, M.CHAIN do
        local found = nil
        if type(value) == "table" then
            found = rawget(value, key)
        end
        local index <const> = M.index_of(value)
        if found ~= nil or index == nil then
            return found
        elseif type(index) == "function" then
            return is_own(index) and select(2, pcall(index, value, key)) or nil
        end
        value = index
    end
    return nil
end

local LITERALS <const> = { ["true"] = true, ["false"] = false }

-- The literal in brackets that ends at a token, and where it begins: [1], ["name"].
local function bracketed(tokens, i)
    local literal <const>, open <const> = tokens[i - 1], tokens[i - 2]
    if not open or open.text ~= "[" or open.kind ~= "symbol" then
        return nil
    elseif literal.kind == "string" and not literal.text:find("\\", 1, true) then
        return literal.text, i - 3
    elseif literal.kind == "number" then
        return math.tointeger(tonumber(literal.text)) or tonumber(literal.text), i - 3
    end
    return LITERALS[literal.text], i - 3
end

---The value of the names and literal keys that end at a token; nil if anything would have to run.
---@param tokens sdme.Token[]
---@param i integer
---@return any
function M.at(tokens, i)
    local last <const> = tokens[i]
    if not last then
        return nil
    elseif last.kind == "symbol" and last.text == "]" then
        local key <const>, before <const> = bracketed(tokens, i)
        local owner <const> = key ~= nil and M.at(tokens, before)
        return owner and M.field(owner, key) or nil
    elseif last.kind == "string" and not last.open then
        return last.text
    elseif last.kind ~= "name" then
        return nil
    end
    local dot <const> = tokens[i - 1]
    if dot and dot.kind == "symbol" and dot.text == "." then
        local owner <const> = M.at(tokens, i - 2)
        return owner ~= nil and M.field(owner, last.text) or nil
    end
    return not (dot and dot.text == ":") and M.field(_G, last.text) or nil
end

return M
