-- Waiting, and doing several things at once.
--
-- Whatever waits is a pending object: `poll()` says what to wait for (a descriptor, "r", "w" or
-- "rw", and seconds), and `step()` goes on with it, giving false, or true and its results. In a
-- plain script `await` polls just that one; inside `all` it yields, so that the same
-- straight-line code runs side by side. A program with a loop of its own has `await` wait in that
-- by `set_poll`.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local loop <const> = require "sdme.loop"

local M <const> = {}

-- Tells the yields of `await` from those that a script makes for itself.
local AWAIT <const> = {}

-- What an `await` is resumed with when it shall raise.
local INTERRUPT <const> = {}

-- The coroutines that a group runs.
local strands <const> = setmetatable({}, { __mode = "k" })

local function collect(pending, entries, timeout)
    if type(pending) == "table" and pending.members then
        for _, member in ipairs(pending:members()) do
            timeout = collect(member, entries, timeout)
        end
        return timeout
    end
    local descriptor, events, seconds = pending:poll()
    if descriptor then
        entries[#entries + 1] = { descriptor, events }
    end
    if seconds and (not timeout or seconds < timeout) then
        return seconds
    end
    return timeout
end

---What a pending object waits for, as `core.poll.wait` takes it.
---@param pending table|userdata
---@return table entries { {descriptor, events}, ... }
---@return number|nil seconds after which it wants to be stepped anyway
function M.entries(pending)
    local entries <const> = {}
    return entries, collect(pending, entries, nil)
end

local function wait_for(pending)
    fault.check(core.poll.wait(M.entries(pending)))
end

local function resumed(first, ...)
    if first == INTERRUPT then
        error((...), 0)
    end
    return first, ...
end

-- Has what runs several things raise `why` in each, and raises it otherwise.
local function interrupt(pending, why)
    if type(pending) ~= "table" or not pending.interrupt then
        error(why, 0)
    end
    pending:interrupt(why)
end

local function finish(pending, done, ...)
    if done then
        return ...
    end
    if strands[coroutine.running()] then
        return resumed(coroutine.yield(AWAIT, pending))
    end
    local ok, why = pcall(wait_for, pending)
    if not ok then
        interrupt(pending, why)
    end
    return finish(pending, pending:step())
end

---Waits until a pending object is done.
---@param pending table|userdata
---@return any ... what it ends with; for an operation that failed nil, message and code
function M.await(pending)
    if loop.poll and not strands[coroutine.running()] then
        return loop.await(pending, M.entries, interrupt)
    end
    return finish(pending, pending:step())
end

---Has whatever waits wait in the loop of the program that we are part of. `poll(descriptor,
---seconds)` returns when the descriptor is readable or the seconds have passed (nil: without an
---end), and may return at any time before: it runs the loop that long, or yields the coroutine that
---it is called in to a loop that resumes it. Once it has returned, the descriptor is gone. What it
---raises, `await` raises; an operation that is cut off so cleans up, and may wait while it does.
---
---Functions of sdme may run at the same time in any number of coroutines then. Raises if `poll` is
---something else than a function or nil.
---
---```lua
---task.set_poll(function(descriptor, seconds)
---    core.poll.wait({ { descriptor, "r" } }, seconds) -- and for what else the program waits for
---end)
---task.set_poll(nil)
---```
---@param poll fun(descriptor: integer, seconds: number?)|nil nil: sdme waits by itself again
---@return function|nil before what was set before
function M.set_poll(poll)
    if poll ~= nil and type(poll) ~= "function" then
        error(("set_poll takes a function or nil, not a %s"):format(type(poll)), 2)
    end
    local before <const> = loop.poll
    loop.poll = poll
    return before
end

---A pending object that is done after some seconds.
---@param seconds number
---@return table
function M.timer(seconds)
    local deadline <const> = core.poll.now() + seconds
    return {
        poll = function()
            return nil, nil, math.max(0, deadline - core.poll.now())
        end,
        step = function()
            return core.poll.now() >= deadline, true
        end,
    }
end

---Waits some seconds.
---@param seconds number
function M.sleep(seconds)
    M.await(M.timer(seconds))
end

---A pending object that ends as `pending` does, or with nil, message, "ETIMEDOUT".
---@param pending table|userdata
---@param seconds number
---@return table
function M.timeout(pending, seconds)
    local deadline <const> = core.poll.now() + seconds
    local function answer(done, ...)
        if done or core.poll.now() < deadline then
            return done, ...
        end
        return true, nil, ("no answer in %g seconds"):format(seconds), "ETIMEDOUT"
    end
    return {
        poll = function()
            local descriptor, events, own = pending:poll()
            local left = math.max(0, deadline - core.poll.now())
            return descriptor, events, own and math.min(own, left) or left
        end,
        step = function()
            return answer(pending:step())
        end,
    }
end

---A pending object that ends as `pending` does, and calls `look` whenever there may be news of it,
---but at least so often.
---@param pending table|userdata
---@param seconds number
---@param look fun()
---@return table
function M.watch(pending, seconds, look)
    return {
        poll = function()
            local descriptor, events, own = pending:poll()
            return descriptor, events, own and math.min(own, seconds) or seconds
        end,
        step = function()
            look()
            return pending:step()
        end,
    }
end

local Group <const> = {}
Group.__index = Group

-- What resuming a strand gave: its end, with `ok` and the result, or what it waits for.
local function settle(strand, first, second)
    if coroutine.status(strand.thread) == "dead" then
        strand.done = true
        strand.ok = first
        strand.result = second
        strand.pending = nil
    elseif first == AWAIT then
        strand.pending = second
    else
        error("only await may yield inside sdme.all")
    end
end

local function resume(strand, ...)
    settle(strand, select(2, assert(coroutine.resume(strand.thread, ...))))
end

-- The pcall inside is what closes the variables of a function that fails, and lets that wait.
local function new_strand(body)
    local strand <const> = { thread = coroutine.create(function()
        return pcall(body)
    end) }
    strands[strand.thread] = true
    return strand
end

local function advance(strand, done, ...)
    if done then
        resume(strand, ...)
    end
    return done
end

-- Goes on with every strand until each has to wait.
function Group:step()
    local moved
    repeat
        moved = false
        for _, strand in ipairs(self) do
            if not strand.done and advance(strand, strand.pending:step()) then
                moved = true
            end
        end
    until not moved
    for _, strand in ipairs(self) do
        if not strand.done then
            return false
        end
    end
    return true, self
end

function Group:members()
    local pendings <const> = {}
    for _, strand in ipairs(self) do
        pendings[#pendings + 1] = strand.pending
    end
    return pendings
end

-- Makes the await that each strand is in raise `why`; what a strand then does to clean up may
-- wait again.
function Group:interrupt(why)
    for _, strand in ipairs(self) do
        local pending = strand.pending
        if pending and type(pending) == "table" and pending.interrupt then
            pending:interrupt(why)
        elseif pending then
            resume(strand, INTERRUPT, why)
        end
    end
end

---A pending object that runs functions side by side; it ends with itself, an array of
---`{ ok =, result = }`, one for each function.
---@param ... function
---@return table
function M.group(...)
    local group <const> = setmetatable({}, Group)
    for i = 1, select("#", ...) do
        group[i] = new_strand((select(i, ...)))
    end
    for _, strand in ipairs(group) do
        resume(strand)
    end
    return group
end

-- The results of a group's functions; raises what `failed` raised, or else the first.
local function results(group, failed)
    local list <const> = {}
    for i, strand in ipairs(group) do
        failed = failed or not strand.ok and strand or nil
        list[i] = strand.result
    end
    if failed then
        error(failed.result, 0)
    end
    return table.unpack(list, 1, #group)
end

-- A group of which the first failure interrupts what hasn't ended.
local Together <const> = {}
Together.__index = Together

function Together:members()
    return self.group:members()
end

function Together:interrupt(why)
    self.interrupted = true
    self.group:interrupt(why)
end

function Together:step()
    local done = self.group:step()
    for _, strand in ipairs(self.group) do
        if not done and not self.interrupted and strand.done and not strand.ok then
            self.failed = strand
            self:interrupt(fault.new { message = "another part failed", code = "ECANCELED" })
            done = self.group:step()
        end
    end
    return done, self.group
end

---Runs functions side by side as `all` does; but the first that raises makes the `await` that each
---of the others is in raise `ECANCELED`.
---@param ... function
---@return any ...
function M.together(...)
    local together <const> = setmetatable({ group = M.group(...) }, Together)
    M.await(together)
    return results(together.group, together.failed)
end

---Runs functions side by side and returns the first result of each. All of them come to their
---end; then the first error, if there was one, is raised.
---@param ... function
---@return any ...
function M.all(...)
    return results(M.await(M.group(...)))
end

return M
