#!/usr/bin/env -S sdme run
-- Redis as a service that others reach, with a limit of memory.
--
--     sdme run recipes/redis.lua [MEGABYTES]
--     sdme new -r redis -p 6379

local sdme <const> = require "sdme"

local debian <const> = dofile((arg[0]:match "^(.*/)" or "./") .. "support/debian.lua")

local APT <const> = { cache = { "/var/cache/apt", "/var/lib/apt/lists" } }

local CONFIG <const> = [[
include /etc/redis/redis.conf
bind * -::*
protected-mode no
maxmemory %dmb
maxmemory-policy allkeys-lru
]]

local DROP_IN <const> = [[
[Service]
ExecStart=
ExecStart=/usr/bin/redis-server /etc/redis/sdme.conf --supervised systemd --daemonize no
]]

return sdme.recipe {
    name = "redis",
    from = debian(),
    build = function(b, arguments)
        b:run("apt-get -q update && apt-get -qy --no-install-recommends install redis-server", APT)
        b:write("/etc/redis/sdme.conf", CONFIG:format(arguments[1] or 256), { mode = "0644" })
        b:write("/etc/systemd/system/redis-server.service.d/sdme.conf", DROP_IN)
        b:enable "redis-server.service"
        b:boot(function(container)
            container:exec { "redis-cli", "set", "built-by", "sdme", check = true }
            container:exec { "redis-cli", "save", check = true }
        end)
    end,
}
