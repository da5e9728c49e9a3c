-- Completion in zsh: a function for each command, in the terms of zsh's _arguments.

local quote <const> = require("sdme.text").shell_quote

local HEAD <const> = [==[
#compdef sdme
# zsh completion of sdme: `sdme completions zsh`

# _arguments puts options of compadd before what it was told to call us with.
_sdme_names() { # [OPTION...] KIND
    local -a names
    names=(${(f)"$(_call_program names ${(q)_sdme_program} __complete $argv[-1] 2>/dev/null)"})
    compadd "${(@)argv[1,-2]}" -a names
}
]==]

local TAIL <const> = [==[

_sdme() {
    local _sdme_program=$words[1]
    _sdme__
}

# Sourced it registers itself; as a file below $fpath it is the function.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _sdme "$@"
else
    compdef _sdme sdme
fi
]==]

-- What _arguments would take for its own punctuation.
local function escape(text)
    return (text:gsub("[][\\:]", "\\%0"))
end

local ACTIONS <const> = { none = " ", file = "_files", directory = "_files -/" }

local function action(takes)
    if type(takes) == "table" then
        return "(" .. table.concat(takes, " ") .. ")"
    end
    return ACTIONS[takes] or "_sdme_names " .. takes
end

-- One option as one or two arguments: -t+ and --timeout= take their value attached or not.
local function option_arguments(option)
    local long, short = "--" .. option.long, option.short and "-" .. option.short
    local value = ""
    if option.takes then
        value = ("%s%s:%s"):format(option.optional and "::" or ":", option.long,
            action(option.takes))
    end
    local excluded <const> = option.many and "*" or short and ("(%s %s)"):format(short, long)
        or ("(%s)"):format(long)
    local help <const> = ("[%s]%s"):format(escape(option.help), value)
    local long_form <const> = option.takes and long .. (option.optional and "=-" or "=") or long
    local list = { quote(excluded .. long_form .. help) }
    if short then
        table.insert(list, 1, quote(excluded .. short .. (option.takes and "+" or "") .. help))
    end
    return list
end

-- "(-)" ends the options.
local function operand_argument(operand, position, stop)
    local excluded <const> = stop and position >= stop and "(-)" or ""
    local place <const> = operand.many and "*" or tostring(position)
    -- A message as an action in words leaves the options as what can stand there too.
    local does <const> = operand.takes == "none" and "_message " .. operand.name
        or action(operand.takes)
    return quote(("%s%s:%s:%s"):format(excluded, place, operand.name, does))
end

local function argument_list(command)
    local list <const> = { "_arguments -s -S" .. (#command.subcommands > 0 and " -C" or "") }
    for _, option in ipairs(command.options) do
        for _, argument in ipairs(option_arguments(option)) do
            list[#list + 1] = argument
        end
    end
    for position, operand in ipairs(command.operands) do
        list[#list + 1] = operand_argument(operand, position, command.stop)
    end
    if #command.subcommands > 0 then
        list[#list + 1] = "'(-): :->command'"
        list[#list + 1] = "'(-)*:: :->arguments'"
    end
    return table.concat(list, " \\\n        ")
end

local function function_of(command)
    local name <const> = "_sdme__" .. command.path
    if #command.subcommands == 0 then
        return ("\n%s() {\n    %s\n}\n"):format(name, argument_list(command))
    end
    local names, cases = {}, {}
    for i, subcommand in ipairs(command.subcommands) do
        names[i] = quote(escape(subcommand.name) .. ":" .. subcommand.summary)
        cases[i] = ("                %s) %s%s ;;"):format(subcommand.name,
            command.path == "" and name or name .. "_", subcommand.name)
    end
    return ([[

%s() {
    local curcontext=$curcontext state line ret=1
    local -a commands
    commands=(
        %s
    )
    %s && ret=0
    case $state in
        command) _describe -t commands command commands && ret=0 ;;
        arguments)
            curcontext=${curcontext%%:*}-$words[1]:
            case $words[1] in
%s
            esac && ret=0
            ;;
    esac
    return ret
}
]]):format(name, table.concat(names, "\n        "), argument_list(command),
        table.concat(cases, "\n"))
end

---@param commands sdme.Completed[]
---@return string
return function(commands)
    local functions = {}
    for i, command in ipairs(commands) do
        functions[i] = function_of(command)
    end
    return HEAD .. table.concat(functions) .. TAIL
end
