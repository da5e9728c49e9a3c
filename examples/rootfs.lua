#!/usr/bin/env -S sdme run
-- A Debian of its own: imported from an archive, changed in a container, and kept as a snapshot.
--
--     sdme run examples/rootfs.lua debian.tar

local sdme <const> = require "sdme"

local archive <const> = assert(arg[1], "usage: rootfs.lua ARCHIVE")

local base <const> = sdme.fs.import(archive, { name = "example", force = true, quiet = true })
local found <const> = base:inspect()
print(("%s: %s, %d layer, %d MB"):format(base.name, found.os.name, #found.layers,
    found.size >> 20))

local shot
do
    local container <const> = sdme.new { fs = base.name, userns = true }
    print(("%s booted in %.2f s"):format(container.name, container.boot_seconds))
    container:exec { "sh", "-c", "echo made by an example > /etc/motd", check = true }
    for _, change in ipairs(container:diff { paths = { "/etc/motd" } }) do
        print("changed: " .. change.change .. " " .. change.path)
    end
    container:stop()
    shot = container:snapshot "example-2"
    container:remove()
end

do
    local again <close> = sdme.new { fs = shot.name, ephemeral = true }
    io.write("a container of the snapshot has: ", again:exec({ "cat", "/etc/motd" }).stdout)
end

shot:remove()
base:remove()
print(("root filesystems left: %d"):format(#sdme.fs.list()))
