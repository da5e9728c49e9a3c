-- What the service of names runs: it waits for the addresses of containers to change, in their
-- network namespaces, and for containers to come and go.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local names <const> = require "sdme.names"
local network <const> = require "sdme.network"
local record <const> = require "sdme.names.record"
local task <const> = require "sdme.task"

local M <const> = {}

-- Seconds between two looks, whatever a guest does to its addresses.
local PAUSE <const> = 0.1

local SIGNALS <const> = { "MachineNew", "MachineRemoved" }

---@class sdme.names.Watcher
---@field containers table<string, { leader: integer, netns: userdata, watch: userdata }> by name
local Watcher <const> = {}
Watcher.__index = Watcher

-- Subscriptions to what machined tells.
local function subscribe()
    local matches <const> = {}
    for i, member in ipairs(SIGNALS) do
        matches[i] = fault.check(host.bus():match {
            sender = "org.freedesktop.machine1", path = "/org/freedesktop/machine1",
            interface = "org.freedesktop.machine1.Manager", member = member,
        })
    end
    return matches
end

local function new()
    local self <const> = setmetatable({ containers = {}, pending = {} }, Watcher)
    self.host = fault.check(core.address.watch())
    self.matches = subscribe()
    return self
end

function Watcher:drop(name)
    local one <const> = self.containers[name]
    if one then
        one.watch:close()
        one.netns:close()
        self.containers[name] = nil
    end
end

-- The machine of a container, whose namespace is watched from here on; nil while there is none.
function Watcher:follow(name)
    local machine <const> = host.machines():get(name)
    local known <const> = self.containers[name]
    if known and (not machine or known.leader ~= machine.leader) then
        self:drop(name)
    end
    if machine and not self.containers[name] then
        local netns <const> = fault.check(core.netns.open(machine.leader))
        self.containers[name] = {
            leader = machine.leader, netns = netns,
            watch = fault.check(core.address.watch { netns = netns }),
        }
    end
    return machine
end

-- The addresses in a list that others can use, and the networks that they are in.
local function usable(entries)
    local addresses <const>, networks <const> = {}, {}
    for _, entry in ipairs(entries) do
        local address <const> = entry.address:match "^[^/]+"
        if entry.link ~= "lo" and not network.is_link_local(address) then
            addresses[#addresses + 1] = { address = address, network = entry.network }
            networks[entry.network] = true
        end
    end
    return addresses, networks
end

-- Those that are in one of some networks.
local function within(networks, addresses)
    local found <const> = {}
    for _, one in ipairs(addresses) do
        found[#found + 1] = networks[one.network] and one.address or nil
    end
    return found
end

-- What the host has on the interfaces that belong to a container.
local function on_host(machine, entries)
    local own <const>, found <const> = {}, {}
    for _, index in ipairs(machine.interfaces) do
        own[index] = true
    end
    for _, entry in ipairs(entries) do
        found[#found + 1] = own[entry.index] and entry or nil
    end
    return usable(found)
end

-- Of what a guest has given itself counts what is in a network that the host has there, if any.
local function look(netns, machine, entries)
    local gateways <const>, networks <const> = on_host(machine, entries)
    local addresses <const>, own <const> =
        usable(fault.check(core.address.list { netns = netns }))
    return {
        addresses = within(next(networks) and networks or own, addresses),
        gateways = within(own, gateways),
    }
end

-- What there is of all containers. One that ends meanwhile has nothing.
function Watcher:look()
    local found <const>, entries <const> = {}, fault.check(core.address.list())
    for name, one in pairs(record.all()) do
        if one.link then
            local fine <const>, result <const> = pcall(function()
                local machine <const> = self:follow(name)
                return machine and look(self.containers[name].netns, machine, entries)
            end)
            found[name] = fine and result or { addresses = {}, gateways = {} }
        end
    end
    for name in pairs(self.containers) do
        if not found[name] then
            self:drop(name)
        end
    end
    return found
end

-- All that may tell of a change, as one pending object.
function Watcher:members()
    local members <const> = { self.host }
    for i, match in ipairs(self.matches) do
        self.pending[i] = self.pending[i] or match:next()
        members[#members + 1] = self.pending[i]
    end
    for _, one in pairs(self.containers) do
        members[#members + 1] = one.watch
    end
    return members
end

function Watcher:step()
    local any = false
    for _, member in ipairs(self:members()) do
        local done <const>, result <const>, message <const>, code <const> = member:step()
        if done and result == nil then
            fault.raise(code, nil, "watch names: %s", message)
        end
        any = any or done
        for i in ipairs(SIGNALS) do
            self.pending[i] = not (done and self.pending[i] == member) and self.pending[i] or nil
        end
    end
    return any, true
end

---Keeps the names of containers current, until it is told to end.
function M.run()
    local watcher <const> = new()
    while true do
        names.update(watcher:look())
        task.await(watcher)
        task.sleep(PAUSE)
    end
end

return M
