-- Networks and addresses from the configured pool. What is taken is what the states of pods, zones
-- and containers have: nothing else says so, and nothing has to be given back.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local prefix <const> = require "sdme.network.prefix"
local store <const> = require "sdme.store"

local file <const> = core.file

local M <const> = {}

-- Where IPv6 is, if the kernel has it and it isn't turned off.
local NO_IPV6 <const> = "/proc/sys/net/ipv6/conf/all/disable_ipv6"

---Has nobody else take a network or an address, until what is taken is written down.
---@return userdata lock to be closed
function M.lock()
    return store.lock("network", "pool")
end

---Whether this host has IPv6.
---@return boolean
function M.has_ipv6()
    return (file.read(NO_IPV6) or "1"):sub(1, 1) == "0"
end

local PLACES <const> = {
    pods = function(entry) return store.path("pods", entry) end,
    zones = function(entry) return store.path("zones", entry) end,
    containers = function(name) return store.path("containers", name, "network.json") end,
}

-- The descriptions of one kind of object; those that are damaged, or not there, say nothing.
local function read_all(directory)
    local state <const> = require "sdme.store.state"
    local all <const> = {}
    for _, entry in ipairs(file.list(store.path(directory)) or {}) do
        local path <const> = PLACES[directory](entry)
        local fine <const>, description <const> = pcall(state.read, path)
        all[#all + 1] = fine and description or nil
    end
    return all
end

---All networks that pods, zones and containers have, as their states note them.
---@return table[] networks as sdme.network.link describes them; zones have addresses only
function M.records()
    local found <const> = {}
    for _, pod in ipairs(read_all "pods") do
        for _, network in ipairs(type(pod.networks) == "table" and pod.networks or {}) do
            found[#found + 1] = network
        end
    end
    for _, directory in ipairs { "zones", "containers" } do
        for _, network in ipairs(read_all(directory)) do
            found[#found + 1] = network
        end
    end
    return found
end

-- What is taken already: by us, and by what the host has routes to.
local function taken()
    local list <const> = {}
    local function add(text, holder)
        local found <const> = prefix.parse(text)
        if found and found.length > 0 then
            list[#list + 1] = { network = found:network(), holder = holder }
        end
    end
    for _, record in ipairs(M.records()) do
        for _, address in ipairs(record.address or {}) do
            add(address)
        end
        if record.leases then
            add(record.leases)
        end
    end
    for _, route in ipairs(fault.check(core.route.list())) do
        add(route.to, ("the route to %s%s"):format(route.to,
            route.link and " by " .. route.link or ""))
    end
    return list
end

local function find_conflict(network, list)
    for _, entry in ipairs(list) do
        if entry.network:overlaps(network) then
            return entry
        end
    end
end

-- Where in the pool to begin, so that who comes again is given the same.
local function hash(name)
    local digest <close> = fault.check(core.digest.new "sha256")
    return tonumber(digest:update(name):hex():sub(1, 8), 16)
end

-- The first free part of a network of the pool, and who has one of those that aren't.
local function find_part(whole, length, seed, list)
    length = math.max(length, whole.length)
    local count <const>, holder = whole:count(length), nil
    local index, left = hash(seed) % count, count
    while left > 0 do
        local part <const> = whole:part(length, index)
        local conflict <const> = find_conflict(part, list)
        if not conflict then
            return part
        end
        holder = holder or conflict.holder
        if conflict.network.length <= whole.length then
            break
        end
        -- What is larger than a part has all of the parts that are in it.
        local size <const> = 1 << math.max(length - conflict.network.length, 0)
        local behind <const> = (index // size + 1) * size
        index, left = behind % count, left - (behind - index)
    end
    return nil, holder
end

local LENGTHS <const> = {
    link = { [false] = 29, [true] = 64 }, zone = { [false] = 24, [true] = 64 },
}

local function find_network(v6, size, seed, list)
    local holder
    for _, text in ipairs(config.get "address_pool") do
        local whole <const> = prefix.parse(text)
        if whole:is_v6() == v6 then
            local part <const>, by <const> =
                find_part(whole, LENGTHS[size][v6], seed, list)
            if part then
                return part
            end
            holder = holder or by
        end
    end
    return nil, holder
end

---Takes networks from the pool: one of IPv4, and one of IPv6 where the host and the pool have it.
---The caller holds `lock`.
---@param size "link"|"zone" for how many it is
---@param seed string who they are for: the same are taken again if they are free
---@param what string what they are wanted for
---@return sdme.Prefix[] networks
function M.take(size, seed, what)
    local networks <const>, list, problem = {}, taken(), nil
    for _, v6 in ipairs { false, true } do
        local network, holder
        if not v6 or M.has_ipv6() then
            network, holder = find_network(v6, size, seed, list)
            problem = problem or holder
        end
        networks[#networks + 1] = network
    end
    if #networks == 0 then
        fault.raise("ENOSPC", "sdme config set address_pool NETWORK,...",
            "%s: address_pool (%s) has no free network%s", what,
            table.concat(config.get "address_pool", ", "),
            problem and ("; %s is in it"):format(problem) or "")
    end
    return networks
end

---Raises where the network of an address overlaps with one that the host has a route to.
---@param address sdme.Prefix
---@param link string the interface that may have that route
---@param what string what it is wanted for
function M.check_free(address, link, what)
    for _, route in ipairs(fault.check(core.route.list())) do
        local found <const> = prefix.parse(route.to)
        if route.link ~= link and found and found.length > 0
            and found:overlaps(address:network()) then
            fault.raise("EADDRINUSE", "choose another network, or `auto`",
                "%s: %s overlaps with the route to %s%s", what, tostring(address:network()),
                route.to, route.link and " by " .. route.link or "")
        end
    end
end

return M
