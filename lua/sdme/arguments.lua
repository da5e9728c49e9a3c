-- The words of a command line against the table that describes a command.

local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local lazy <const> = require "sdme.lazy"

local text <const> = lazy.module "sdme.text"

local M <const> = {}

---@class sdme.Option
---@field long string
---@field short string? one letter
---@field value string? the placeholder of its value; without one it is a flag
---@field kind sdme.Kind?
---@field many boolean? collects the values of every time it is given
---@field optional boolean? the value can be left out: --option, --option=VALUE
---@field clearable boolean? takes an empty value of any kind, passed on as ""
---@field default any
---@field shown_default any a default that others fill in, for help
---@field help string
---@field group string? a heading in help
---@field alias string? another long name

---@class sdme.Operand
---@field name string its key in the arguments is this in lower case
---@field kind sdme.Kind?
---@field optional boolean?
---@field many boolean? takes all that follow; the last only
---@field unless string? the option that stands in for it: exactly one of them is given
---@field separated boolean? comes after "--" only
---@field help string?

---@class sdme.Command
---@field name string
---@field summary string
---@field description string?
---@field operands sdme.Operand[]?
---@field options sdme.Option[]?
---@field subcommands table[]? commands, or { name =, module = } to load when needed
---@field stop_at_operand boolean|string? the operand after whose first word nothing is an option
---any more; true is the one with `many`
---@field pass_unknown boolean? options it doesn't know are operands
---@field anyone boolean? works without being root
---@field hidden boolean?
---@field sections table[]? more for help: a `name` and pairs of a word and its explanation
---@field examples table[]? command lines, each with what it does if that needs saying
---@field run (fun(arguments: table): integer?)?

---The key of an option or operand in the arguments.
---@param name string
---@return string
function M.key(name)
    return (name:lower():gsub("-", "_"))
end

---Whether nobody but sdme itself is meant to call a command: it says so, or begins with "__".
---@param command table
---@return boolean
function M.is_hidden(command)
    return command.hidden or command.name:find "^__" ~= nil
end

---@param option sdme.Option
---@return boolean
function M.is_flag(option)
    return option.value == nil
end

---The kind of what an option or operand takes.
---@param taker sdme.Option|sdme.Operand
---@return sdme.Kind
function M.kind_of(taker)
    return taker.kind or taker.long and M.is_flag(taker) and kind.flag or kind.argument
end

local COMMON <const> = {
    { long = "verbose", short = "v", help = "say more, and where an error comes from" },
    { long = "help", short = "h", help = "show this help" },
}

