#!/usr/bin/env -S sdme run
-- Containers in a container: Podman, and `docker` as another name for it.
--
--     sdme run recipes/docker.lua
--     sdme new -r docker --name inner --device /dev/fuse

local sdme <const> = require "sdme"

local debian <const> = dofile((arg[0]:match "^(.*/)" or "./") .. "support/debian.lua")

local APT <const> = { cache = { "/var/cache/apt", "/var/lib/apt/lists" } }

local PACKAGES <const> = "crun fuse-overlayfs iptables podman podman-docker"

-- An overlay can't have its upper layer on an overlay, so files are merged in user space.
local STORAGE <const> = [[
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
[storage.options.overlay]
mount_program = "/usr/bin/fuse-overlayfs"
]]

-- Limits are the outer container's: to set any, and to load programs that guard devices, its root
-- would need capabilities that it doesn't have.
local ENGINE <const> = [[
[containers]
cgroups = "disabled"
netns = "host"
keyring = false
[engine]
runtime = "crun"
events_logger = "file"
]]

return sdme.recipe {
    name = "docker",
    from = debian(),
    build = function(b)
        b:run("apt-get -q update && apt-get -qy --no-install-recommends install " .. PACKAGES, APT)
        b:write("/etc/containers/storage.conf", STORAGE)
        b:write("/etc/containers/containers.conf", ENGINE)
        b:write("/etc/containers/nodocker", "")
        b:enable "podman.socket"
    end,
}
