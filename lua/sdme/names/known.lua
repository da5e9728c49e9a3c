-- Who is told of whom: those that share a pod, a zone or a bridge of each other, the host of all.

local core <const> = require "sdme.core"
local namespace <const> = require "sdme.pod.namespace"
local record <const> = require "sdme.names.record"
local state <const> = require "sdme.store.state"
local system <const> = require "sdme.names.system"
local text <const> = require "sdme.names.text"

local M <const> = {}

-- How many addresses a container has in the hosts files of others: it may give itself any number.
local MOST_ADDRESSES <const> = 8

local LOOPBACK <const> = { "127.0.0.1", "::1" }

-- The addresses that a pod has in zones, as its state says: { address, ... } by "zone NAME".
local function zones_of(path)
    local zones <const> = {}
    local fine <const>, description <const> = pcall(state.read, path)
    for _, network in ipairs(fine and description.networks or {}) do
        local addresses <const> = {}
        for i, address in ipairs(network.address or {}) do
            addresses[i] = address:match "^[^/]+"
        end
        if network.zone and not network.pending then
            zones["zone " .. network.zone] = addresses
        end
    end
    return zones
end

-- What a pod has besides loopback, and the addresses of the host on that.
local function pod_network(name, datadir)
    local found <const> = { addresses = {}, gateways = {}, zones = {} }
    local netns <close> = namespace.open(name)
    if not netns then
        return found
    end
    found.zones = zones_of(("%s/pods/%s.json"):format(datadir, name))
    found.addresses = core.netns.addresses(netns) or {}
    for _, route in ipairs(core.route.list { netns = netns } or {}) do
        if route.gateway and route.to:find "/0$" then
            table.insert(found.gateways, route.gateway)
        end
    end
    return found
end

---All that is to be known at once: the records, and the networks of the pods that are in them.
---@return { records: table<string, sdme.names.Record>, names: string[], pods: table }
function M.gather()
    local all <const> = { records = record.all(), names = {}, pods = {} }
    for name, one in pairs(all.records) do
        table.insert(all.names, name)
        for _, pod in pairs { one.pod, one.app_pod } do
            all.pods[pod] = all.pods[pod] or pod_network(pod, one.datadir)
        end
    end
    table.sort(all.names)
    return all
end

local function add(entries, name, addresses)
    for i = 1, math.min(#addresses, MOST_ADDRESSES) do
        entries[#entries + 1] = { address = addresses[i], name = name }
    end
end

-- The addresses of a container, or of its application, on one link.
local function on_link(all, one, link)
    if one.link == link then
        return one.addresses or {}
    end
    for _, pod in pairs { one.pod, one.app_pod } do
        if all.pods[pod].zones[link] then
            return all.pods[pod].zones[link]
        end
    end
    return {}
end

---What somebody in a pod is told.
---@param all table what `gather` gave
---@param pod string
---@return { address: string, name: string }[]
function M.in_pod(all, pod)
    local entries <const> = {}
    for _, name in ipairs(all.names) do
        local one <const> = all.records[name]
        if one.pod == pod or one.app_pod == pod then
            add(entries, name, LOOPBACK)
            add(entries, one.alias, one.alias and not all.records[one.alias] and LOOPBACK or {})
        else
            for link in pairs(all.pods[pod].zones) do
                add(entries, name, on_link(all, one, link))
            end
        end
    end
    add(entries, text.host, all.pods[pod].gateways)
    return entries
end

---What a container is told.
---@param all table what `gather` gave
---@param own sdme.names.Record
---@return { address: string, name: string }[]
function M.to_container(all, own)
    if own.pod then
        return M.in_pod(all, own.pod)
    end
    local entries <const> = {}
    for _, name in ipairs(own.link and all.names or {}) do
        local one <const> = all.records[name]
        local shared <const> = own.link ~= "veth" or one == own
        add(entries, name, shared and on_link(all, one, own.link) or {})
    end
    add(entries, text.host, own.gateways or {})
    return entries
end

---What the host is told: without machined of all, with it of what that doesn't know.
---@param all table what `gather` gave
---@return { address: string, name: string }[]
function M.to_host(all)
    local entries <const>, asks <const> = {}, system.asks_machined()
    for _, name in ipairs(all.names) do
        local one <const> = all.records[name]
        if not asks then
            add(entries, name, one.addresses or one.pod and all.pods[one.pod].addresses or {})
        end
        add(entries, name, one.app_pod and one.app_pod ~= one.pod
            and all.pods[one.app_pod].addresses or {})
    end
    return entries
end

return M
