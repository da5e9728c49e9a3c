-- Containers that have an address given: by `--address`, or since nobody leases one in their zone.
-- Their network is made before they start, as that of a pod is, and the guest need not know how:
-- its systemd-networkd has no part in it, and without CAP_NET_ADMIN doesn't start.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local forward <const> = require "sdme.network.forward"
local link <const> = require "sdme.network.link"
local namespace <const> = require "sdme.pod.namespace"
local networkd <const> = require "sdme.network.networkd"
local pool <const> = require "sdme.network.pool"
local prefix <const> = require "sdme.network.prefix"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"
local zone <const> = require "sdme.network.zone"

local file <const> = core.file

local M <const> = {}

local function path_of(name)
    return store.path("containers", name, "network.json")
end

-- The network of the last run, if that has left it.
local function read(name)
    local fine <const>, network <const> = pcall(state.read, path_of(name))
    return fine and network or nil
end

---Whether a container's address is for us to give.
---@param settings table
---@return boolean
function M.is_wanted(settings)
    return settings.address ~= nil and #settings.address > 0
        or settings.network_zone ~= nil and not networkd.has_zones()
end

---The host's interface that leads to a container that runs.
---@param name string
---@return integer? index nil if it isn't of ours
function M.link_index(name)
    local network <const> = read(name)
    return network and math.tointeger(file.read(("/sys/class/net/%s/ifindex"):format(network.link)))
end

local function kind_of(settings)
    return { kind = settings.network_zone and "zone" or settings.network_bridge and "bridge"
        or "veth", zone = settings.network_zone, bridge = settings.network_bridge }
end

-- The host's address for a guest's: in a bridge of others the one that it has there, if it has one.
local function gateway_for(network, address)
    if network.bridge then
        for _, entry in ipairs(fault.check(core.address.list())) do
            local found <const> = prefix.parse(entry.address)
            if entry.link == network.bridge and found:overlaps(address:network()) then
                return found
            end
        end
        return nil
    end
    local first <const> = address:network():host(1)
    return first:is_at(address) and address:network():host(2) or first
end

local function check_taken(network, address, what)
    for _, other in ipairs(pool.records()) do
        for _, text in ipairs(other.address or {}) do
            local found <const> = prefix.parse(text)
            -- Networks of zones, whose records have no link, are shared by those in them.
            local shared <const> = network.bridge
                or network.zone and (other.zone == network.zone or not other.link)
            if found:is_at(address) or not shared and found:overlaps(address:network()) then
                fault.raise("EADDRINUSE", "choose another one, or `auto`", "%s: %s is in use by %s",
                    what, tostring(address), text)
            end
        end
    end
end

-- Addresses as they were asked for.
local function number_as(network, addresses, what)
    local record <const> = network.zone and zone.claim(network.zone, what)
    network.address, network.gateway = {}, {}
    for i, text in ipairs(addresses) do
        local address <const> = prefix.parse(text)
        check_taken(network, address, what)
        if not network.bridge then
            pool.check_free(address, network.zone and zone.bridge(network.zone) or network.link,
                what)
        end
        local gateway <const> = gateway_for(network, address)
        if record then
            zone.extend(network.zone, record, gateway)
        end
        network.address[i] = text
        network.gateway[#network.gateway + 1] = gateway and gateway:address() or nil
    end
end

local function number(network, name, settings)
    local what <const>, wanted <const> = "start " .. name, settings.address or {}
    if wanted[1] and wanted[1] ~= "auto" then
        number_as(network, wanted, what)
    elseif network.zone then
        zone.number(network, zone.claim(network.zone, what), what)
    else
        link.number(network, pool.take("link", "container " .. name, what))
    end
end

local function plan(name, settings)
    local _ <close> = pool.lock()
    local old <const> = read(name)
    if old then
        link.remove(old)
        file.remove(path_of(name))
    end
    local network <const> = link.plan(kind_of(settings), "container " .. name, {})
    number(network, name, settings)
    state.write(path_of(name), network, { sync = false })
    return network
end

---Makes the network of a container that is about to start. The caller holds its lock.
---@param name string
---@param settings table
---@return userdata netns
function M.make(name, settings)
    if not settings.network_bridge then
        forward.check("start " .. name)
    end
    local network <const> = plan(name, settings)
    local netns <const> = namespace.create("make the network of " .. name)
    if network.zone then
        zone.ensure(network.zone)
    end
    link.make(network, netns)
    link.set_routes(netns, { network })
    return netns
end

---What is left of the settings for systemd-nspawn(1), which is to make no network.
---@param settings table
---@return table
function M.settings(settings)
    local rest <const> = {}
    for name, value in pairs(settings) do
        rest[name] = value
    end
    for _, name in ipairs {
        "network_veth", "network_bridge", "network_zone", "private_network", "port",
    } do
        rest[name] = nil
    end
    rest.static = true
    return rest
end

---Takes away what a container that has ended had. No failure if that is nothing.
---@param name string
function M.clear(name)
    local network <const> = read(name)
    if network then
        link.remove(network)
        file.remove(path_of(name))
        if network.zone then
            zone.leave(network.zone)
        end
    end
end

return M
