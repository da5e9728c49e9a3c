-- Scripts that complete command lines in a shell, made from the tables of the commands.

local arguments <const> = require "sdme.arguments"
local cli <const> = require "sdme.cli"

local M <const> = {}

---@class sdme.Completed
---@field words string[] what calls it, without "sdme"
---@field path string the same in one word for the name of a function: "config_get"
---@field summary string
---@field subcommands { name: string, summary: string }[]
---@field options table[] `long`, `short`, `help`, `many`, `optional`, and what the value `takes`
---@field operands table[] `name`, `many`, and what it `takes`
---@field stop integer? after how many operands nothing is an option any more

-- What a shell offers for a value: "none", the name of something that there is, or words.
local function takes(taker)
    return arguments.kind_of(taker).complete or "none"
end

local function describe_options(command)
    local options = {}
    for _, option in ipairs(arguments.options(command)) do
        options[#options + 1] = {
            long = option.long, short = option.short, help = option.help, many = option.many,
            takes = not arguments.is_flag(option) and takes(option) or nil,
            optional = option.optional,
        }
        if option.alias then
            local same <const> = { __index = options[#options] }
            options[#options + 1] = setmetatable({ long = option.alias, short = false }, same)
        end
    end
    return options
end

local function describe_operands(command)
    local operands = {}
    for i, operand in ipairs(command.operands or {}) do
        operands[i] = { name = operand.name, takes = takes(operand), many = operand.many }
    end
    return operands
end

local function walk(command, words, list)
    local described <const> = {
        words = words, path = table.concat(words, "_"), summary = command.summary,
        subcommands = {}, options = describe_options(command),
        operands = describe_operands(command), stop = arguments.stop(command),
    }
    list[#list + 1] = described
    for _, entry in ipairs(command.subcommands or {}) do
        local subcommand <const> = cli.load(entry)
        if not arguments.is_hidden(subcommand) then
            table.insert(described.subcommands,
                { name = subcommand.name, summary = subcommand.summary })
            local below <const> = table.move(words, 1, #words, 1, {})
            below[#below + 1] = subcommand.name
            walk(subcommand, below, list)
        end
    end
    return list
end

M.shells = { "bash", "zsh", "fish" }

---The script for a shell.
---@param shell "bash"|"zsh"|"fish"
---@return string
function M.script(shell)
    return require("sdme.completion." .. shell)(walk(cli.root, {}, {}))
end

return M
