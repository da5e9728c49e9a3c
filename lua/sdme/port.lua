-- Ports of containers on the host. What comes from outside is systemd-nspawn's affair, which
-- translates addresses; here is what it can't do: the loopback addresses of the host.

local container_unit <const> = require "sdme.unit.container"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local kind <const> = require "sdme.kind"
local setting <const> = require "sdme.setting"
local task <const> = require "sdme.task"
local unit <const> = require "sdme.unit.port"

local M <const> = {}

-- Seconds without a client after which a forwarder ends. The next client starts another one.
local IDLE <const> = 60

-- Seconds that systemd may take to open ports, which it does at once.
local PATIENCE <const> = 10

-- A port may be taken at one address only; for us it has to be free at all of them.
local EVERYWHERE <const> = { "0.0.0.0", "::" }

local function is_taken(port)
    for _, address in ipairs(EVERYWHERE) do
        local socket <close>, _, code = core.port.listen(port.protocol, address, port.host)
        if not socket and code == "EADDRINUSE" then
            return true
        end
    end
    return false
end

-- What listened for the container's last run, and is about to end.
local function stop_own(name)
    local own <const> = { unit.socket_name(name), unit.service_name(name) }
    for _, one in ipairs(host.manager():list_units(table.unpack(own))) do
        if one.active ~= "inactive" and one.active ~= "failed" then
            task.await(host.manager():stop_unit(one.name, "replace"))
        end
    end
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

---Takes out the translations that a systemd-nspawn which was killed has left behind: nobody could
---put others in their place.
---@param name string of a container that isn't running
---@param settings table
function M.clear(name, settings)
    local own, others = {}, nil
    for _, port in ipairs(settings.port or {}) do
        own[port.protocol .. port.host] = true
    end
    for _, entry in ipairs(next(own) and fault.check(core.nat.list()) or {}) do
        others = others or addresses_of_others(name)
        if own[entry.protocol .. entry.port] and not others[entry.address] then
            fault.check(core.nat.remove(entry.family, entry.protocol, entry.port))
        end
    end
end

-- A list of ports with another port of the host, the next free one, in the place of one of them.
local function with_another(ports, position)
    local own <const>, given <const> = ports[position], {}
    for _, port in ipairs(ports) do
        given[port.protocol .. port.host] = true
    end
    local other <const> = { protocol = own.protocol, host = own.host, container = own.container }
    repeat
        other.host = other.host % 65535 + 1
    until other.host == own.host or not given[other.protocol .. other.host] and not is_taken(other)
    local changed <const> = setting.without(ports, position)
    table.insert(changed, position, other)
    return changed
end

---Raises where the host has another use for a port of a container, which isn't running.
---@param name string
---@param settings table
function M.check(name, settings)
    local stopped = false
    for i, port in ipairs(settings.port or {}) do
        if is_taken(port) and not stopped then
            stop_own(name)
            stopped = true
        end
        if is_taken(port) then
            fault.raise("EADDRINUSE", "end what has it, or take another: "
                .. setting.command(name, { port = with_another(settings.port, i) }),
                "start %s: port %s %d of the host is taken", name, port.protocol, port.host)
        end
    end
end

---Opens the ports that a container starts with, if they were changed while it ran before and nobody
---has asked us to start it: its guest has rebooted, say.
---@param name string
---@param settings table
function M.renew(name, settings)
    if unit.install(name, settings) then
        host.manager():reload()
        task.await(task.timeout(host.manager():restart_unit(unit.socket_name(name)), PATIENCE))
    end
end

-- The ports that a container was started with, as its systemd-nspawn was told: its settings may
-- have changed since.
local function current_ports(name)
    local unit_name <const> = container_unit.name(name)
    local pid <const> = host.manager():unit_property(unit_name, "Service", "MainPID")
    local words <const> = fault.check(core.file.read(("/proc/%d/cmdline"):format(pid)))
    local ports <const> = {}
    for argument in words:gmatch "%-%-port=(%Z+)" do
        ports[#ports + 1] = kind.port.parse(argument)
    end
    return ports
end

-- The port of the container that a socket is for.
local function find_target(ports, socket)
    for _, port in ipairs(ports) do
        if port.protocol == socket.protocol and port.host == socket.port then
            return port.container
        end
    end
end

local function targets(name, sockets)
    local ports, forwarded = current_ports(name), {}
    for _, socket in ipairs(sockets) do
        local target <const> = find_target(ports, socket)
        if not target then
            fault.raise("ENOENT", nil, "forward port %s %d: %s wasn't started with it",
                socket.protocol, socket.port, name)
        end
        forwarded[#forwarded + 1] = { socket.descriptor, target }
    end
    return forwarded
end

---What the service of a container's ports runs: forwards what comes to the sockets that systemd has
---started it with, until nobody has come for a while or the container has ended.
---@param name string
function M.forward(name)
    local sockets <const> = fault.check(core.port.activated())
    if #sockets == 0 then
        fault.raise("EUSAGE", "systemd does that, when somebody comes to a port",
            "forward ports of %s: there is no socket to forward", name)
    end
    local machine <const> = host.machines():get(name)
    if not machine then
        fault.raise("ESRCH", nil, "forward ports of %s: it is not running", name)
    end
    local netns <close> = fault.check(core.netns.open(machine.leader))
    local forwarding <close> = fault.check(core.port.forward {
        netns = netns, ports = targets(name, sockets), process = machine.leader,
        idle = IDLE,
    })
    local ok, why = pcall(task.await, forwarding)
    if not ok and not fault.is(why, "EINTR") then
        error(why, 0)
    end
end

return M
