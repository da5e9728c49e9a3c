-- What could come next on a line: globals, fields, methods, and the names of what there is.
--
-- Nothing of the user's runs for it: tables are read raw, and of metatables only the tables are
-- followed. Our own modules come when they are asked for, so those functions are called.

local text <const> = require "sdme.text"
local token <const> = require "sdme.repl.token"
local word <const> = require "sdme.repl.word"

local M <const> = {}

-- How far a chain of __index is followed.
local CHAIN <const> = 16

-- Where our own files are, as their chunks are called.
local OWN <const> = debug.getinfo(1, "S").source:match "^(.*)repl/[^/]*$"

local function is_own(value)
    return type(value) == "function" and OWN ~= nil
        and debug.getinfo(value, "S").source:sub(1, #OWN) == OWN
end

-- What __index of a value is, without asking the value.
local function index_of(value)
    local metatable <const> = debug.getmetatable(value)
    return type(metatable) == "table" and rawget(metatable, "__index") or nil
end

local function field(value, key)
    for _ = 1, CHAIN do
        local found = nil
        if type(value) == "table" then
            found = rawget(value, key)
        end
        local index <const> = index_of(value)
        if found ~= nil or index == nil then
            return found
        elseif type(index) == "function" then
            return is_own(index) and select(2, pcall(index, value, key)) or nil
        end
        value = index
    end
    return nil
end

local function add_keys(set, value)
    for key in next, value do
        if word.is_name(key) then
            set[key] = true
        end
    end
end

-- What comes when it is asked for is listed in the metatable.
local function add_lazy(set, value)
    local metatable <const> = debug.getmetatable(value)
    local names <const> = type(metatable) == "table" and rawget(metatable, "__names")
    if type(names) == "table" then
        add_keys(set, names)
    end
end

local function fields_of(value)
    local set <const>, whole <const> = {}, value
    for _ = 1, CHAIN do
        if type(value) == "table" then
            add_keys(set, value)
        end
        add_lazy(set, value)
        value = index_of(value)
        if type(value) ~= "table" then
            break
        end
    end
    return set, whole
end

local function is_callable(value)
    local metatable <const> = debug.getmetatable(value)
    return type(value) == "function"
        or type(metatable) == "table" and rawget(metatable, "__call") ~= nil
end

-- Those names of a set that begin so; what is nobody's business only if it is asked for.
local function matching(set, beginning, accepts)
    local names <const> = {}
    for name in pairs(set) do
        if name:sub(1, #beginning) == beginning and (name:byte() ~= 95 or beginning ~= "")
            and (not accepts or accepts(name)) then
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return names
end

local function globals_and_keywords()
    local set <const> = fields_of(_G)
    for _, keyword in ipairs(word.keywords) do
        set[keyword] = true
    end
    return set
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

-- The value of the names and literal keys that end at a token; nil if anything would have to run.
local function value_at(tokens, i)
    local last <const> = tokens[i]
    if not last then
        return nil
    elseif last.kind == "symbol" and last.text == "]" then
        local key <const>, before <const> = bracketed(tokens, i)
        local owner <const> = key ~= nil and value_at(tokens, before)
        return owner and field(owner, key) or nil
    elseif last.kind == "string" and not last.open then
        return last.text
    elseif last.kind ~= "name" then
        return nil
    end
    local dot <const> = tokens[i - 1]
    if dot and dot.kind == "symbol" and dot.text == "." then
        local owner <const> = value_at(tokens, i - 2)
        return owner ~= nil and field(owner, last.text) or nil
    end
    return not (dot and dot.text == ":") and field(_G, last.text) or nil
end

local function names_of(module, name)
    return function()
        local ok, names = pcall(require(module)[name])
        return ok and names or {}
    end
end

local containers <const> = names_of("sdme.container", "names")
local rootfs <const> = names_of("sdme.rootfs", "names")

-- The strings that are names of something, by the end of what stands before them.
local STRINGS <const> = {
    { "sdme%.container%s*%(?%s*$", containers },
    { "sdme%.fs%.get%s*%(?%s*$", rootfs },
    { "%f[%w_]fs%s*=%s*$", rootfs },
    { "%f[%w_]from%s*=%s*$", rootfs },
}

local function complete_string(before, open)
    for _, one in ipairs(STRINGS) do
        if before:sub(1, open.first - 1):find(one[1]) then
            local set <const> = {}
            for _, name in ipairs(one[2]()) do
                set[name] = true
            end
            return matching(set, open.text), open.text
        end
    end
    return {}, open.text
end

local function complete_field(tokens, separator, beginning)
    local owner <const> = value_at(tokens, separator - 1)
    if owner == nil then
        return {}, beginning
    end
    local accepts = nil
    if tokens[separator].text == ":" then
        accepts = function(name) return is_callable(field(owner, name)) end
    end
    return matching(fields_of(owner), beginning, accepts), beginning
end

-- The part of a name that is there already, at the very end, and the tokens before it.
local function split_last(before, tokens)
    local last <const> = tokens[#tokens]
    if last and last.kind == "name" and last.first + #last.text - 1 == #before then
        return last.text, #tokens - 1
    end
    return "", #tokens
end

---What could come next.
---@param before string the chunk up to the cursor
---@return string[] names in full, in order
---@return string beginning what of them is there already
function M.candidates(before)
    local tokens <const> = token.split(before)
    local last <const> = tokens[#tokens]
    if last and last.open then
        if last.kind == "string" then
            return complete_string(before, last)
        end
        return {}, ""
    end
    local beginning <const>, rest <const> = split_last(before, tokens)
    local separator <const> = tokens[rest]
    if separator and separator.kind == "symbol" and separator.text:find "^[.:]$" then
        return complete_field(tokens, rest, beginning)
    elseif beginning == "" then
        return {}, ""
    end
    return matching(globals_and_keywords(), beginning), beginning
end

local function common_beginning(names)
    local first <const>, last <const> = names[1], names[#names]
    local length = 0
    while length < #first and first:byte(length + 1) == last:byte(length + 1) do
        length = length + 1
    end
    return first:sub(1, length)
end

-- In columns, each name below the other, as ls(1) shows them.
local function arrange(names, width)
    local widest = 0
    for _, name in ipairs(names) do
        widest = math.max(widest, text.width(name) + 2)
    end
    local across <const> = math.max(1, width // widest)
    local down <const> = (#names + across - 1) // across
    local lines <const> = {}
    for row = 1, down do
        local cells <const> = {}
        for i = row, #names, down do
            cells[#cells + 1] = names[i] .. (" "):rep(widest - text.width(names[i]))
        end
        lines[row] = table.concat(cells):gsub(" +$", "")
    end
    return table.concat(lines, "\n")
end

---What Tab does to a line.
---@param before string the chunk up to the cursor
---@param width integer columns of the terminal
---@return string? inserted what goes in at the cursor
---@return string? listing what there is to choose from, if nothing goes in
function M.complete(before, width)
    local names <const>, beginning <const> = M.candidates(before)
    if #names == 0 then
        return nil
    end
    local inserted <const> = common_beginning(names):sub(#beginning + 1)
    if inserted ~= "" or #names == 1 then
        return inserted
    end
    return nil, arrange(names, width)
end

return M
