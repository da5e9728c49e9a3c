#!/usr/bin/env -S sdme run
-- What machined says while containers come and go: signals of D-Bus, as they arrive.
--
--     sdme run examples/watch.lua [SECONDS]

local sdme <const> = require "sdme"

local seconds <const> = tonumber(arg[1] or 60)

local WORDS <const> = { MachineNew = "came up", MachineRemoved = "is gone" }

local bus <close> = assert(sdme.core.bus.open_system())
local match <close> = assert(bus:match {
    sender = "org.freedesktop.machine1", interface = "org.freedesktop.machine1.Manager",
})
local deadline <const> = sdme.core.poll.now() + seconds
while true do
    local left <const> = math.max(0, deadline - sdme.core.poll.now())
    local signal <const>, why <const>, code <const> =
        sdme.task.await(sdme.task.timeout(match:next(), left))
    if code == "ETIMEDOUT" then
        break
    end
    local words <const> = WORDS[assert(signal, why).member]
    if words then
        print(signal.arguments[1] .. " " .. words)
        io.stdout:flush()
    end
end
