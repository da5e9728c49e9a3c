#!/usr/bin/env -S sdme run
-- The same test on several systems, side by side: which of them has what a program needs?
--
--     sdme run examples/matrix.lua ROOTFS... -- COMMAND...

local sdme <const> = require "sdme"

local systems <const>, command <const> = {}, {}
local into = systems
for _, word in ipairs(arg) do
    if word == "--" and into == systems then
        into = command
    else
        into[#into + 1] = word
    end
end
if #systems == 0 or #command == 0 then
    error("usage: matrix.lua ROOTFS... -- COMMAND...", 0)
end

-- A system that doesn't even boot fails its test, and the others go on.
local function try(fs)
    local container <close> = sdme.new { fs = fs, ephemeral = true }
    return container:exec(command):status(), container:os()
end

local tests <const> = {}
for i, fs in ipairs(systems) do
    tests[i] = function()
        return table.pack(pcall(try, fs))
    end
end

local failed = 0
for i, result in ipairs { sdme.all(table.unpack(tests)) } do
    local booted <const>, status <const>, system <const> = table.unpack(result, 1, 3)
    local passed <const> = booted and status == 0
    failed = failed + (passed and 0 or 1)
    print(("%-4s  %-16s %s"):format(passed and "ok" or "FAIL", systems[i],
        booted and ("%s, status %d"):format(system, status) or tostring(status)))
end
os.exit(failed == 0)
