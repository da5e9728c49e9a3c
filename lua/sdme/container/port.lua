-- The ports of a container, and what its start has to do with those of its pods. What comes from
-- outside systemd-nspawn translates, where it can: so the container sees who has come. All else is
-- forwarded.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local pod <const> = require "sdme.pod.port"
local port <const> = require "sdme.port"
local socket <const> = require "sdme.port.socket"
local state <const> = require "sdme.store.state"
local static <const> = require "sdme.network.static"

local M <const> = {}

local function owner(name)
    return { kind = "container", name = name }
end

---The ports that systemd-nspawn translates: those of no address, each by itself.
---@param settings table of the container
---@return sdme.Port[]
function M.translated(settings)
    local ports <const> = {}
    for _, one in ipairs(socket.single(settings.port)) do
        ports[#ports + 1] = not one.address and one or nil
    end
    return ports
end

-- The addresses of all machines but one, whoever has started them.
local function addresses_of_others(name)
    local addresses <const> = {}
    local machines <const> = host.machines()
    for _, machine in ipairs(machines:list()) do
        for _, address in ipairs(machine.name ~= name and machines:addresses(machine.name) or {}) do
            addresses[address] = true
        end
    end
    return addresses
end

local function key(protocol, number)
    return protocol .. number
end

---Takes out the translations that a systemd-nspawn which was killed has left behind: nobody could
---put others in their place.
---@param name string of a container that isn't running
---@param settings table
function M.clear(name, settings)
    local own, others = {}, nil
    for _, one in ipairs(M.translated(settings)) do
        own[key(one.protocol, one.host)] = true
    end
    for _, entry in ipairs(next(own) and fault.check(core.nat.list()) or {}) do
        others = others or addresses_of_others(name)
        if own[key(entry.protocol, entry.port)] and not others[entry.address] then
            fault.check(core.nat.remove(entry.family, entry.protocol, entry.port))
        end
    end
end

---Raises where the host has another use for a port that a start would open.
---@param name string of a container that isn't running
---@param settings table
function M.check(name, settings)
    port.check(owner(name), settings.port)
    pod.check(settings)
end

---Opens the ports of a container whose launcher is about to become systemd-nspawn, and those of its
---pods; raises where somebody else has one of them.
---@param name string
---@param settings table
function M.open(name, settings)
    port.open(owner(name), settings.port)
    pod.open(settings)
end

-- The host's interface that leads to a container, and nowhere else for as long as that runs: that
-- of a pod may go while its ports are open, and another one have its address then.
local function link_to(name, machine)
    local settings <const> = state.container(name).settings
    if settings.network_zone or settings.network_bridge then
        return nil
    end
    return static.link_index(name) or machine.interfaces[1]
end

---What the service of a container's ports runs, until the container has ended.
---@param name string
function M.forward(name)
    port.forward(owner(name), function()
        local machine <const> = host.machines():get(name)
        if not machine then
            fault.raise("ESRCH", nil, "forward ports of %s: it is not running", name)
        end
        return fault.check(core.netns.open(machine.leader)), machine.leader, link_to(name, machine)
    end)
end

return M
