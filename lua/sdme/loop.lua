-- Waiting in the loop of a program that has one of its own.
--
-- What several coroutines wait for can come over one connection, and the first of them that reads
-- it comes by the answers of all. So after each step those are woken that wait for something else
-- than when they fell asleep: for nothing any more, as a rule.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

---The function that waits; nil where it is `core.poll.wait`.
---@type fun(descriptor: integer, seconds: number?)?
M.poll = nil

-- A later time-out is no reason to wake anybody, nor is one that is hardly earlier.
local EARLIER <const> = 0.001

---@class sdme.loop.Sleeper
local Sleeper <const> = {}
Sleeper.__index = Sleeper

-- Those that wait. A coroutine that is never resumed leaves it with the collector.
local sleepers <const> = setmetatable({}, { __mode = "k" })

local function describe(entries)
    local parts <const> = {}
    for _, entry in ipairs(entries) do
        parts[#parts + 1] = tostring(entry[1]) .. entry[2]
    end
    return table.concat(parts, " ")
end

-- What it waits for, and until when.
function Sleeper:look()
    local entries <const>, seconds <const> = self.entries(self.pending)
    return entries, seconds, seconds and core.poll.now() + seconds or math.huge
end

-- What can't be waited for any more is its owner's to learn.
function Sleeper:has_changed()
    local fine <const>, entries <const>, _, deadline <const> = pcall(self.look, self)
    return not fine or deadline < self.deadline - EARLIER or describe(entries) ~= self.described
end

-- Waits until something of it may be ready.
function Sleeper:sleep()
    local entries <const>, seconds <const>, deadline <const> = self:look()
    local set <close> = fault.check(core.poll.set(entries))
    self.set, self.described, self.deadline = set, describe(entries), deadline
    M.poll(set:fileno(), seconds)
    fault.check(core.poll.wait({}, 0)) -- raises for a signal
end

-- Wakes whom our last step has concerned.
function Sleeper:rouse()
    local list <const> = {}
    for other in pairs(sleepers) do
        list[#list + 1] = other.set and other
    end
    for _, other in ipairs(list) do
        if other ~= self and other:has_changed() then
            other.set:wake()
        end
    end
end

function Sleeper:__close()
    sleepers[self] = nil
    self:rouse()
end

---Waits until a pending object is done.
---@param pending table|userdata the object
---@param entries fun(pending: any): table, number? what it waits for
---@param interrupt fun(pending: any, why: any) passes on what the loop raises, or raises it
---@return any ... its results
function M.await(pending, entries, interrupt)
    local self <close> = setmetatable({ pending = pending, entries = entries }, Sleeper)
    local results = table.pack(pending:step())
    sleepers[self] = true
    while not results[1] do
        self:rouse()
        local slept <const>, why <const> = pcall(self.sleep, self)
        self.set = nil
        if not slept then
            interrupt(pending, why)
        end
        results = table.pack(pending:step())
    end
    return table.unpack(results, 2, results.n)
end

return M
