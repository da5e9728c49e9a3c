#!/usr/bin/env lua5.4
-- sdme in a program that is built on libuv (Debian's package lua-luv):
--     sudo lua5.4 examples/embed/luv.lua

local sdme <const> = require "sdme"
local uv <const> = require "luv"

-- Yields to the loop, which resumes the coroutine at the first of the two.
sdme.task.set_poll(function(descriptor, seconds)
    local thread <const> = coroutine.running()
    local poll <const>, timer <const> = uv.new_poll(descriptor), uv.new_timer()
    local gone_on = false
    local function go_on()
        if not gone_on then
            gone_on = true
            assert(coroutine.resume(thread))
        end
    end
    poll:start("r", go_on)
    if seconds then
        timer:start(math.ceil(seconds * 1000), 0, go_on)
    end
    coroutine.yield()
    poll:stop()
    poll:close()
    timer:close()
end)

local function run(...)
    local process <close> = assert(sdme.core.process.spawn { argv = { ... } })
    return sdme.task.await(process:wait()).code
end

local ticker <const> = uv.new_timer()
ticker:start(0, 50, function()
    io.write "."
end)

coroutine.wrap(function()
    print("", sdme.all(function()
        return run("sleep", "0.2")
    end, function()
        return run "false"
    end))
    ticker:close()
end)()

uv.run()
