-- The Debian that the other recipes begin with; debian.lua gives it a name.

local sdme <const> = require "sdme"

local bootstrap <const> = dofile((arg[0]:match "^(.*/)" or "./") .. "support/bootstrap.lua")

---@param suite string? bookworm
---@param mirror string?
---@return sdme.Recipe
return function(suite, mirror)
    return sdme.recipe {
        name = "debian",
        from = bootstrap {
            name = "debian", suite = suite or "bookworm", components = "main",
            mirror = mirror or "http://deb.debian.org/debian",
            keyring = "/usr/share/keyrings/debian-archive-keyring.gpg",
            bring_keyring = "apt-get -qy install debian-archive-keyring",
        },
    }
end
