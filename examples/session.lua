#!/usr/bin/env -S sdme repl -i
-- Something to play with at the prompt: a clone that is gone when you leave, and short names for
-- what one does to it.
--
--     sdme repl -i examples/session.lua
--     > sh "cat /etc/hostname"
--     > changes "/etc"
--     > help(c.exec)

local sdme <const> = require "sdme"

c = sdme.new { ephemeral = true }

-- What is left at the end of the session is collected, and so stopped; an ephemeral container is
-- gone then.
session = setmetatable({}, { __gc = function() c:stop() end })

---Runs a line of the shell in the clone, and prints what it says.
function sh(line)
    local result <const> = c:exec { "sh", "-c", line }
    io.write(result.stdout, result.stderr)
    return result:status()
end

---What the clone has changed of the host's files below a directory.
function changes(directory)
    local list <const> = {}
    for i, change in ipairs(c:diff { paths = { directory } }) do
        list[i] = change.change .. " " .. change.path
    end
    return list
end

print(("%s is up: c is the container, sh and changes are functions"):format(c.name))
