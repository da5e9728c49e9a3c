-- Completion in bash: a table of what each command takes, and one function that reads it.

local quote <const> = require("sdme.text").shell_quote

local HEAD <const> = [==[
# bash completion of sdme: `sdme completions bash`

# What may follow a command: its commands and options; the options that take a value, each with
# what it takes; what each operand takes, with a * if there can be many; and after how many
# operands nothing is an option any more.
_sdme_describe() { # COMMAND...
    commands='' options='' values='' operands=() stop=0
    case "$*" in
]==]

local TAIL <const> = [==[
    esac
}

# The words up to the cursor: readline splits them at = and :.
_sdme_join() {
    local i glue=''
    for ((i = 1; i <= COMP_CWORD; i++)); do
        if [[ ${#words[@]} -gt 0 && ( -n $glue || ${COMP_WORDS[i]} == [=:]* ) ]]; then
            words[-1]+=${COMP_WORDS[i]}
        else
            words+=("${COMP_WORDS[i]}")
        fi
        glue=''
        [[ ${COMP_WORDS[i]} != *[=:] ]] || glue=1
    done
}

# What the option at the end of a word takes, if its value is the next word.
_sdme_value_of() { # WORD
    local word=$1 i
    if [[ $word != --* ]]; then
        for ((i = 1; i < ${#word} - 1; i++)); do
            [[ " $values" != *" -${word:i:1}:"* ]] || return 0
        done
        word=-${word: -1}
    fi
    if [[ " $values" == *" $word:"* ]]; then
        word=${values#*"$word:"}
        expected=${word%% *}
    fi
}

# Goes through the words before the cursor.
_sdme_read() {
    local word
    _sdme_describe
    for word in "${words[@]:0:${#words[@]}-1}"; do
        if [[ -n $expected ]]; then
            expected=''
        elif ((literal)) || [[ $word == - || $word != -* ]]; then
            if [[ -n $commands ]]; then
                path+=("$word")
                _sdme_describe "${path[@]}"
            else
                operand=$((operand + 1))
                ((stop == 0 || operand < stop)) || literal=1
            fi
        elif [[ $word == -- ]]; then
            literal=1
        elif [[ $word != --*=* ]]; then
            _sdme_value_of "$word"
        fi
    done
}

# Only what follows the last : is replaced, if readline splits there.
_sdme_offer() { # TAKEN VALUE PREFIX
    local names=${1#=}
    case $1 in
        none) return 0 ;;
        file | directory)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen "-${1:0:1}" -- "$2")
            ;;
        =*) mapfile -t COMPREPLY < <(compgen -W "${names//,/ }" -- "$2") ;;
        *)
            names=$("${COMP_WORDS[0]}" __complete "$1" 2>/dev/null)
            mapfile -t COMPREPLY < <(compgen -W "$names" -- "$2")
            ;;
    esac
    if [[ $2 == *:* && $COMP_WORDBREAKS == *:* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${2%"${2##*:}"}"}")
    else
        COMPREPLY=("${COMPREPLY[@]/#/$3}")
    fi
}

# --option=value: only what follows the = is replaced, if readline splits there.
_sdme_offer_value() { # WORD
    local expected=''
    _sdme_value_of "${1%%=*}"
    if [[ $COMP_WORDBREAKS == *=* ]]; then
        _sdme_offer "${expected:-none}" "${1#*=}" ''
    else
        _sdme_offer "${expected:-none}" "${1#*=}" "${1%%=*}="
    fi
}

_sdme() {
    local words=() path=() expected='' literal=0 operand=0 last
    local commands options values operands stop
    COMPREPLY=()
    _sdme_join
    _sdme_read
    last=${words[-1]}
    if [[ -n $expected ]]; then
        _sdme_offer "$expected" "$last" ''
    elif ((literal == 0)) && [[ $last == --*=* ]]; then
        _sdme_offer_value "$last"
    elif ((literal == 0)) && [[ $last == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$last")
    elif [[ -n $commands ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$last")
    elif ((${#operands[@]} > 0)); then
        if ((operand >= ${#operands[@]})) && [[ ${operands[-1]} == *'*' ]]; then
            operand=$((${#operands[@]} - 1))
        fi
        last=${operands[operand]:-none}
        _sdme_offer "${last%'*'}" "${words[-1]}" ''
    fi
}

complete -F _sdme sdme
]==]

local function encode(takes)
    return type(takes) == "table" and "=" .. table.concat(takes, ",") or takes
end

local function options_of(command)
    local options, values = {}, {}
    local function add(name, option)
        options[#options + 1] = name
        if option.takes and not option.optional then
            values[#values + 1] = ("%s:%s"):format(name, encode(option.takes))
        end
    end
    for _, option in ipairs(command.options) do
        if option.short then
            add("-" .. option.short, option)
        end
        add("--" .. option.long, option)
    end
    return table.concat(options, " "), table.concat(values, " ")
end

local function operands_of(command)
    local operands = {}
    for i, operand in ipairs(command.operands) do
        operands[i] = quote(encode(operand.takes) .. (operand.many and "*" or ""))
    end
    return table.concat(operands, " ")
end

local function case_of(command)
    local names = {}
    for i, subcommand in ipairs(command.subcommands) do
        names[i] = subcommand.name
    end
    local options, values = options_of(command)
    local lines <const> = {
        ("        %s)"):format(quote(table.concat(command.words, " "))),
        "commands=" .. quote(table.concat(names, " ")),
        "options=" .. quote(options),
        "values=" .. quote(values),
        ("operands=(%s)"):format(operands_of(command)),
        ("stop=%d"):format(command.stop or 0),
        ";;",
    }
    return table.concat(lines, "\n            ") .. "\n"
end

---@param commands sdme.Completed[]
---@return string
return function(commands)
    local cases = {}
    for i, command in ipairs(commands) do
        cases[i] = case_of(command)
    end
    return HEAD .. table.concat(cases) .. TAIL
end
