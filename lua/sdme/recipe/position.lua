-- Where a script has called us: faults name the user's own file and line.

local fault <const> = require "sdme.fault"

local M <const> = {}

---@class sdme.Position
---@field source string the file as it was loaded
---@field line integer?
---@field directory string of the file; "." of what is no file

-- What the sources of our own functions begin with, wherever we were loaded from.
local OWN <const> = debug.getinfo(1, "S").source:match "^(.*)recipe/position%.lua$"

local function is_own(info)
    return info.what == "C" or OWN ~= nil and info.source:sub(1, #OWN) == OWN
end

-- A chunk that isn't from a file has a name in brackets, or is its own text.
local function describe(info, line)
    local path <const> = info.source:match "^@(.*)$"
    return {
        source = info.short_src, line = line,
        directory = path and (path:match "^(.*)/[^/]*$" or ".") or ".",
    }
end

---Where the script has called us from. `return sdme.recipe { ... }` leaves no trace of its caller:
---then it is where `instead` begins, or else where the file was loaded, as by dofile.
---@param instead function? of the script
---@return sdme.Position
function M.of_caller(instead)
    local level, hidden, loaded = 1, false, false
    local info = debug.getinfo(level, "Slt")
    while info and is_own(info) do
        loaded = info.what == "C"
        hidden = info.istailcall or hidden and loaded
        level = level + 1
        info = debug.getinfo(level, "Slt")
    end
    if info and not hidden then
        return describe(info, info.currentline)
    elseif type(instead) == "function" then
        local begin <const> = debug.getinfo(instead, "S")
        return describe(begin, begin.linedefined)
    elseif info and loaded then
        return describe(info, info.currentline)
    end
    return describe { source = "=a script", short_src = "a script" }
end

---@param where sdme.Position
---@return string # "FILE:LINE"
function M.text(where)
    return where.line and ("%s:%d"):format(where.source, where.line) or where.source
end

---Calls a function; what it says of how it was called names the position.
---@param where sdme.Position
---@param call function
---@return any ...
function M.blame(where, call, ...)
    local function answer(fine, ...)
        if fine then
            return ...
        end
        local raised <const> = ...
        if fault.is(raised, "EUSAGE") then
            raised.message = ("%s: %s"):format(M.text(where), raised.message)
        end
        error(raised, 0)
    end
    return answer(xpcall(call, fault.catch, ...))
end

-- What isn't about a line of the script.
local ELSEWHERE <const> = { EEXIST = true, EINTR = true, ECANCELED = true, ELOOP = true }

-- The last line of the script that a traceback has; none where the message has one.
local function line_of(raised, source)
    if ELSEWHERE[raised.code] or raised.message:find(source, 1, true) then
        return nil
    end
    return raised.traceback and raised.traceback:match(source:gsub("%W", "%%%0") .. ":(%d+)")
end

---A fault for what a script raised: a runtime error has its position, and what our own functions
---raised gets that of the last line of the script.
---@param raised any as fault.catch has left it
---@param source string the script's file
---@return sdme.Fault
function M.fault(raised, source)
    if fault.is(raised) then
        local line <const> = line_of(raised, source)
        if line then
            raised.message = ("%s:%s: %s"):format(source, line, raised.message)
        end
        return raised
    end
    local first <const>, rest <const> = tostring(raised):match "^([^\n]*)\n?(.*)$"
    local details <const> = {}
    for line in rest:gmatch "[^\n]+" do
        details[#details + 1] = line
    end
    return fault.new {
        message = first ~= "" and first or "the recipe raised an empty message", code = "ERECIPE",
        details = details, traceback = type(raised) == "table" and raised.traceback or nil,
    }
end

return M
