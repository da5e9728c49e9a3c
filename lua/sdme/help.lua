-- What --help says, made from the table that describes a command.

local arguments <const> = require "sdme.arguments"
local text <const> = require "sdme.text"

local M <const> = {}

local WIDTH <const> = 80
local WIDEST_LEFT <const> = 30

-- "NAME", "[NAME]", "NAMES...", "[-- CMD...]": how an operand stands in the usage line.
local function usage_of(operand)
    local shown = operand.name .. (operand.many and "..." or "")
    if operand.unless then
        return ("%s|--%s"):format(shown, operand.unless)
    elseif operand.separated then
        shown = "-- " .. shown
    end
    return operand.optional and "[" .. shown .. "]" or shown
end

---The usage line of a command.
---@param command sdme.Command
---@param path string
---@return string
function M.usage(command, path)
    local words = { path, "[OPTIONS]" }
    if command.subcommands then
        words[#words + 1] = "COMMAND ..."
    end
    for _, operand in ipairs(command.operands or {}) do
        words[#words + 1] = usage_of(operand)
    end
    return table.concat(words, " ")
end

---The left side of an option's line: "-t, --timeout SECONDS".
---@param option sdme.Option
---@return string
function M.option_of(option)
    local shown = (option.short and "-" .. option.short .. ", " or "    ") .. "--" .. option.long
    if option.optional then
        return ("%s[=%s]"):format(shown, option.value)
    end
    return option.value and shown .. " " .. option.value or shown
end

---The end of an option's explanation: " (default: 60)", or nothing.
---@param option sdme.Option
---@return string
function M.default_of(option)
    local default = option.shown_default
    if default == nil then
        default = option.default
    end
    if default == nil or default == false or type(default) == "table" then
        return ""
    end
    return (" (default: %s)"):format(arguments.kind_of(option).show(default))
end

-- How wide the left sides of pairs are, where they aren't too wide to have the line to themselves.
local function width_of(pairs_of)
    local widest = 0
    for _, each in ipairs(pairs_of) do
        local width <const> = text.width(each[1])
        widest = width <= WIDEST_LEFT and math.max(widest, width) or widest
    end
    return widest > 0 and widest or WIDEST_LEFT
end

-- Pairs of a left and a right text under a heading, the right ones aligned.
local function section(out, heading, pairs_of, left_width)
    left_width = left_width or width_of(pairs_of)
    out[#out + 1] = "\n" .. heading .. ":"
    for _, each in ipairs(pairs_of) do
        local lines <const> = text.wrap(each[2], WIDTH - left_width - 4)
        local left = each[1]
        if text.width(left) > left_width then
            out[#out + 1] = "  " .. left
            left = ""
        end
        for _, line in ipairs(lines) do
            out[#out + 1] = ("  %s%s  %s"):format(left, (" "):rep(left_width - text.width(left)),
                line):gsub("%s+$", "")
            left = ""
        end
    end
end

-- The options under the headings they name, in the order in which these come, all aligned.
local function option_sections(out, command)
    local headings, groups, all = {}, {}, {}
    for i, option in ipairs(arguments.options(command)) do
        local heading <const> = option.group or "Options"
        if not groups[heading] then
            groups[heading] = {}
            headings[#headings + 1] = heading
        end
        all[i] = { M.option_of(option), option.help .. M.default_of(option) }
        table.insert(groups[heading], all[i])
    end
    for _, heading in ipairs(headings) do
        section(out, heading, groups[heading], width_of(all))
    end
end

local function operand_section(out, command)
    local lines = {}
    for _, operand in ipairs(command.operands or {}) do
        if operand.help then
            lines[#lines + 1] = { operand.name, operand.help }
        end
    end
    if #lines > 0 then
        section(out, "Operands", lines)
    end
end

local function example_section(out, examples)
    out[#out + 1] = "\nExamples:"
    for _, example in ipairs(examples) do
        out[#out + 1] = "  " .. example[1]
        for _, line in ipairs(example[2] and text.wrap(example[2], WIDTH - 6) or {}) do
            out[#out + 1] = "      " .. line
        end
    end
end

local function command_section(out, command, load)
    local lines = {}
    for _, entry in ipairs(command.subcommands or {}) do
        local subcommand <const> = load(entry)
        if not arguments.is_hidden(subcommand) then
            lines[#lines + 1] = { subcommand.name, subcommand.summary }
        end
    end
    if #lines > 0 then
        section(out, "Commands", lines)
    end
end

---The help of a command, at most 80 columns wide.
---@param command sdme.Command
---@param path string how it is called: "sdme config get"
---@param load fun(entry: table): sdme.Command what gets a subcommand from its entry
---@return string
function M.text(command, path, load)
    local out = { "Usage: " .. M.usage(command, path), "" }
    local function paragraphs(prose)
        for _, line in ipairs(text.wrap(prose, WIDTH)) do
            out[#out + 1] = line
        end
    end
    paragraphs(command.summary:gsub("^%l", string.upper) .. ".")
    if command.description then
        out[#out + 1] = ""
        paragraphs(command.description)
    end
    command_section(out, command, load)
    operand_section(out, command)
    option_sections(out, command)
    for _, extra in ipairs(command.sections or {}) do
        section(out, extra.name, extra)
    end
    if command.examples then
        example_section(out, command.examples)
    end
    return table.concat(out, "\n") .. "\n"
end

return M
