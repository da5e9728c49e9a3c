-- Error objects: what failed, a code to decide by, and what to do about it.

local lazy <const> = require "sdme.lazy"

local text <const> = lazy.module "sdme.text"

local M <const> = {}

---What is raised where something fails; `tostring` gives its message.
---
---| code | |
---|---|---|
---| `EUSAGE` | wrong arguments or settings |
---| `ECONFIG` | a wrong configuration file |
---| `EBOOT` | a boot failed or took too long |
---| `EEXEC` | a command with `check` ended with another status than 0 |
---| `EFORMAT` | a file, or what a service answered, is malformed |
---| `EDIGEST` | data isn't what its digest says |
---| `EUNSUPPORTED` | this kernel, filesystem or systemd can't do it |
---
---Any other is the name of an errno.
---
---```lua
---local ok, why = pcall(sdme.container, "nobody")
---print(ok, why.code, why.message, why.hint)
---```
---@class sdme.Fault
---@field message string what failed and why, naming the thing
---@field code string? to decide by
---@field hint string? what can be done about it
---@field details string[]? lines that explain it: what a journal said
---@field status integer? the exit status of a program that ends with it, where 1 is wrong
---@field signal integer? with `EINTR`: the number of the signal
---@field traceback string? where it was raised, for `sdme -v`
local Fault <const> = { __name = "sdme.fault" }
Fault.__index = Fault

function Fault:__tostring()
    return self.message
end

-- Anything else that was raised is a defect, kept with its traceback: see `M.catch`.
local Defect <const> = { __name = "sdme.defect" }

function Defect:__tostring()
    return self.message
end

local FIELDS <const> = {
    message = "string", code = "string", hint = "string", status = "number", signal = "number",
    traceback = "string", details = "table",
}

---@param fields table the fields of a fault; the message is needed
---@return sdme.Fault
function M.new(fields)
    local fault = {}
    for field, value in pairs(fields) do
        if not FIELDS[field] then
            error(("a fault has no field '%s'"):format(tostring(field)), 2)
        elseif type(value) ~= FIELDS[field] then
            error(("a fault's %s is a %s"):format(field, FIELDS[field]), 2)
        end
        fault[field] = value
    end
    if not fault.message then
        error("a fault needs a message", 2)
    end
    return setmetatable(fault, Fault)
end

---Raises a fault; the message is formatted as by `string.format`.
---@param code string?
---@param hint string?
---@param format string
function M.raise(code, hint, format, ...)
    error(M.new { message = format:format(...), code = code, hint = hint }, 0)
end

---Raises a fault about how something was called: exit status 2.
---@param format string
function M.usage(format, ...)
    M.raise("EUSAGE", nil, format, ...)
end

local function fail(prefix, hint, message, code)
    error(M.new { message = prefix .. tostring(message or "failed"), code = code, hint = hint }, 0)
end

---Passes the results of an operation on, or raises its failure (`nil, message, code`).
---@generic T
---@param value T?
---@return T, any ...
function M.check(value, ...)
    if value == nil then
        fail("", nil, ...)
    end
    return value, ...
end

---A `check` whose failures begin with what was being done: "what: message".
---@param what string
---@param hint string?
---@return fun(value: any, ...): any
function M.context(what, hint)
    return function(value, ...)
        if value == nil then
            fail(what .. ": ", hint, ...)
        end
        return value, ...
    end
end

---Whether something that was raised is a fault, and has this code if one is given.
---@param raised any
---@param code string?
---@return boolean
function M.is(raised, code)
    return getmetatable(raised) == Fault and (code == nil or raised.code == code)
end

---A message handler for `xpcall`: keeps where it was raised.
---@param raised any
---@return any raised a fault, or a defect around anything else
function M.catch(raised)
    local kind <const> = getmetatable(raised)
    if kind ~= Fault and kind ~= Defect then
        raised = setmetatable({ message = tostring(raised) }, Defect)
    end
    raised.traceback = raised.traceback or debug.traceback(nil, 2)
    return raised
end

-- The number of the signal that interrupted us: in another program than ours there is none.
local function interrupted()
    local loaded, core = pcall(require, "sdme.core")
    return loaded and core.interrupted and core.interrupted() or nil
end

---The exit status of a program that ends with what was raised.
---@param raised any
---@return integer
function M.status(raised)
    if not M.is(raised) then
        return 1
    end
    if raised.status then
        return raised.status
    end
    if raised.code == "EINTR" then
        local signal <const> = raised.signal or interrupted()
        return signal and 128 + signal or 1
    end
    return raised.code == "EUSAGE" and 2 or 1
end

---What is printed about it: "sdme: message" and "hint: hint", a line each. With `verbose` the
---traceback too, if `catch` kept one.
---@param raised any
---@param verbose boolean?
---@return string
function M.report(raised, verbose)
    local fault <const> = M.is(raised)
    local message = tostring(raised)
    if not fault and not verbose then
        message = message:gsub("^[^\n]-:%d+: ", ""):gsub("\n.*", "")
    end
    local lines = { "sdme: " .. text.printable(message) }
    if not fault and verbose then
        lines[1] = "sdme: " .. message:gsub("[^\n]+", text.printable)
    end
    for _, line in ipairs(fault and raised.details or {}) do
        lines[#lines + 1] = "  " .. text.printable(line)
    end
    if fault and raised.hint then
        lines[#lines + 1] = "hint: " .. text.printable(raised.hint)
    end
    if verbose and type(raised) == "table" and raised.traceback then
        lines[#lines + 1] = raised.traceback
    end
    return table.concat(lines, "\n")
end

return M
