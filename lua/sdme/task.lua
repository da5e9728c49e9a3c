-- Waiting, and doing several things at once.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local loop <const> = require "sdme.loop"

---Waiting, and doing several things at once. Whatever waits is a *pending object*: `poll()` says
---what to wait for, and `step()` goes on with it. In a plain script `await` polls just that one;
---inside `all` it yields, so that the same straight-line code runs side by side. A program with a
---loop of its own has `await` wait in that by `set_poll`.
---@class sdme.task
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

---What a pending object waits for, as `sdme.core.poll.wait` takes it. A group is taken apart.
---
---```lua
---local entries, seconds = task.entries(task.timer(5))
---print(#entries, seconds)
---```
---@param pending sdme.Pending what to ask
---@return [sdme.AnyDescriptor, string][] entries
---@return number? seconds after which it wants to be stepped anyway
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
---
---Raises `EINTR` when SIGINT or SIGTERM came.
---
---```lua
---local process <close> = assert(core.process.spawn { argv = { "false" } })
---print(task.await(process:wait()).code)
---```
---@param pending sdme.Pending what to wait for
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
---@return function|nil before what was set
function M.set_poll(poll)
    if poll ~= nil and type(poll) ~= "function" then
        error(("set_poll takes a function or nil, not a %s"):format(type(poll)), 2)
    end
    local before <const> = loop.poll
    loop.poll = poll
    return before
end

---A pending object that is done after some seconds.
---
---```lua
---task.await(task.timer(0.01))
---```
---@param seconds number how many
---@return sdme.Pending pending
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
---
---```lua
---task.sleep(0.01)
---```
---@param seconds number how many
function M.sleep(seconds)
    M.await(M.timer(seconds))
end

---A pending object that ends as another does, or with `nil, message, "ETIMEDOUT"`.
---
---```lua
---local _, message, code = task.await(task.timeout(task.timer(60), 0.01))
---print(message, code)
---```
---@param pending sdme.Pending the other
---@param seconds number how long it has
---@return sdme.Pending pending
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

---A pending object that ends as another does, and calls a function whenever there may be news of
---it, but at least so often.
---
---```lua
---local timer <const> = task.watch(task.timer(0.1), 0.05, function() io.write "." end)
---task.await(timer)
---```
---@param pending sdme.Pending the other
---@param seconds number at most between two calls
---@param look fun() what is called
---@return sdme.Pending pending
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

---Functions that run side by side; when they have ended, an array of `{ ok=, result= }`.
---@class sdme.task.Group: sdme.Pending
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

-- A signal that came while a strand didn't wait was that one's to learn, but is meant for all.
local function find_interrupt(group)
    for _, strand in ipairs(group) do
        if strand.done and not strand.ok and fault.is(strand.result, "EINTR") then
            return strand.result
        end
    end
    return nil
end

---Goes on with every function until each has to wait.
---@return boolean done whether all have ended
---@return sdme.task.Group? group itself, then
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
    local why <const> = not self.interrupted and find_interrupt(self)
    if why then
        self:interrupt(why)
        return self:step()
    end
    for _, strand in ipairs(self) do
        if not strand.done then
            return false
        end
    end
    return true, self
end

---What its functions wait for.
---@return sdme.Pending[] members
function Group:members()
    local pendings <const> = {}
    for _, strand in ipairs(self) do
        pendings[#pendings + 1] = strand.pending
    end
    return pendings
end

---Makes the `await` that each function is in raise something; what a function then does to clean up
---may wait again.
---
---```lua
---local group <const> = task.group(function() task.sleep(60) end)
---assert(#group:members() == 1 and not group:step())
---group:interrupt "enough"
---print(group:step(), group[1].result)
---```
---@param why any what is raised
function Group:interrupt(why)
    self.interrupted = true
    for _, strand in ipairs(self) do
        local pending = strand.pending
        if pending and type(pending) == "table" and pending.interrupt then
            pending:interrupt(why)
        elseif pending then
            resume(strand, INTERRUPT, why)
        end
    end
end

---A pending object that runs functions side by side; it ends with itself, an array of `{ ok=,
---result= }`, one for each function: nothing is raised.
---
---```lua
---local group <const> = task.await(task.group(function() return 1 end, function() error "no" end))
---print(group[1].result, group[2].ok)
---```
---@param ... fun(): any what to run
---@return sdme.task.Group group
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
---of the others is in raise `ECANCELED`: what they do is of no use any more. What the first raised
---is raised.
---
---```lua
---print(pcall(task.together, function() error "no" end, function() task.sleep(60) end))
---```
---@param ... fun(): any what to run
---@return any ... the first result of each
function M.together(...)
    local together <const> = setmetatable({ group = M.group(...) }, Together)
    M.await(together)
    return results(together.group, together.failed)
end

---Is `sdme.all`.
---
---```lua
---print(task.all(function() return 1 end, function() return 2 end))
---```
---@param ... fun(): any what to run
---@return any ... the first result of each
function M.all(...)
    return results(M.await(M.group(...)))
end

return M
