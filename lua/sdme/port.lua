-- Ports of containers on the host. What comes from outside is systemd-nspawn's affair, which
-- translates addresses; here is what it can't do: the loopback addresses of the host.

local container_unit <const> = require "sdme.unit.container"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local kind <const> = require "sdme.kind"
local setting <const> = require "sdme.setting"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"
local unit <const> = require "sdme.unit.port"

local M <const> = {}

-- Seconds without a client after which a forwarder ends. The next client starts another one.
local IDLE <const> = 60

-- Seconds that systemd may take to open ports, which it does at once.
local PATIENCE <const> = 10

-- Seconds that a process may take from one program to the next, when its command line is empty.
local EXECUTION <const> = 1

-- The lock of all ports.
local LOCK <const> = "table"

-- A port may be taken at one address only; for us it has to be free at all of them.
local EVERYWHERE <const> = { "0.0.0.0", "::" }

local function key(port)
    return port.protocol .. port.host
end

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
        own[key(port)] = true
    end
    for _, entry in ipairs(next(own) and fault.check(core.nat.list()) or {}) do
        others = others or addresses_of_others(name)
        if own[entry.protocol .. entry.port] and not others[entry.address] then
            fault.check(core.nat.remove(entry.family, entry.protocol, entry.port))
        end
    end
    local _ <close> = core.lock.acquire(store.path("locks", "port-" .. LOCK))
end

-- A list of ports with another port of the host, the next free one, in the place of one of them.
local function with_another(ports, position)
    local own <const>, given <const> = ports[position], {}
    for _, port in ipairs(ports) do
        given[key(port)] = true
    end
    local other <const> = { protocol = own.protocol, host = own.host, container = own.container }
    repeat
        other.host = other.host % 65535 + 1
    until other.host == own.host or not given[key(other)] and not is_taken(other)
    local changed <const> = setting.without(ports, position)
    table.insert(changed, position, other)
    return changed
end

local function refuse(name, ports, position, holder)
    local port <const> = ports[position]
    fault.raise("EADDRINUSE", ("%s, or take another: %s"):format(
        holder and "sdme stop " .. holder or "end what has it",
        setting.command(name, { port = with_another(ports, position) })),
        "start %s: port %s %d of the host is taken%s", name, port.protocol, port.host,
        holder and " by container " .. holder or "")
end

-- The ports that a container was started with, as its systemd-nspawn was told: its settings may
-- have changed since. None before its launcher has become that.
local function current_ports(unit_name)
    local pid <const> = host.manager():unit_property(unit_name, "Service", "MainPID")
    local path <const> = ("/proc/%d/cmdline"):format(pid)
    local words = pid ~= 0 and core.file.read(path)
    local deadline <const> = core.poll.now() + EXECUTION
    while words == "" and core.poll.now() < deadline do
        task.sleep(0.001)
        words = core.file.read(path)
    end
    local ports <const> = {}
    for argument in (words or ""):gmatch "\0%-%-port=(%Z+)" do
        ports[#ports + 1] = kind.port.parse(argument)
    end
    return ports
end

-- Raises where another container of ours that runs has a port of this one. The host's sockets don't
-- tell: systemd shares those for datagrams, and they may have failed.
local function check_others(name, ports)
    local holders <const> = {}
    local all <const> = #ports > 0 and host.manager():list_units(container_unit.name "*") or {}
    for _, other in ipairs(all) do
        local holder <const> = container_unit.container(other.name)
        for _, port in ipairs(holder ~= name and current_ports(other.name) or {}) do
            holders[key(port)] = holder
        end
    end
    for i, port in ipairs(ports) do
        if holders[key(port)] then
            refuse(name, ports, i, holders[key(port)])
        end
    end
end

---Raises where the host has another use for a port of a container, which isn't running.
---@param name string
---@param settings table
function M.check(name, settings)
    local ports <const>, stopped = settings.port or {}, false
    check_others(name, ports)
    for i, port in ipairs(ports) do
        if is_taken(port) and not stopped then
            stop_own(name)
            stopped = true
        end
        if is_taken(port) then
            refuse(name, ports, i)
        end
    end
end

---Opens the ports of a container whose launcher is about to become systemd-nspawn; raises where
---another container has one of them. It may be the first to look: when the host boots, systemd
---starts all at once, and asks nobody.
---@param name string
---@param settings table
---@return userdata? lock for which others wait, until it can be seen whose the ports are
function M.open(name, settings)
    local ports <const> = settings.port or {}
    local changed <const> = unit.install(name, settings)
    if changed then
        host.manager():reload()
    elseif #ports == 0 then
        return nil
    end
    local lock <const> = store.lock("port", LOCK)
    check_others(name, ports)
    local manager <const>, socket <const> = host.manager(), unit.socket_name(name)
    local job <const> = changed and manager:restart_unit(socket, "replace")
        or manager:start_unit(socket, "replace")
    task.await(task.timeout(job, PATIENCE))
    return lock
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
    local ports, forwarded = current_ports(container_unit.name(name)), {}
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
