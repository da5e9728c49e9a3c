#!/usr/bin/env -S sdme run
-- A fleet of clones: they boot side by side, each does its share of the work, and all are gone.
--
--     sdme run examples/fleet.lua [COUNT]

local sdme <const> = require "sdme"

local count <const> = math.tointeger(arg[1] or 4)

-- What one of them does: finds the primes up to `last` that leave `rest` when divided by `count`.
local SHARE <const> = [[
    for n in $(seq %d %d %d); do factor $n; done | awk 'NF == 2' | wc -l
]]

local function work(index, last)
    local clone <close> = sdme.new { name = "worker-" .. index, ephemeral = true }
    local line <const> = SHARE:format(index + 1, count, last)
    return tonumber(clone:exec({ "sh", "-c", line, check = true }).stdout)
end

local shares <const> = {}
for index = 1, count do
    shares[index] = function()
        return work(index, 1000)
    end
end

local total = 0
for index, found in ipairs { sdme.all(table.unpack(shares)) } do
    print(("worker-%d found %d primes"):format(index, found))
    total = total + found
end
print(("%d below a thousand"):format(total))
