-- What a failed call says at the prompt: what the command line does, and which lines of the user's
-- led to it.

local fault <const> = require "sdme.fault"
local printer <const> = require "sdme.repl.printer"

local M <const> = {}

-- Where our own files are, as their chunks are called: "@sdme/", or "@/somewhere/sdme/".
local OWN <const> = debug.getinfo(1, "S").source:match "^(.*)repl/[^/]*$"

local function is_own(frame)
    return frame.what == "C" or OWN ~= nil and frame.source:sub(1, #OWN) == OWN
end

local function describe(frame)
    local where <const> = ("%s:%d: in "):format(frame.short_src, frame.currentline)
    if frame.what == "main" then
        return where .. "main chunk"
    elseif frame.name then
        return ("%s%s '%s'"):format(where, frame.namewhat ~= "" and frame.namewhat or "function",
            frame.name)
    end
    return ("%sfunction <%s:%d>"):format(where, frame.short_src, frame.linedefined)
end

-- The lines of the user that led to it, the last call first, down to where the prompt called. That
-- it was in what has just been typed isn't worth a line.
local function trace()
    local lines <const>, level = {}, 3
    local frame = debug.getinfo(level, "fSln")
    while frame and frame.func ~= M.call do
        if not is_own(frame) then
            lines[#lines + 1] = describe(frame)
            lines.worth = #lines > 1 or frame.what ~= "main"
        end
        level = level + 1
        frame = debug.getinfo(level, "fSln")
    end
    return lines
end

---@class sdme.Failure
---@field raised any
---@field trace string[]

local function catch(raised)
    return { raised = raised, trace = trace() }
end

---Runs something of the user's.
---@param body function
---@return table? values with `n`
---@return sdme.Failure? failure if it raised
function M.call(body)
    local results <const> = table.pack(xpcall(body, catch))
    if not results[1] then
        return nil, results[2]
    end
    return table.pack(table.unpack(results, 2, results.n))
end

local function is_text(raised)
    local metatable <const> = debug.getmetatable(raised)
    return type(raised) == "string" or type(metatable) == "table" and metatable.__tostring ~= nil
end

-- A message may have several lines, of which the others explain the first.
local function to_fault(raised)
    if fault.is(raised) then
        return raised
    end
    local lines <const> = {}
    local said <const> = is_text(raised) and tostring(raised) or printer.show(raised)
    for line in said:gmatch "[^\n]+" do
        lines[#lines + 1] = line
    end
    return fault.new { message = table.remove(lines, 1) or "an empty message", details = lines }
end

---What is printed about it.
---@param failure sdme.Failure
---@return string
function M.report(failure)
    local lines <const> = { fault.report(to_fault(failure.raised)) }
    if failure.trace.worth then
        for _, line in ipairs(failure.trace) do
            lines[#lines + 1] = "  " .. line
        end
    end
    return table.concat(lines, "\n")
end

return M
