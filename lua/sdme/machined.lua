-- What systemd-machined knows of this host's containers (org.freedesktop.machine1(5)).

local fault <const> = require "sdme.fault"
local core <const> = require "sdme.core"
local task <const> = require "sdme.task"

local M <const> = {}

local DESTINATION <const> = "org.freedesktop.machine1"
local PATH <const> = "/org/freedesktop/machine1"
local MANAGER <const> = "org.freedesktop.machine1.Manager"
local MACHINE <const> = "org.freedesktop.machine1.Machine"

-- The address families of addresses: socket(2).
local IPV4 <const> = 2

---@class sdme.machined.Machines
local Machines <const> = {}
Machines.__index = Machines

---The machines of a host.
---@param bus userdata the host's, of core.bus
---@return sdme.machined.Machines
function M.machines(bus)
    return setmetatable({ bus = bus }, Machines)
end

-- The results, or the failure raised; a call without results ends with nothing.
local function await(pending)
    local results <const> = table.pack(task.await(pending))
    if results[1] == nil and results[2] ~= nil then
        fault.raise(results[3], nil, "%s", results[2])
    end
    return table.unpack(results, 1, results.n)
end

function Machines:call(member, signature, ...)
    return await(self.bus:call {
        destination = DESTINATION,
        path = PATH,
        interface = MANAGER,
        member = member,
        signature = signature,
        arguments = { ... },
    })
end

---@return { name: string, class: string, service: string }[]
function Machines:list()
    local machines <const> = {}
    for _, machine in ipairs(self:call("ListMachines", "")) do
        machines[#machines + 1] = { name = machine[1], class = machine[2], service = machine[3] }
    end
    return machines
end

---@class sdme.machined.Machine
---@field name string
---@field leader integer the process that is its PID 1, or on the way to it
---@field unit string the host's unit that it runs in
---@field class string "container" or "vm"
---@field service string who has registered it
---@field root string its root directory as the host sees it, "" if it can't
---@field state string "opening", "running" or "closing"
---@field interfaces integer[] indices of the host's network interfaces that belong to it
---@field since integer when it was registered, in microseconds since 1970

-- The result; nil where there is no such machine, or none any more.
local function find(pending)
    local result <const>, message <const>, code <const> = task.await(pending)
    if result == nil and code == "ENOENT" then
        return nil
    end
    return fault.check(result, message, code)
end

---What is known of a machine, nil if no machine has that name.
---@param name string
---@return sdme.machined.Machine?
function Machines:get(name)
    local path <const> = find(self.bus:call {
        destination = DESTINATION,
        path = PATH,
        interface = MANAGER,
        member = "GetMachine",
        signature = "s",
        arguments = { name },
    })
    local machine <const> = path and find(self.bus:properties(DESTINATION, path, MACHINE))
    if not machine then
        return nil
    end
    return {
        name = machine.Name,
        leader = machine.Leader,
        unit = machine.Unit,
        class = machine.Class,
        service = machine.Service,
        root = machine.RootDirectory,
        state = machine.State,
        interfaces = machine.NetworkInterfaces,
        since = machine.Timestamp,
    }
end

-- As RFC 5952 has it: the longest run of zeroes, if two or more, is "::".
local function show_ipv6(bytes)
    local groups <const> = { (">I2I2I2I2I2I2I2I2"):unpack(bytes) }
    local best, longest, start = nil, 1, nil
    for i = 1, 9 do
        if groups[i] == 0 and i < 9 then
            start = start or i
            if i - start + 1 > longest then
                best, longest = start, i - start + 1
            end
        else
            start = nil
        end
    end
    local function hexadecimal(first, last)
        local parts <const> = {}
        for i = first, last do
            parts[#parts + 1] = ("%x"):format(groups[i])
        end
        return table.concat(parts, ":")
    end
    if not best then
        return hexadecimal(1, 8)
    end
    return hexadecimal(1, best - 1) .. "::" .. hexadecimal(best + longest, 8)
end

---The text of an address.
---@param family integer AF_INET or AF_INET6
---@param bytes string
---@return string
function M.show_address(family, bytes)
    if family == IPV4 then
        return ("%d.%d.%d.%d"):format(bytes:byte(1, 4))
    end
    return show_ipv6(bytes)
end

---The addresses of a machine that has a network of its own; none where it shares the host's.
---@param name string
---@return string[]
function Machines:addresses(name)
    local ok, found = pcall(self.call, self, "GetMachineAddresses", "s", name)
    if not ok then
        if fault.is(found, "EUNSUPPORTED") then
            return {}
        end
        error(found, 0)
    end
    local addresses <const> = {}
    for _, address in ipairs(found) do
        addresses[#addresses + 1] = M.show_address(address[1], address[2])
    end
    return addresses
end

---@param name string
---@param who string "leader" or "all"
---@param signal integer|string
function Machines:kill(name, who, signal)
    local number <const> = math.type(signal) and signal or fault.check(core.process.signal(signal))
    self:call("KillMachine", "ssi", name, who, number)
end

---Ends all that runs in a machine, without letting it shut down.
---@param name string
function Machines:terminate(name)
    self:call("TerminateMachine", "s", name)
end

---Forgets a machine whose processes are gone already.
---@param name string
function Machines:unregister(name)
    self:call("UnregisterMachine", "s", name)
end

---A new terminal in a machine.
---@param name string
---@return userdata master a descriptor
---@return string path of the terminal in the machine
function Machines:open_pty(name)
    return self:call("OpenMachinePTY", "s", name)
end

---A terminal with a getty on it, which asks who it is.
---@param name string
---@return userdata master a descriptor
---@return string path of the terminal in the machine
function Machines:open_login(name)
    return self:call("OpenMachineLogin", "s", name)
end

---A terminal with a login session's shell on it.
---@param name string
---@param options { user: string?, argv: string[]?, env: table<string, string>? }?
---@return userdata master a descriptor
---@return string path of the terminal in the machine
function Machines:open_shell(name, options)
    options = options or {}
    local environment <const> = {}
    for key, value in pairs(options.env or {}) do
        environment[#environment + 1] = key .. "=" .. value
    end
    local argv <const> = options.argv or {}
    return self:call("OpenMachineShell", "sssasas", name, options.user or "", argv[1] or "", argv,
        environment)
end

---The os-release of a machine that runs, which is data of its own.
---@param name string
---@return table<string, string>
function Machines:os_release(name)
    return self:call("GetMachineOSRelease", "s", name)
end

---The first of the host's user ids that are the machine's, 0 if it has no namespace of its own.
---@param name string
---@return integer
function Machines:uid_shift(name)
    return self:call("GetMachineUIDShift", "s", name)
end

return M
