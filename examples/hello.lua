#!/usr/bin/env -S sdme run
-- A clone of this machine: it boots, a command changes its /etc, and it is gone without a trace.

local sdme <const> = require "sdme"

local function read(path)
    local file <close> = io.open(path)
    return file and file:read "a"
end

local motd <const> = read "/etc/motd"

do
    local clone <close> = sdme.new { ephemeral = true }
    print(("%s booted in %.2f s"):format(clone.name, clone.boot_seconds))

    local state <const> = clone:exec { "systemctl", "is-system-running" }
    print("it says it is " .. state.stdout:gsub("\n", ""))

    clone:exec { "sh", "-c", "echo hello from $(hostname) > /etc/motd" }
    print("its /etc/motd: " .. clone:exec({ "cat", "/etc/motd" }).stdout:gsub("\n", ""))
end

print("ours is untouched: " .. tostring(read "/etc/motd" == motd))
print(("containers left: %d"):format(#sdme.containers()))
