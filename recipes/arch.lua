#!/usr/bin/env -S sdme run
-- Arch, of the image that its makers publish; systemd is installed where the image has none.
--
--     sdme run recipes/arch.lua [TAG]

local sdme <const> = require "sdme"

return sdme.recipe {
    name = "arch",
    from = {
        source = "docker.io/library/archlinux:" .. (arg[1] or "latest"),
        install_packages = "yes",
    },
}
