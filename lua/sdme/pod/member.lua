-- What the launcher does for a container in a pod, or whose applications are.

local app <const> = require "sdme.app"
local broker <const> = require "sdme.pod.broker"
local confinement <const> = require "sdme.app.confinement"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local namespace <const> = require "sdme.pod.namespace"
local names <const> = require "sdme.names"
local network <const> = require "sdme.network"
local pod_network <const> = require "sdme.pod.network"
local secret <const> = require "sdme.app.secret"
local store <const> = require "sdme.store"
local unit <const> = require "sdme.unit.app"

local file <const> = core.file

local M <const> = {}

-- Where the guest's systemd finds the network of its applications, and their resolver.
local NETNS <const> = "/run/sdme/pod"
local RESOLV_CONF <const> = "/run/sdme/resolv.conf"

---Has the networks of a container's pods exist.
---@param settings table of the container
---@return userdata? descriptor of the one that the container as a whole is in
function M.networks(settings)
    local function ensure(name)
        local netns <const> = namespace.ensure(name)
        pod_network.ensure(name, netns)
        return netns
    end
    if settings.oci_pod and settings.oci_pod ~= settings.pod then
        ensure(settings.oci_pod):close()
    end
    return settings.pod and ensure(settings.pod) or nil
end

---The options of systemd-nspawn(1) for it: nobody in a pod changes the network of the others; root
---of a user namespace couldn't, where its applications alone are. And whoever was given an address
---keeps it, unless it may do otherwise.
---@param settings table of the container
---@return string[]
function M.arguments(settings)
    local keeps = settings.static
    for _, capability in ipairs(settings.capability or {}) do
        keeps = keeps and capability ~= "CAP_NET_ADMIN"
    end
    local enters <const> = settings.oci_pod and not broker.is_needed(settings)
    return (settings.pod or enters or keeps)
        and { "--drop-capability=CAP_NET_ADMIN" } or {}
end

-- Below /run, so that they are in no layer. But systemd-nspawn makes directories there that root of
-- a user namespace doesn't own, and its systemd must write to that one: then it is an empty file
-- among those of the container that they are bound to.
local function drop_in_path(description, name, root)
    local range <const> = description.userns
    local directory <const> =
        ("%s/systemd/system/%s.d"):format(range and "/etc" or "/run", name)
    local path <const> = directory .. "/sdme-pod.conf"
    if range and not file.exists(path, { root = root }) then
        local owner <const> =
            { root = root, parents = true, uid = range.base, gid = range.base }
        fault.check(file.mkdir(directory, owner))
        fault.check(file.write(path, "", {
            root = root, uid = range.base, gid = range.base, mode = "0644", sync = false,
        }))
    end
    return path
end

local function bind_drop_ins(binds, description, root, one, paths)
    local options <const> = confinement.options(description.settings)
    for name, content in pairs(unit.drop_ins(one, app, options, paths)) do
        local source <const> =
            store.path("containers", description.name, "apps", one.name, name .. ".conf")
        fault.check(file.write(source, content, { mode = "0644", sync = false }))
        binds[#binds + 1] = {
            source = source, read_only = true, owners = "disk",
            target = drop_in_path(description, name, root),
        }
    end
end

---What its applications need to be in a pod by themselves.
---@param description table the state of the container
---@param root userdata a descriptor of its mounted root
---@return table[] binds as the setting has them
function M.binds(description, root)
    local pod <const> = description.settings.oci_pod
    local brokered <const> = broker.is_needed(description.settings)
    if not brokered then
        broker.forget(description.name)
    end
    if not pod then
        return {}
    end
    local uplink <const> = network.uplink()
    local binds <const> = {
        brokered and broker.open(description) or { source = namespace.path(pod), target = NETNS },
    }
    binds[#binds + 1] = uplink
        and { source = uplink, target = RESOLV_CONF, read_only = true, owners = "disk" } or nil
    for _, one in ipairs(description.apps or {}) do
        bind_drop_ins(binds, description, root, one, {
            namespace = not brokered and NETNS or nil, broker = brokered and broker.sockets or nil,
            resolv_conf = uplink and RESOLV_CONF, hosts = names.APPLICATIONS,
            secrets = secret.bind(description.settings, app.secrets(one.name)),
        })
    end
    return binds
end

return M
