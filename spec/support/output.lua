-- SPDX-License-Identifier: MIT
-- What busted prints: each failure in full and each skipped spec with its reason, nothing for what
-- passed. The counts go into the file that SDME_SPEC_COUNTS names, as "passed failed skipped"; an
-- error outside a spec counts as a failed one. While a spec runs, a file beside it (".now") has its
-- name, for whoever finds the interpreter dead or stuck.

local busted <const> = require "busted"
local base <const> = require "busted.outputHandlers.base"
local pretty <const> = require "pl.pretty"

---@param value any
---@return string
local function text(value)
    if type(value) == "string" then
        return value
    end
    local meta = debug.getmetatable(value)
    return meta and meta.__tostring and tostring(value) or pretty.write(value)
end

---@param entry table an entry of busted's base handler
---@return string
local function place(entry)
    local trace = entry.element.trace or entry.trace
    if not trace or not trace.short_src then
        return entry.name
    end
    return ("%s:%d: %s"):format(trace.short_src, trace.currentline, entry.name)
end

---@param entry table
---@return string
local function indented(entry)
    local body = text(entry.message == nil and "no message" or entry.message)
    local traceback = entry.trace and entry.trace.traceback
    if entry.isError and traceback then
        body = body .. traceback:gsub("%s+$", "")
    end
    return (body:gsub("[^\n]+", "    %0"))
end

---@param path string
---@param content string
local function write_file(path, content)
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(content, "\n"))
end

---@param passed integer
---@param failed integer
---@param skipped integer
local function write_counts(passed, failed, skipped)
    local path <const> = os.getenv "SDME_SPEC_COUNTS"
    if path then
        write_file(path, ("%d %d %d"):format(passed, failed, skipped))
    else
        print(("%d passed, %d failed, %d skipped"):format(passed, failed, skipped))
    end
end

return function()
    local handler <const> = base()

    local function report()
        for _, entry in ipairs(handler.pendings) do
            local reason = entry.message == nil and "no reason given" or text(entry.message)
            -- busted puts the line that called pending in front.
            print(("skipped %s: %s"):format(place(entry), (reason:gsub("^[^\n]-:%d+: ", ""))))
        end
        for _, list in ipairs { handler.failures, handler.errors } do
            for _, entry in ipairs(list) do
                print(("FAILED  %s\n%s"):format(place(entry), indented(entry)))
            end
        end
        write_counts(handler.successesCount, handler.failuresCount + handler.errorsCount,
            handler.pendingsCount)
        io.stdout:flush()
        return nil, true
    end

    local function note(element)
        local path <const> = os.getenv "SDME_SPEC_COUNTS"
        if path then
            write_file(path .. ".now", handler.getFullName(element))
        end
        return nil, true
    end

    busted.subscribe({ "test", "start" }, note)
    busted.subscribe({ "suite", "end" }, report)
    return handler
end
