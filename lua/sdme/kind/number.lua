-- Numbers and sizes.

local base <const> = require "sdme.kind.base"

local define <const> = base.define
local quote <const> = base.quote
local whole <const> = base.whole

local M <const> = {}

local UNITS <const> = { "K", "M", "G", "T" }
local UNIT_SHIFT <const> = { [""] = 0, K = 10, M = 20, G = 30, T = 40 }

M.size = define {
    expected = "a size such as 512, 10K, 4M, 2G or 1T",
    type = "integer|string",
    parse = function(text)
        local digits, unit = text:match "^(%d+)([KMGTkmgt]?)$"
        if not digits then
            return nil, ("%s is not a size such as 512, 10K, 4M, 2G or 1T"):format(quote(text))
        end
        local count <const> = math.tointeger(tonumber(digits))
        local shift <const> = UNIT_SHIFT[unit:upper()]
        if not count or count > math.maxinteger >> shift then
            return nil, quote(text) .. " is too large"
        end
        return count << shift
    end,
    accept = function(value)
        return whole(value, "a number of bytes, or a size such as 10K")
    end,
    show = function(value)
        local unit = 0
        while unit < #UNITS and value > 0 and value % 1024 == 0 do
            value, unit = value // 1024, unit + 1
        end
        return ("%d%s"):format(value, UNITS[unit] or "")
    end,
}

M.integer = define {
    expected = "a whole number",
    type = "integer",
    parse = function(text)
        local value <const> = text:find "^%d+$" and math.tointeger(tonumber(text))
        if not value then
            return nil, quote(text) .. " is not a whole number"
        end
        return value
    end,
    accept = function(value)
        return whole(value, "a whole number")
    end,
}

-- A decimal fraction above 0: an integer where it is whole.
local function decimal(expected, maximum)
    local function bound(value)
        if value > 0 and value <= maximum then
            return math.tointeger(value) or value
        end
        return nil, ("%s is not %s above 0, at most %d"):format(value, expected, maximum)
    end
    return define {
        expected = expected,
        type = "number",
        parse = function(text)
            if not (text:find "^%d+%.?%d*$" or text:find "^%.%d+$") then
                return nil, ("%s is not %s"):format(quote(text), expected)
            end
            return bound(tonumber(text))
        end,
        accept = function(value)
            if type(value) ~= "number" then
                return nil, ("expected %s, not a %s"):format(expected, type(value))
            end
            return bound(value)
        end,
        show = function(value)
            return (("%.15g"):format(value))
        end,
    }
end

-- More than a week of waiting is a mistake.
M.seconds = decimal("a number of seconds", 604800)

M.cpus = decimal("a number of CPUs", 8192)

---A kind whose values are ordered, kept between two of them. Either may be nil.
---@param item sdme.Kind
---@param minimum number?
---@param maximum number?
---@return sdme.Kind
function M.range(item, minimum, maximum)
    local function bound(value, why)
        if value == nil then
            return nil, why
        elseif minimum and value < minimum then
            return nil, ("%s is less than %s"):format(item.show(value), item.show(minimum))
        elseif maximum and value > maximum then
            return nil, ("%s is more than %s"):format(item.show(value), item.show(maximum))
        end
        return value
    end
    return define {
        expected = item.expected,
        type = item.type,
        parse = function(text) return bound(item.parse(text)) end,
        check = function(value) return bound(item.check(value)) end,
        show = item.show,
        complete = item.complete,
    }
end

return M
