-- The network namespaces of pods. Each is held by a mount below /run, which ends when the host goes
-- down, or if somebody unmounts it: what counts is whether a namespace is there, not the file.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local lazy <const> = require "sdme.lazy"

local store <const> = lazy.module "sdme.store"

local file <const>, netns <const> = core.file, core.netns

local M <const> = {}

-- /run is shared with the mount namespaces of services, and so is what is mounted below it: a
-- namespace that is released here is released everywhere.
local DIRECTORY <const> = "/run/sdme/netns/pods"

-- Root of a user namespace has no privilege over a network that is the host's: for ports below 1024
-- and for ping none is needed here, where only those in the pod are (ip-sysctl.rst).
local PARAMETERS <const> = {
    ["ipv4/ip_unprivileged_port_start"] = "0",
    ["ipv4/ping_group_range"] = "0 2147483647",
}

-- What netns.open fails with where nothing is held.
local NOT_HELD <const> = { ENOENT = true, EINVAL = true }

---Where the namespace of a pod is held.
---@param name string of the pod
---@return string path
function M.path(name)
    return DIRECTORY .. "/" .. name
end

---The namespace of a pod, if it is there.
---@param name string of the pod
---@return userdata? descriptor
function M.open(name)
    local opened <const>, message <const>, code <const> = netns.open(M.path(name))
    if not opened and not NOT_HELD[code] then
        fault.raise(code, nil, "pod %s: %s", name, message)
    end
    return opened
end

-- With their loopback interface up.
local OPTIONS <const> = { loopback = true, parameters = PARAMETERS }

---Makes a namespace for guests, with its loopback interface up. Nothing keeps it yet.
---@param what string what it is wanted for
---@return userdata descriptor
function M.create(what)
    return fault.context(what)(netns.create(OPTIONS))
end

---Begins that, as the kernel takes its time.
---@return sdme.netns.Creation begun to be closed, which lets go of it
function M.begin()
    return fault.check(netns.begin(OPTIONS))
end

---Makes the namespace of a pod, with its loopback interface up. The caller holds the pod's lock.
---@param name string of the pod
---@param begun sdme.netns.Creation? what `begin` has begun
---@return userdata descriptor
function M.make(name, begun)
    local what <const> = "make the network of pod " .. name
    local check <const> = fault.context(what)
    M.release(name) -- the file of one that isn't held any more
    check(file.mkdir(DIRECTORY, { parents = true, mode = "0700" }))
    local made <const> = begun and check(begun:finish()) or M.create(what)
    check(netns.hold(made, M.path(name)))
    return made
end

---The namespace of a pod, made anew if it isn't there.
---@param name string of a pod that exists
---@return userdata descriptor
function M.ensure(name)
    local there <const> = M.open(name)
    if there then
        return there
    end
    local _ <close> = store.lock("pod", name)
    return M.open(name) or M.make(name)
end

---Lets go of the namespace of a pod, which ends with the last process in it. No failure if there is
---none.
---@param name string of the pod
function M.release(name)
    fault.check(netns.release(M.path(name)))
end

return M
