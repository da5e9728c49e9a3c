#!/usr/bin/env -S sdme run
-- Ubuntu from nothing but a mirror.
--
--     sdme run recipes/ubuntu.lua [SUITE [MIRROR]]

local sdme <const> = require "sdme"

local bootstrap <const> = dofile((arg[0]:match "^(.*/)" or "./") .. "support/bootstrap.lua")

local mirror <const> = arg[2] or "http://archive.ubuntu.com/ubuntu"

-- Not all releases of Debian have it; its digest is what makes it the right one.
local KEYRING <const> = [[
/usr/lib/apt/apt-helper -q download-file %s/pool/main/u/ubuntu-keyring/%s \
    /root/keyring.deb SHA256:36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8
dpkg-deb --extract /root/keyring.deb /
]]

return sdme.recipe {
    name = "ubuntu",
    from = bootstrap {
        name = "ubuntu", suite = arg[1] or "noble", components = "main,universe",
        mirror = mirror, keyring = "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
        bring_keyring = KEYRING:format(mirror, "ubuntu-keyring_2023.11.28.1_all.deb"),
    },
}
