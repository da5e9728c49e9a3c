#!/usr/bin/env -S sdme run
-- A rolling restart: one container after another, and no further if one doesn't come back healthy.
--
--     sdme run examples/rolling.lua NAME...

local sdme <const> = require "sdme"

local PATIENCE <const> = 30 -- seconds

local function wait_until_healthy(container)
    for _ = 1, PATIENCE * 10 do
        local health <const> = container:health()
        if health == "ok" then
            return
        elseif health == "failed" then
            break
        end
        sdme.task.sleep(0.1)
    end
    error(("%s is %s: the others are left as they are"):format(container.name,
        container:health()), 0)
end

for _, name in ipairs(arg) do
    local container <const> = sdme.container(name)
    print(("%s is back after %.2f s"):format(container.name, container:restart()))
    wait_until_healthy(container)
end
