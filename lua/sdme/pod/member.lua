-- What the launcher does for a container in a pod, or whose applications are.

local app <const> = require "sdme.app"
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

---The options of systemd-nspawn(1) for it: nobody in a pod changes the network of the others.
---And whoever was given an address keeps it, unless it may do otherwise.
---@param settings table of the container
---@return string[]
function M.arguments(settings)
    local keeps = settings.static
    for _, capability in ipairs(settings.capability or {}) do
        keeps = keeps and capability ~= "CAP_NET_ADMIN"
    end
    return (settings.pod or settings.oci_pod or keeps)
        and { "--drop-capability=CAP_NET_ADMIN" } or {}
end

-- Below /run, so that it is in no layer.
local function bind_drop_in(description, one, paths)
    local source <const> =
        store.path("containers", description.name, "apps", one.name, "pod.conf")
    fault.check(file.write(source, unit.drop_in(one, app, paths), { mode = "0644", sync = false }))
    return {
        source = source, read_only = true,
        target = ("/run/systemd/system/%s.d/pod.conf"):format(unit.name(one.name)),
    }
end

---What its applications need to be in a pod by themselves.
---@param description table the state of the container
---@return table[] binds as the setting has them
function M.binds(description)
    local pod <const> = description.settings.oci_pod
    if not pod then
        return {}
    end
    local uplink <const> = network.uplink()
    local binds <const> = { { source = namespace.path(pod), target = NETNS } }
    binds[#binds + 1] = uplink
        and { source = uplink, target = RESOLV_CONF, read_only = true } or nil
    for _, one in ipairs(description.apps or {}) do
        binds[#binds + 1] = bind_drop_in(description, one,
            { namespace = NETNS, resolv_conf = uplink and RESOLV_CONF, hosts = names.APPLICATIONS,
                secrets = secret.bind(description.settings, app.secrets(one.name)) })
    end
    return binds
end

return M
