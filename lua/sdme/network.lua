-- How a container is on the network.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local socket <const> = require "sdme.port.socket"

local M <const> = {}

-- Written by systemd-resolved(8): the servers behind its stub.
local UPLINK <const> = "/run/systemd/resolve/resolv.conf"

---Whether it has a network interface of its own, besides loopback.
---@param settings table
---@return boolean
function M.has_interface(settings)
    return (settings.network_veth or settings.network_bridge or settings.network_zone) and true
        or false
end

---Whether an address is one that an interface gives itself: until the network gives it a better one
---(RFC 3927), or besides that and only with an interface to go with it (RFC 4291, 2.5.6).
---@param address string as `sdme.machined` shows it
---@return boolean
function M.is_link_local(address)
    return (address:find "^169%.254%." or address:find "^fe[89ab]%x:") ~= nil
end

---The units that don't start in a container. On the host's network the host's resolver is there
---already, and a second one could not have its address.
---@param settings table
---@return string[]
function M.masked_services(settings)
    if settings.masked_services then
        return settings.masked_services
    end
    return settings.private_network and not settings.address and {}
        or config.get "masked_services"
end

---The file that names the servers behind the stub of the host's resolver, which listens on the
---host's loopback interface only.
---@return string? path nil where there is no such resolver
function M.uplink()
    return core.file.stat(UPLINK) and UPLINK or nil
end

-- What systemd-nspawn does about /etc/resolv.conf.
local function resolv_conf(settings)
    if settings.pod or settings.static then
        return M.uplink() and "replace-uplink" or "replace-host"
    elseif not settings.private_network then
        return "replace-host"
    elseif not M.has_interface(settings) or core.file.stat "/usr/lib/systemd/systemd-resolved" then
        return "off"
    end
    return M.uplink() and "replace-uplink" or "replace-host"
end

---@param port { protocol: string, host: integer, container: integer }
local function port_argument(port)
    return ("--port=%s:%d:%d"):format(port.protocol, port.host, port.container)
end

---The options of systemd-nspawn(1) for it.
---@param settings table
---@return string[]
function M.arguments(settings)
    local arguments <const> = { "--resolv-conf=" .. resolv_conf(settings) }
    local function add(condition, argument)
        if condition then
            arguments[#arguments + 1] = argument
        end
    end
    add(settings.private_network and not M.has_interface(settings), "--private-network")
    add(settings.network_veth, "--network-veth")
    add(settings.network_bridge, "--network-bridge=" .. (settings.network_bridge or ""))
    add(settings.network_zone, "--network-zone=" .. (settings.network_zone or ""))
    for _, port in ipairs(socket.single(settings.port)) do
        add(not port.address, port_argument(port)) -- it knows no address
    end
    return arguments
end

---Removes what a systemd-nspawn that was killed has left on the host: its end of the container's
---network, which the kernel would take away too, but only later, and the bridge of a zone that was
---its alone.
---@param name string of a container that isn't running
---@param settings table
function M.clear(name, settings)
    if M.has_interface(settings) then
        local prefix <const> = (settings.network_bridge or settings.network_zone) and "vb-" or "ve-"
        fault.check(core.link.remove(prefix .. name))
    end
    if settings.network_zone then
        fault.check(core.link.remove_zone(settings.network_zone))
    end
end

return M
