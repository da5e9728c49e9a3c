-- Words and texts.

local base <const> = require "sdme.kind.base"

local define <const> = base.define
local quote <const> = base.quote
local printable <const> = base.printable

local M <const> = {}

local BOOLEANS <const> = {
    yes = true, ["true"] = true, on = true, ["1"] = true,
    no = false, ["false"] = false, off = false, ["0"] = false,
}

M.flag = define {
    expected = "yes or no",
    type = "boolean",
    complete = { "yes", "no" },
    parse = function(text)
        local value <const> = BOOLEANS[text]
        if value == nil then
            return nil, ("expected yes or no, not %s"):format(quote(text))
        end
        return value
    end,
    accept = function(value)
        if type(value) == "boolean" then
            return value
        end
        return nil, ("expected true or false, not a %s"):format(type(value))
    end,
    show = function(value)
        return value and "yes" or "no"
    end,
}

M.string = define { expected = "a text", parse = printable }

-- For arguments handed to another program: anything that an argument can hold.
M.argument = define {
    expected = "a text",
    parse = function(text)
        if text:find "\0" then
            return nil, quote(text) .. " has a NUL byte"
        end
        return text
    end,
}

---One of some words.
---@param words string[]
---@return sdme.Kind
function M.choice(words)
    local expected <const> = #words == 1 and words[1]
        or table.concat(words, ", ", 1, #words - 1) .. " or " .. words[#words]
    return define {
        expected = expected,
        type = '"' .. table.concat(words, '"|"') .. '"',
        complete = words,
        parse = function(text)
            for _, each in ipairs(words) do
                if each == text then
                    return text
                end
            end
            return nil, ("expected %s, not %s"):format(expected, quote(text))
        end,
    }
end

---Any argument, where shells offer some words.
---@param words string[]
---@return sdme.Kind
function M.offer(words)
    return define { expected = "a text", complete = words, parse = M.argument.parse }
end

return M
