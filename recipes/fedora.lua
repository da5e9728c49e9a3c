#!/usr/bin/env -S sdme run
-- Fedora, of the image that its makers publish; systemd is installed where the image has none.
--
--     sdme run recipes/fedora.lua [TAG]

local sdme <const> = require "sdme"

return sdme.recipe {
    name = "fedora",
    from = {
        source = "registry.fedoraproject.org/fedora:" .. (arg[1] or "latest"),
        install_packages = "yes",
    },
}
