#!/usr/bin/env lua5.4
-- sdme in a stock Lua with a loop of its own: two coroutines of sdme, and a clock that goes on
-- ticking while they wait. A real program has its own multiplexer in place of `core.poll.wait`.
--     sudo lua5.4 examples/embed/loop.lua

local sdme <const> = require "sdme"

local core <const> = sdme.core

local sleeping <const> = {}

-- Goes on with a coroutine until it waits again, or is done.
local function go_on(thread, ...)
    local fine <const>, descriptor <const>, seconds <const> = coroutine.resume(thread, ...)
    if not fine then
        error(debug.traceback(thread, tostring(descriptor)), 0)
    elseif coroutine.status(thread) ~= "dead" then
        sleeping[thread] = { descriptor, seconds and core.poll.now() + seconds or math.huge }
    end
end

local function spawn(body, ...)
    go_on(coroutine.create(body), ...)
end

-- Waits for the first of them, and resumes those that can go on.
local function turn()
    local threads <const>, entries <const>, deadline = {}, {}, math.huge
    for thread, wait in pairs(sleeping) do
        threads[#threads + 1] = thread
        entries[#entries + 1] = { wait[1], "r" }
        deadline = math.min(deadline, wait[2])
    end
    local left <const> = math.max(0, deadline - core.poll.now())
    local ready <const> = assert(core.poll.wait(entries, left < math.huge and left or nil))
    for i, thread in ipairs(threads) do
        if ready[i] or sleeping[thread][2] <= core.poll.now() then
            sleeping[thread] = nil
            go_on(thread)
        end
    end
end

sdme.task.set_poll(coroutine.yield)

local function run(name, ...)
    local process <close> = assert(core.process.spawn { argv = { ... } })
    print(name, assert(sdme.task.await(process:wait())).code)
end

local working = 2
for _, seconds in ipairs { "0.2", "0.3" } do
    spawn(function()
        run("sleep " .. seconds, "sleep", seconds)
        working = working - 1
    end)
end
spawn(function()
    for tick = 1, math.huge do
        sdme.task.sleep(0.1)
        if working == 0 then
            return
        end
        print("tick", tick)
    end
end)

while next(sleeping) do
    turn()
end