---All options of a command: its own, and those that every command has.
---@param command sdme.Command
---@return sdme.Option[]
function M.options(command)
    local own <const> = command.options or {}
    local options <const> = table.move(own, 1, #own, 1, {})
    return table.move(COMMON, 1, #COMMON, #options + 1, options)
end

-- A command line that is being read.
local Reading <const> = {}
Reading.__index = Reading

function Reading:wrong(format, ...)
    fault.raise("EUSAGE", ("see `%s --help`"):format(self.path), format, ...)
end

function Reading:take_value(shown, option)
    local word <const> = self.words[self.position]
    if word == nil then
        self:wrong("%s needs a value: %s", shown, option.value)
    end
    self.position = self.position + 1
    return word
end

function Reading:collect(shown, option, word)
    local many <const>, key <const> = kind.many(M.kind_of(option)), M.key(option.long)
    local values, why = many.add(self.values[key] or {}, word)
    if not values then
        self:wrong("%s: %s", shown, why)
    end
    self.values[key] = values
end

function Reading:set(shown, option, word)
    if option.many then
        return self:collect(shown, option, word)
    end
    local value, why = "", nil
    if word ~= "" or not option.clearable then
        value, why = M.kind_of(option).parse(word)
    end
    if value == nil then
        self:wrong("%s: %s", shown, why)
    end
    self.values[M.key(option.long)] = value
end

function Reading:set_bare(shown, option)
    if M.is_flag(option) or option.optional then
        self.values[M.key(option.long)] = true
    else
        self:set(shown, option, self:take_value(shown, option))
    end
end

function Reading:unknown(word, shown)
    local names = {}
    if self.command.pass_unknown then
        self.operands[#self.operands + 1] = word
        return
    end
    for name in pairs(self.long) do
        names[#names + 1] = name
    end
    table.sort(names)
    local meant <const> = shown:find "^%-%-" and text.nearest(shown:sub(3), names)
    self:wrong("unknown option %s%s", shown,
        meant and ("; did you mean --%s?"):format(meant) or "")
end

function Reading:read_long(word)
    local name, value = word:match "^%-%-([^=]*)=(.*)$"
    name = name or word:sub(3)
    local option <const>, shown <const> = self.long[name], "--" .. name
    if not option then
        self:unknown(word, shown)
    elseif value then
        self:set(shown, option, value)
    else
        self:set_bare(shown, option)
    end
end

-- Letters of flags one after the other; the first that takes a value takes the rest.
function Reading:read_short(word)
    for i = 2, #word do
        local letter <const>, rest <const> = word:sub(i, i), word:sub(i + 1)
        local option <const>, shown <const> = self.short[letter], "-" .. letter
        if not option then
            return self:unknown(word, shown)
        elseif not M.is_flag(option) and rest ~= "" then
            return self:set(shown, option, rest)
        end
        self:set_bare(shown, option)
    end
end

-- Past the operand where options stop, "--" is a word like others.
function Reading:read_operand(word)
    self.operands[#self.operands + 1] = word
    if self.stop and #self.operands >= self.stop then
        self.literal = true
    end
end

function Reading:read_word(word)
    if self.literal or word == "-" or word:sub(1, 1) ~= "-" then
        self:read_operand(word)
    elseif word == "--" then
        self.literal, self.separator = true, #self.operands
    elseif word:sub(1, 2) == "--" then
        self:read_long(word)
    else
        self:read_short(word)
    end
end

function Reading:check_presence(operand, count)
    local stand_in <const> = operand.unless and self.values[M.key(operand.unless)]
    if count > 0 and stand_in then
        self:wrong("--%s takes no %s", operand.unless, operand.name)
    elseif count == 0 and operand.unless and not stand_in then
        self:wrong("%s or --%s is needed", operand.name, operand.unless)
    elseif count == 0 and not operand.unless and not operand.optional then
        self:wrong("%s is missing", operand.name)
    end
end

function Reading:give(operand, words)
    local values, parse <const> = {}, M.kind_of(operand).parse
    self:check_presence(operand, #words)
    for i, word in ipairs(words) do
        local value, why = parse(word)
        if value == nil then
            self:wrong("%s: %s", operand.name, why)
        end
        values[i] = value
    end
    self.values[M.key(operand.name)] = operand.many and values or values[1]
end

local function slice(words, first, last)
    return table.move(words, first, last, 1, {})
end

function Reading:give_operands()
    local words, after, position = self.operands, {}, 1
    if self.separated then
        local last <const> = self.separator or #words
        words, after = slice(words, 1, last), slice(words, last + 1, #words)
    end
    for _, operand in ipairs(self.command.operands or {}) do
        if not operand.separated then
            local last <const> = math.min(operand.many and #words or position, #words)
            self:give(operand, slice(words, position, last))
            position = last + 1
        end
    end
    if words[position] then
        self:wrong("unexpected '%s'%s", words[position],
            self.separated and ("; %s comes after --"):format(self.separated.name) or "")
    end
    if self.separated then
        self:give(self.separated, after)
    end
end

function Reading:give_defaults()
    for _, option in ipairs(self.command.options or {}) do
        local key <const> = M.key(option.long)
        if self.values[key] == nil then
            self.values[key] = option.default
        end
    end
end

---How many operands there are up to the one where options stop, nil if they don't.
---@param command sdme.Command
---@return integer?
function M.stop(command)
    for i, operand in ipairs(command.operands or {}) do
        if operand.name == command.stop_at_operand
            or command.stop_at_operand == true and operand.many then
            return i
        end
    end
    return nil
end

local function start(command, words, path)
    local reading <const> = setmetatable({
        command = command, words = words, path = path, position = 1, operands = {}, values = {},
        long = {}, short = {}, stop = M.stop(command),
    }, Reading)
    for _, option in ipairs(M.options(command)) do
        reading.long[option.long] = option
        if option.short then
            reading.short[option.short] = option
        end
        if option.alias then
            reading.long[option.alias] = option
        end
    end
    for _, operand in ipairs(command.operands or {}) do
        reading.separated = operand.separated and operand or reading.separated
    end
    return reading
end

---Reads the words after a command's name. The result has a key for each option and operand that
---was given or has a default, a list for each operand with `many`; or it is { help = true }.
---@param command sdme.Command
---@param words string[]
---@param path string? how the command is called, for hints
---@return table
function M.parse(command, words, path)
    local reading <const> = start(command, words, path or "sdme " .. command.name)
    while reading.position <= #words do
        local word <const> = words[reading.position]
        reading.position = reading.position + 1
        reading:read_word(word)
        if reading.values.help then
            return { help = true }
        end
    end
    reading:give_operands()
    reading:give_defaults()
    return reading.values
end

return M
