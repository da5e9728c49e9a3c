#!/usr/bin/env -S sdme run
-- A test on a freshly booted system: it runs, and its status and the journal are what is kept.
--
--     sdme run recipes/kernel-ci.lua TEST [JOURNAL]

local sdme <const> = require "sdme"

local debian <const> = dofile((arg[0]:match "^(.*/)" or "./") .. "support/debian.lua")

local test <const>, journal <const> = arg[1], arg[2] or "journal.export"
if not test then
    error("usage: kernel-ci.lua TEST [JOURNAL]", 0)
end

local system <const> = sdme.recipe {
    name = "kernel-ci",
    from = debian(),
    build = function(b)
        b:copy(test, "/usr/local/bin/test-of-this-boot", { mode = "0755" })
    end,
}

local rootfs <const> = system:build { force = true }
local status
do
    local container <close> = sdme.new { fs = rootfs.name, ephemeral = true }
    local result <const> = container:exec { "systemd-cat", "-t", "test", "test-of-this-boot" }
    status = result:status()
    container:exec { "sh", "-c", "journalctl -b -o export >/root/journal", check = true }
    container:pull("/root/journal", journal)
    print(("Linux %s, status %d, journal in %s"):format(
        container:exec({ "uname", "-r" }).stdout:gsub("\n", ""), status, journal))
end
os.exit(status)
