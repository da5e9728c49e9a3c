-- What a pod's network has besides loopback. It is in the pod's state before it is made, and marked
-- as pending until it is whole: so what a command that was killed has begun is taken back by the
-- next one, and what ends with the host's boot is made anew.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local forward <const> = require "sdme.network.forward"
local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"
local link <const> = require "sdme.network.link"
local names <const> = require "sdme.names"
local namespace <const> = require "sdme.pod.namespace"
local pool <const> = require "sdme.network.pool"
local prefix <const> = require "sdme.network.prefix"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"
local zone <const> = require "sdme.network.zone"

local M <const> = {}

-- A pod's state, and where to write what has changed.
local function open(name)
    local description <const> = state.pod(name)
    description.networks = json.array(description.networks or {})
    return description
end

local function save(name, description)
    if #description.networks == 0 then
        description.networks = nil
    end
    state.write(state.pod_path(name), description)
    description.networks = description.networks or json.array {}
end

local function forget(name, description, network)
    for i, each in ipairs(description.networks) do
        if each == network then
            table.remove(description.networks, i)
            break
        end
    end
    save(name, description)
    if network.zone then
        zone.leave(network.zone)
    end
end

local function undo(name, description, network)
    link.remove(network)
    forget(name, description, network)
end

-- What somebody has begun, and was killed.
local function settle(name, description)
    for i = #description.networks, 1, -1 do
        if description.networks[i].pending then
            undo(name, description, description.networks[i])
        end
    end
end

local function find(description, wanted)
    for _, network in ipairs(description.networks) do
        if network.kind == wanted.kind and network.zone == wanted.zone then
            return network
        end
    end
end

local function number(network, owner, what)
    if network.zone then
        zone.number(network, zone.claim(network.zone, what), what)
    else
        link.number(network, pool.take("link", owner, what))
    end
end

-- Notes down what is to be made: from then on nobody else takes its addresses.
local function plan(name, description, wanted, what)
    local _ <close> = pool.lock()
    local owner <const> = "pod " .. name
    local network <const> =
        link.plan({ kind = wanted.kind, zone = wanted.zone }, owner, description.networks)
    number(network, owner, what)
    network.pending = true
    table.insert(description.networks, network)
    save(name, description)
    return network
end

local function make(network, netns)
    if network.zone then
        zone.ensure(network.zone)
    end
    link.make(network, netns)
end

---Attaches a pod.
---@param name string of one that exists
---@param wanted table what `kind.attachment` takes
---@return table network
function M.attach(name, wanted)
    local shown <const> = kind.attachment.show(wanted)
    local what <const> = ("attach pod %s to %s"):format(name, shown)
    local _ <close> = store.lock("pod", name)
    local description <const> = open(name)
    settle(name, description)
    if find(description, wanted) then
        fault.raise("EEXIST", ("sdme pod net detach %s %s"):format(name, shown),
            "%s: it is attached already", what)
    end
    forward.check(what)
    local netns <close> = namespace.open(name) or namespace.make(name)
    M.restore(name, description, netns)
    local network <const> = plan(name, description, wanted, what)
    local made <const>, why <const> = pcall(function()
        make(network, netns)
        link.set_routes(netns, description.networks)
    end)
    if not made then
        undo(name, description, network)
        error(why, 0)
    end
    network.pending = nil
    save(name, description)
    names.refresh()
    return network
end

---Detaches a pod.
---@param name string of one that exists
---@param wanted table what `kind.attachment` takes
function M.detach(name, wanted)
    local _ <close> = store.lock("pod", name)
    local description <const> = open(name)
    settle(name, description)
    local network <const> = find(description, wanted)
    if not network then
        fault.raise("ENOENT", ("`sdme pod inspect %s` shows what it is attached to"):format(name),
            "detach pod %s from %s: it isn't attached", name, kind.attachment.show(wanted))
    end
    network.pending = true
    save(name, description)
    undo(name, description, network)
    local netns <close> = namespace.open(name)
    if netns then
        link.set_routes(netns, description.networks)
    end
    names.refresh()
end

local function is_made(network, netns)
    local addresses <const> = {}
    for _, address in ipairs(fault.check(core.netns.addresses(netns))) do
        addresses[address] = true
    end
    for _, address in ipairs(network.address) do
        if not addresses[prefix.parse(address):address()] then
            return false
        end
    end
    return link.exists(network.link)
end

-- The host may have got another network meanwhile, which ours would be in the way of.
local function renumber(name, description, network)
    local fine <const>, why <const> = pcall(function()
        for _, address in ipairs(network.address) do
            pool.check_free(prefix.parse(address),
                network.zone and zone.bridge(network.zone) or network.link, "start pod " .. name)
        end
    end)
    if not fine and network.kind == "veth" and fault.is(why, "EADDRINUSE") then
        local _ <close> = pool.lock()
        forward.remove(network.address)
        network.address = {}
        number(network, "pod " .. name, "start pod " .. name)
        save(name, description)
    elseif not fine then
        error(why, 0)
    end
end

---Has all networks of a pod be there that aren't pending. The caller holds its lock.
---@param name string
---@param description table its state
---@param netns userdata
function M.restore(name, description, netns)
    for _, network in ipairs(description.networks) do
        if not network.pending and is_made(network, netns) then
            if network.zone then
                zone.ensure(network.zone)
                link.join(network)
            end
            link.allow(network)
        elseif not network.pending then
            renumber(name, description, network)
            make(network, netns)
        end
    end
    link.set_routes(netns, description.networks)
end

---The same, for a container that is about to start in the pod.
---@param name string of a pod that exists
---@param netns userdata
function M.ensure(name, netns)
    if #open(name).networks == 0 then
        return
    end
    local _ <close> = store.lock("pod", name)
    local description <const> = open(name)
    settle(name, description)
    M.restore(name, description, netns)
end

---Ends all networks of a pod that is being removed. The caller holds its lock.
---@param name string
function M.release(name)
    local fine <const>, description <const> = pcall(open, name)
    for i = fine and #description.networks or 0, 1, -1 do
        undo(name, description, description.networks[i])
    end
end

return M
