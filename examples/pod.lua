#!/usr/bin/env -S sdme run
-- A pod of two servers: `sdme run --dry-run examples/pod.lua` says what there is to be done.
-- Without --dry-run it is done, the next time only what differs; `sdme pod rm shop` takes it down.
-- It wants images and a secret:
--     sdme fs import docker.io/library/redis --name redis
--     sdme fs import docker.io/library/nginx --name nginx
--     sdme secret set token

local sdme <const> = require "sdme"

return sdme.pod {
    name = "shop",
    containers = {
        db = {
            fs = "redis", memory = "512M", restart = "on-failure", volumes = { data = "/data" },
            ready = { tcp = 6379 },
        },
        front = {
            fs = "nginx", app_only = true, oci_env = { TOKEN = sdme.secret "token" },
            after = { "db" }, ready = { http = "http://127.0.0.1/", timeout = 30 },
        },
    },
}
