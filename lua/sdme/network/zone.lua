-- Zones: bridges that containers and pods share. systemd-nspawn makes them for containers, and
-- networkd gives them addresses to lease; we do for pods, and with a network of our own beside that
-- one, so that neither knows of the other's addresses. Whoever comes first makes the bridge.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local forward <const> = require "sdme.network.forward"
local networkd <const> = require "sdme.network.networkd"
local pool <const> = require "sdme.network.pool"
local prefix <const> = require "sdme.network.prefix"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"

local file <const>, link <const>, route <const> = core.file, core.link, core.route

local M <const> = {}

---The name of a zone's bridge.
---@param zone string
---@return string
function M.bridge(zone)
    return "vz-" .. zone
end

local function path_of(zone)
    return store.path("zones", zone .. ".json")
end

-- The networks of a zone, with the host's addresses in them.
local function read(zone)
    return file.stat(path_of(zone))
        and state.read(path_of(zone), "remove the file, and start its containers again") or nil
end

-- Where networkd is to lease addresses in a zone that we make: a network that stays the same, where
-- it would choose another one each time that it starts. Without one in the pool it does choose.
local function take_leases(zone, record, what)
    local fine <const>, networks <const> = pcall(pool.take, "zone", "leases " .. zone, what)
    if fine and not networks[1]:is_v6() then
        record.leases = tostring(networks[1]:host(1))
        state.write(path_of(zone), record)
    end
end

---What of a zone is ours: its networks, from the pool unless they are there already. The caller
---holds the lock of the pool.
---@param zone string
---@param what string what it is wanted for
---@return table record with the host's addresses there
function M.claim(zone, what)
    local record = read(zone)
    if not record then
        record = { address = {} }
        for i, network in ipairs(pool.take("zone", "zone " .. zone, what)) do
            record.address[i] = tostring(network:host(1))
        end
        state.write(path_of(zone), record)
        if networkd.has_zones() then
            take_leases(zone, record, what)
        end
    end
    return record
end

---Adds a network that somebody has asked for by an address of it. The caller holds the lock.
---@param zone string
---@param record table which is changed
---@param address sdme.Prefix of the host
function M.extend(zone, record, address)
    for _, text in ipairs(record.address) do
        if prefix.parse(text):is_at(address) then
            return
        end
    end
    record.address[#record.address + 1] = tostring(address)
    state.write(path_of(zone), record)
end

local function all_of(zone)
    local members <const> = {}
    for _, network in ipairs(pool.records()) do
        members[#members + 1] = network.zone == zone and network or nil
    end
    return members
end

local function is_taken(address, members)
    for _, member in ipairs(members) do
        for _, text in ipairs(member.address) do
            if prefix.parse(text):is_at(address) then
                return true
            end
        end
    end
    return false
end

-- The first free address behind the host's.
local function choose(network, members)
    for i = 2, (1 << math.min(network:bits() - network.length, 16)) - 2 do
        local address <const> = network:host(i)
        if not is_taken(address, members) then
            return address
        end
    end
end

---Gives a network in a zone addresses of it. The caller holds the lock of the pool.
---@param network table
---@param record table of the zone
---@param what string what they are wanted for
function M.number(network, record, what)
    local members <const> = all_of(network.zone)
    network.address, network.gateway = {}, {}
    for i, text in ipairs(record.address) do
        local gateway <const> = prefix.parse(text)
        local address <const> = choose(gateway:network(), members)
        if not address then
            fault.raise("ENOSPC", "take another zone", "%s: zone %s has no free address in %s",
                what, network.zone, tostring(gateway:network()))
        end
        network.address[i], network.gateway[i] = tostring(address), gateway:address()
    end
end

-- What networkd has given the bridge, in the order in which it has: it leases others of the first
-- one's network.
local function own_addresses(zone, record)
    local ours <const>, own <const> = {}, {}
    for _, address in ipairs(record.address) do
        ours[address] = true
    end
    for _, entry in ipairs(fault.check(core.address.list())) do
        if entry.link == M.bridge(zone) and not ours[entry.address]
            and not entry.address:find(":", 1, true)
            and not entry.address:find "^169%.254%." then
            own[#own + 1] = entry.address
        end
    end
    return #own == 0 and { record.leases } or own
end

---Has the bridge of a zone be there, with our addresses: made anew if somebody has removed it.
---@param zone string
function M.ensure(zone)
    local record <const>, bridge <const> = read(zone), M.bridge(zone)
    if not record then
        return
    end
    if networkd.has_zones() then
        networkd.add_zone(zone, record.address, own_addresses(zone, record))
    end
    local made <const>, message <const>, code <const> = link.add_bridge { name = bridge }
    if not made and code ~= "EEXIST" then
        fault.raise(code, nil, "%s", message)
    end
    for _, address in ipairs(record.address) do
        fault.check(route.add_address { link = bridge, address = address })
    end
    fault.check(link.set_up { name = bridge })
    forward.add(record.address)
end

-- Its bridge may be used by containers of systemd-nspawn's still: then that stays as it is.
local function abandon(zone, record)
    local bridge <const> = M.bridge(zone)
    forward.remove(record.address)
    fault.check(link.remove_zone(zone))
    if file.stat("/sys/class/net/" .. bridge) then
        for _, address in ipairs(record.address) do
            fault.check(route.remove_address { link = bridge, address = address })
        end
        if networkd.has_zones() then
            networkd.add_zone(zone, {}, own_addresses(zone, record))
        end
    else
        networkd.remove_zone(zone)
    end
    fault.check(file.remove(path_of(zone)))
end

---Ends what is ours of a zone, if nobody that has an address of ours is in it any more.
---@param zone string
function M.leave(zone)
    local _ <close> = pool.lock()
    local record <const> = read(zone)
    if record and #all_of(zone) == 0 then
        abandon(zone, record)
    end
end

---Has networkd forget a zone whose bridge has gone, with the last container in it.
---@param zone string
function M.forget(zone)
    local _ <close> = pool.lock()
    if not read(zone) and not file.stat("/sys/class/net/" .. M.bridge(zone)) then
        networkd.remove_zone(zone)
    end
end

---Ends that for all zones that nobody has left in an orderly way. One that is damaged is in
---nobody's way before somebody wants to be in it.
function M.sweep()
    for _, entry in ipairs(file.list(store.path "zones") or {}) do
        local zone <const> = entry:match "^(.+)%.json$"
        if zone and #all_of(zone) == 0 then
            pcall(M.leave, zone)
        end
    end
end

return M
