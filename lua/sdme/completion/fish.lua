-- Completion in fish: one line for each thing that can follow a command.

local HEAD <const> = [==[
# fish completion of sdme: `sdme completions fish`

# The commands that have commands of their own.
function __sdme_branches
    %s
end

# The options of a command whose value is the next word.
function __sdme_values
    switch "$argv"
%s    end
end

# After how many operands of a command nothing is an option any more.
function __sdme_stop
    switch "$argv"
%s        case '*'
            echo 0
    end
end

# The command that is being completed, on one line, and on the next how many operands it has; on a
# third one that nothing can be an option any more.
function __sdme_where
    set -l words (commandline -opc)
    set -e words[1]
    set -l path
    set -l operands 0
    set -l literal
    set -l expected
    for word in $words
        if test -n "$expected"
            set expected
        else if test -n "$literal"; or not string match -q -- '-*' $word; or test $word = -
            if contains -- "$path" (__sdme_branches)
                set -a path $word
            else
                set operands (math $operands + 1)
                if test (__sdme_stop $path) -gt 0 -a $operands -ge (__sdme_stop $path)
                    set literal 1
                end
            end
        else if test $word = --
            set literal 1
        else if contains -- $word (__sdme_values $path)
            set expected 1
        end
    end
    echo "$path"
    echo $operands
    echo $literal
end

# Whether an option of this command can come next.
function __sdme_option
    set -l where (__sdme_where)
    test "$where[1]" = "$argv" -a -z "$where[3]"
end

# Whether an operand of this command can come next, from one place up to another.
function __sdme_operand
    set -l where (__sdme_where)
    test "$where[1]" = "$argv[3..]" -a $where[2] -ge $argv[1] -a $where[2] -le $argv[2]
end

function __sdme_names
    set -l words (commandline -opc)
    $words[1] __complete $argv 2>/dev/null
end

complete -c sdme -e
complete -c sdme -f
]==]

local MANY <const> = 1000000

local function quote(text)
    return "'" .. text:gsub("[\\']", "\\%0") .. "'"
end

-- The arguments of complete(1) that say what a value is.
local function value(takes)
    if type(takes) == "table" then
        return "-a " .. quote(table.concat(takes, " "))
    elseif takes == "none" then
        return ""
    elseif takes == "file" then
        return "-F"
    elseif takes == "directory" then
        return "-a '(__fish_complete_directories (commandline -ct))'"
    end
    return ("-a '(__sdme_names %s)'"):format(takes)
end

local function condition(name, ...)
    return "-n " .. quote(table.concat({ name, ... }, " "))
end

local function option_line(option, words)
    local parts <const> = { "complete -c sdme", condition("__sdme_option", words),
        "-l " .. option.long }
    if option.short then
        parts[#parts + 1] = "-s " .. option.short
    end
    parts[#parts + 1] = "-d " .. quote(option.help)
    if option.takes then
        if not option.optional then
            parts[#parts + 1] = option.takes == "file" and "-r" or "-x"
        end
        parts[#parts + 1] = value(option.takes)
    end
    return (table.concat(parts, " "):gsub(" +$", ""))
end

local function lines_of(command, lines)
    local words <const> = table.concat(command.words, " ")
    for _, subcommand in ipairs(command.subcommands) do
        lines[#lines + 1] = ("complete -c sdme %s -a %s -d %s"):format(
            condition("__sdme_operand", 0, 0, words), subcommand.name, quote(subcommand.summary))
    end
    for i, operand in ipairs(command.operands) do
        if operand.takes ~= "none" then
            lines[#lines + 1] = ("complete -c sdme %s %s"):format(
                condition("__sdme_operand", i - 1, operand.many and MANY or i - 1, words),
                value(operand.takes))
        end
    end
    for _, option in ipairs(command.options) do
        lines[#lines + 1] = option_line(option, words)
    end
end

local function values_of(command)
    local names = {}
    for _, option in ipairs(command.options) do
        if option.takes and not option.optional then
            names[#names + 1] = option.short and "-" .. option.short
            names[#names + 1] = "--" .. option.long
        end
    end
    return table.concat(names, " ")
end

local function case_of(command, what)
    return ("        case %s\n            %s\n"):format(
        quote(table.concat(command.words, " ")), what)
end

---@param commands sdme.Completed[]
---@return string
return function(commands)
    local branches, values, stops, lines = {}, {}, {}, {}
    for _, command in ipairs(commands) do
        local names <const> = values_of(command)
        if #command.subcommands > 0 then
            branches[#branches + 1] = "echo " .. quote(table.concat(command.words, " "))
        end
        if names ~= "" then
            values[#values + 1] = case_of(command, "string split ' ' -- " .. quote(names))
        end
        if command.stop then
            stops[#stops + 1] = case_of(command, "echo " .. command.stop)
        end
        lines_of(command, lines)
    end
    return HEAD:format(table.concat(branches, "\n    "), table.concat(values),
        table.concat(stops)) .. table.concat(lines, "\n") .. "\n"
end
