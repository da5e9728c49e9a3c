#!/usr/bin/env -S sdme run
-- Prepare once, try many times: a snapshot of a container is the start of as many others as you
-- like, which share all that they don't change.

local sdme <const> = require "sdme"

local prepared
do
    local container <const> = sdme.new()
    container:exec { "sh", "-c", "mkdir /srv/data; seq 100000 >/srv/data/numbers", check = true }
    container:stop()
    prepared = container:snapshot("prepared", { force = true })
    container:remove()
end

local EXPERIMENTS <const> = {
    "shuf /srv/data/numbers | head -n1 >/srv/data/chosen",
    "rm /srv/data/numbers",
    "sed -i '1,99999d' /srv/data/numbers",
}

for number, line in ipairs(EXPERIMENTS) do
    local container <close> = sdme.new { fs = prepared.name, ephemeral = true }
    container:exec { "sh", "-c", line, check = true }
    local changes <const> = {}
    for i, change in ipairs(container:diff { paths = { "/srv" } }) do
        changes[i] = change.change .. " " .. change.path
    end
    print(("%d: %s"):format(number, table.concat(changes, ", ")))
end

prepared:remove()
