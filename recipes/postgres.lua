#!/usr/bin/env -S sdme run
-- PostgreSQL as a service, with a database and its owner made while it runs: what a Dockerfile
-- leaves to the first start.
--
--     sdme run recipes/postgres.lua [DATABASE]
--     sdme new -r postgres -p 5432

local sdme <const> = require "sdme"

local debian <const> = dofile((arg[0]:match "^(.*/)" or "./") .. "support/debian.lua")

local APT <const> = { cache = { "/var/cache/apt", "/var/lib/apt/lists" } }

-- Whoever comes from elsewhere says a password; who has none yet can't come in.
local ACCESS <const> = [[
cd /etc/postgresql/*/main
echo "listen_addresses = '*'" >conf.d/sdme.conf
echo 'host all all all scram-sha-256' >>pg_hba.conf
]]

local MAKE <const> = [[
createuser "$1"
createdb --owner="$1" "$1"
]]

return sdme.recipe {
    name = "postgres",
    from = debian(),
    build = function(b, arguments)
        local database <const> = arguments[1] or "app"
        b:run("apt-get -q update && apt-get -qy --no-install-recommends install postgresql", APT)
        b:run(ACCESS)
        b:boot(function(container)
            container:exec {
                "sh", "-ec", MAKE, "sh", database, user = "postgres", cwd = "/tmp", check = true,
            }
        end)
    end,
}
