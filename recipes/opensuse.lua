#!/usr/bin/env -S sdme run
-- openSUSE, of the image that its makers publish; systemd is installed where the image has none.
--
--     sdme run recipes/opensuse.lua [TAG]

local sdme <const> = require "sdme"

return sdme.recipe {
    name = "opensuse",
    from = {
        source = "registry.opensuse.org/opensuse/tumbleweed:" .. (arg[1] or "latest"),
        install_packages = "yes",
    },
}
