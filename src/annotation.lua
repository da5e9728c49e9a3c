-- Reads what the comments of a Lua file say about its functions, in the annotations of the Lua
-- language server (luals.github.io/wiki/annotations). A line that follows an annotation and isn't
-- one itself goes on with it.

local M <const> = {}

---@class annotation.Item what a comment is about
---@field text string
---@field tags { tag: string, rest: string }[]
---@field code string? the line below it
---@field line integer the number of that line

local CLOSING <const> = { ["("] = "%b()", ["{"] = "%b{}", ["<"] = "%b<>", ["["] = "%b[]" }

local function skip(text, at)
    return text:match("^ *()", at)
end

local scan_type

-- fun(name: type, ...): type, type
local function scan_function(text, at)
    local after = text:match("^fun%b()()", at)
    local results = after and text:match("^ *: *()", after)
    while results do
        after = scan_type(text, results)
        results = text:match("^ *, *()", after)
    end
    return after
end

local function scan_one(text, at)
    local byte <const> = text:sub(at, at)
    if byte == '"' or byte == "'" then
        return text:match("^" .. byte .. "[^" .. byte .. "]*" .. byte .. "()", at)
    elseif byte == "(" or byte == "{" or byte == "[" then
        return text:match("^" .. CLOSING[byte] .. "()", at)
    end
    return scan_function(text, at) or text:match("^[%w_.*-]+()", at)
end

-- Where a type that begins at a position ends.
function scan_type(text, at)
    local after = scan_one(text, at)
    if not after then
        error(("no type in '%s'"):format(text:sub(at)), 0)
    end
    while true do
        local suffix <const> = text:match("^%[%]()", after) or text:match("^%b<>()", after)
            or text:match("^%?()", after)
        if not suffix then
            break
        end
        after = suffix
    end
    local bar <const> = text:match("^ *| *()", after)
    return bar and scan_type(text, bar) or after
end

-- A type, and what is said behind it.
local function split_type(text)
    local after <const> = scan_type(text, 1)
    local rest <const> = text:sub(skip(text, after)):gsub("^# *", "")
    return text:sub(1, after - 1), rest
end

-- A mark at the end of a function's results is theirs.
local function is_optional(type_text)
    return not type_text:find "^fun%b() *:"
        and (type_text:find "%?$" ~= nil or type_text:find "|nil$" ~= nil)
end

-- "name type text" or "name? type text"
local function read_named(rest)
    local name <const>, mark <const>, more <const> = rest:match "^(%S-)(%??)%s+(.*)$"
    if not name then
        error(("'%s' lacks a type"):format(rest), 0)
    end
    local type_text <const>, text <const> = split_type(more)
    return {
        name = name, type = type_text, text = text, optional = mark ~= "" or is_optional(type_text)
            or nil,
    }
end

local READERS <const> = {
    param = function(item, rest)
        table.insert(item.params, read_named(rest))
    end,
    field = function(item, rest)
        table.insert(item.fields, read_named((rest:gsub("^public ", ""))))
    end,
    ["return"] = function(item, rest)
        local type_text, text = split_type(rest)
        local name <const>, more <const> = text:match "^([%w_.]+)%s*(.*)$"
        table.insert(item.returns, { type = type_text, name = name, text = more or text })
    end,
    type = function(item, rest)
        item.type = split_type(rest)
    end,
    class = function(item, rest)
        local name <const>, more <const> = rest:gsub("^%(%w+%) *", ""):match "^([%w_.]+)(.*)$"
        local parent <const>, text <const> = more:match "^ *: *([%w_.]+) *(.*)$"
        item.class, item.parent = name, parent
        item.text = item.text ~= "" and item.text or (text or more):gsub("^ ", "")
    end,
    alias = function(item, rest)
        local name <const>, more <const> = rest:match "^(%S+)%s*(.*)$"
        item.alias = name
        item.type = more ~= "" and split_type(more) or nil
    end,
    overload = function(item, rest)
        table.insert(item.overloads, rest)
    end,
    generic = function(item, rest)
        item.generic = rest
    end,
    meta = function() end,
    private = function(item)
        item.private = true
    end,
    deprecated = function() end,
    nodiscard = function() end,
}

local function read_tag(item, tag, rest)
    local reader <const> = READERS[tag]
    if not reader then
        error(("there is no annotation '@%s' here"):format(tag), 0)
    end
    reader(item, rest)
end

-- The lines of a comment, taken apart.
local function read_comment(lines)
    local text <const>, tags <const> = {}, {}
    for _, line in ipairs(lines) do
        local tag <const>, rest <const> = line:match "^ ?@(%w+)%s*(.*)$"
        if tag then
            tags[#tags + 1] = { tag = tag, rest = rest }
        elseif #tags > 0 then
            local last <const> = tags[#tags]
            last.rest = last.rest .. " " .. line:match "^%s*(.-)%s*$"
        else
            text[#text + 1] = line
        end
    end
    local item <const> = {
        text = table.concat(text, "\n"), params = {}, fields = {}, returns = {}, overloads = {},
    }
    for _, one in ipairs(tags) do
        read_tag(item, one.tag, one.rest)
    end
    return item
end

-- What a line of code declares: the table that it is put into, its name there, its parameters.
local function read_code(code)
    local owner <const>, sign <const>, name <const>, parameters <const> =
        code:match "^function ([%w_.]+)([.:])([%w_]+)%(([^)]*)%)"
    if owner then
        local names <const> = {}
        for parameter in parameters:gmatch "[%w_.]+" do
            names[#names + 1] = parameter
        end
        return { owner = owner, name = name, method = sign == ":", parameters = names }
    end
    local table_name <const>, field <const> = code:match "^([%w_.]+)%.([%w_]+) = "
    if table_name then
        return { owner = table_name, name = field }
    end
    local variable <const> = code:match "^local ([%w_]+)"
    return variable and { variable = variable } or {}
end

---All that the comments of a file are about, in order; functions without a comment, too.
---@param source string
---@param file string for messages
---@return table[]
function M.read(source, file)
    local items <const>, lines, number = {}, {}, 0
    local function finish(code)
        local fine <const>, item <const> = pcall(read_comment, lines)
        if not fine then
            error(("%s:%d: %s"):format(file, number - 1, item), 0)
        end
        item.code, item.line, item.file = read_code(code), number, file
        item.bare = #lines == 0
        items[#items + 1] = item
        lines = {}
    end
    for line in (source .. "\n\n"):gmatch "([^\n]*)\n" do
        number = number + 1
        local comment <const> = line:match "^%-%-%-(.*)$"
        if comment then
            lines[#lines + 1] = comment
        elseif #lines > 0 or line:find "^function " then
            finish(line)
        end
    end
    return items
end

---The names of classes and aliases in a type.
---@param type_text string
---@return fun(): string?
function M.names(type_text)
    return type_text:gsub('"[^"]*"', ""):gmatch "%f[%w_]sdme[%w_.]*"
end

return M
