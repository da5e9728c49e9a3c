-- Trying again what fails for a moment: connections that are cut, servers that are busy.

local fault <const> = require "sdme.fault"
local task <const> = require "sdme.task"

local M <const> = {}

-- Seconds: the first pause, which doubles each time, and the longest.
local FIRST_PAUSE <const> = 1
local LONGEST_PAUSE <const> = 30

local ATTEMPTS <const> = 6

-- A server that wants to be left alone for longer than this gets its wish.
local PATIENCE <const> = 120

-- What a connection ends with that was there.
local CUT <const> = { ECONNRESET = true, ETIMEDOUT = true }

-- What may pass if there was an answer from there before: a server that restarts.
local AWAY <const> = { ECONNREFUSED = true, EHOSTUNREACH = true, ENETUNREACH = true }

-- 501 and 505 stay what they are.
local BUSY <const> = { [408] = true, [429] = true, [500] = true, [502] = true, [503] = true,
    [504] = true }

local REASONS <const> = {
    [400] = "bad request", [401] = "log in first", [403] = "forbidden", [404] = "not found",
    [408] = "request timed out", [410] = "gone", [429] = "too many requests",
    [500] = "internal error", [502] = "bad gateway", [503] = "unavailable",
    [504] = "gateway timed out",
}

local CODES <const> = {
    [401] = "EACCES", [403] = "EACCES", [404] = "ENOENT", [408] = "ETIMEDOUT", [410] = "ENOENT",
    [429] = "EBUSY", [503] = "EBUSY", [504] = "ETIMEDOUT",
}

---@class sdme.retry.Again
---@field why sdme.Fault
---@field after number?
---@field progressed boolean?
local Again <const> = { __name = "sdme.retry.again" }
Again.__index = Again

---What an attempt returns that is to be repeated.
---@param why sdme.Fault raised if there is no other attempt
---@param options { after: number?, progressed: boolean? }? `after` so many seconds, as the server
---  says; `progressed` if it came further than the one before, so that they count anew
---@return sdme.retry.Again
function M.again(why, options)
    return setmetatable({
        why = why, after = options and options.after, progressed = options and options.progressed,
    }, Again)
end

local MONTHS <const> = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8,
    Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- Days since 1970 of a date, by the calendar that begins its years in March.
local function days_of(year, month, day)
    if month <= 2 then
        year, month = year - 1, month + 12
    end
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day
        - 719469
end

---The seconds since 1970 of a date in HTTP's preferred form (RFC 9110, 5.6.7), nil if it is none.
---@param date string
---@return integer?
function M.http_date(date)
    local day, month, year, hour, minute, second =
        date:match "^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
    if not MONTHS[month] then
        return nil
    end
    local days <const> = days_of(tonumber(year), MONTHS[month], tonumber(day))
    return ((days * 24 + tonumber(hour)) * 60 + tonumber(minute)) * 60 + tonumber(second)
end

---The seconds that a server asks to be left alone, by its Retry-After; nil if it doesn't say.
---@param headers table<string, string|string[]>
---@param now integer? seconds since 1970
---@return number?
function M.retry_after(headers, now)
    local value <const> = headers["retry-after"]
    if type(value) ~= "string" then
        return nil
    elseif value:find "^%d+$" then
        return math.tointeger(tonumber(value:sub(1, 9)))
    end
    local date <const> = M.http_date(value)
    return date and math.max(0, date - (now or os.time()))
end

---What to do about an answer that isn't the one hoped for: returns what to return from an attempt
---where the server is only busy, and raises else.
---@param what string what was asked for, for the message
---@param answer { status: integer, headers: table }
---@return sdme.retry.Again
function M.refused(what, answer)
    local status <const> = answer.status
    local reason <const> = REASONS[status]
    local why <const> = fault.new {
        message = ("%s: the server answers %d%s"):format(what, status,
            reason and (" (%s)"):format(reason) or ""),
        code = CODES[status] or "EPROTO",
    }
    if BUSY[status] then
        return M.again(why, { after = M.retry_after(answer.headers) })
    end
    error(why, 0)
end

---What to do about a request that failed: returns what to return from an attempt where another one
---may do better, and raises else.
---@param message string
---@param code string
---@param options { progressed: boolean?, known: boolean? }? `known` if it once was different
---@return sdme.retry.Again
function M.failed(message, code, options)
    local why <const> = fault.new { message = message, code = code }
    if CUT[code] or (AWAY[code] and options and options.known) then
        return M.again(why, options)
    end
    error(why, 0)
end

-- Half of it is chance, so that many who were cut off at once don't come back at once.
local function pause_before(number, options)
    local first <const> = options.pause or FIRST_PAUSE
    local full <const> = math.min(first * 2 ^ (number - 1), options.longest or LONGEST_PAUSE)
    return full * (0.5 + math.random() / 2)
end

local function wait(again, number, options)
    local seconds <const> = math.max(again.after or 0, pause_before(number, options))
    if again.after and again.after > (options.patience or PATIENCE) then
        fault.raise(again.why.code, nil, "%s, and asks to be left alone for %d s",
            again.why.message, again.after)
    end
    if options.waiting then
        options.waiting(again.why, seconds)
    end
    task.sleep(seconds)
end

---Calls a function until it returns something else than `again`, which then is the result. A
---failed attempt is followed by a pause that doubles each time. What is raised ends it at once.
---@param attempt fun(number: integer): any ... is told which attempt it is
---@param options table? `attempts` (6) in a row without progress, the `pause` (1 s) that doubles up
---  to `longest` (30 s), the `patience` (120 s) for a server that names its own, and
---  `waiting(why, seconds)` to be told of each
---@return any ...
function M.run(attempt, options)
    options = options or {}
    local total, failures = 0, 0
    local function settle(result, ...)
        if getmetatable(result) ~= Again then
            return true, result, ...
        end
        failures = result.progressed and 1 or failures + 1
        if failures >= (options.attempts or ATTEMPTS) then
            error(result.why, 0)
        end
        wait(result, failures, options)
        return false
    end
    local results
    repeat
        total = total + 1
        results = table.pack(settle(attempt(total)))
    until results[1]
    return table.unpack(results, 2, results.n)
end

return M
