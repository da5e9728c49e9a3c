-- What could come next on a line: globals, fields, methods, keys of tables that are arguments, and
-- the names of what there is. Nothing of the user's runs for it.

local keys <const> = require "sdme.repl.key"
local text <const> = require "sdme.text"
local token <const> = require "sdme.repl.token"
local values <const> = require "sdme.repl.value"
local word <const> = require "sdme.repl.word"

local M <const> = {}

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
    for _ = 1, values.CHAIN do
        if type(value) == "table" then
            add_keys(set, value)
        end
        add_lazy(set, value)
        value = values.index_of(value)
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
    local owner <const> = values.at(tokens, separator - 1)
    if owner == nil then
        return {}, beginning
    end
    local accepts = nil
    if tokens[separator].text == ":" then
        accepts = function(name) return is_callable(values.field(owner, name)) end
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
    end
    local of_table <const> = matching(keys.find(tokens, rest) or {}, beginning)
    if #of_table > 0 or beginning == "" then
        return of_table, beginning
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
