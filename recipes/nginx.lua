#!/usr/bin/env -S sdme run
-- nginx as a service, with the files of a directory, and looked at before it gets its name.
--
--     sdme run recipes/nginx.lua [DIRECTORY]
--     sdme new -r nginx -p 8080:80

local sdme <const> = require "sdme"

local debian <const> = dofile((arg[0]:match "^(.*/)" or "./") .. "support/debian.lua")

-- What apt fetches serves the next build, and is no part of this one.
local APT <const> = { cache = { "/var/cache/apt", "/var/lib/apt/lists" } }

return sdme.recipe {
    name = "nginx",
    from = debian(),
    build = function(b, arguments)
        b:run("apt-get -q update && apt-get -qy --no-install-recommends install nginx curl", APT)
        if arguments[1] then
            b:copy(arguments[1] .. "/", "/var/www/html/", { owner = "root:www-data" })
        else
            b:write("/var/www/html/index.html", "<!doctype html><title>sdme</title>It works.\n")
        end
        b:enable "nginx.service"
        b:boot(function(container)
            container:exec { "curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1/", check = true }
        end)
    end,
}
