-- This host's systemd and machined, and the systemd of each container, as everything else uses
-- them: one connection to the host's bus, and a short one to a guest's.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local systemd <const> = require "sdme.systemd"
local task <const> = require "sdme.task"

local M <const> = {}

-- As D-Bus has addresses: the family, and the bytes in network order.
local function format_address(family, bytes)
    if family == 2 then
        return table.concat({ bytes:byte(1, 4) }, ".")
    end
    local groups <const> = {}
    for i = 1, 15, 2 do
        groups[#groups + 1] = ("%x"):format((">I2"):unpack(bytes, i))
    end
    local text <const> = table.concat(groups, ":")
    return (text:gsub("^0:[0:]+", "::"):gsub(":0:[0:]+", "::", 1))
end

-- The oldest systemd whose systemd-nspawn has all that the launcher asks of it.
local OLDEST_SYSTEMD <const> = 252

local connection

---The bus of the host.
---@return userdata
function M.bus()
    if not connection then
        local bus, message, code = core.bus.open_system()
        if not bus then
            fault.raise(code, "sdme needs systemd as PID 1, and D-Bus", "no system bus: %s",
                message)
        end
        connection = bus
    end
    return connection
end

---The systemd of the host.
---@return sdme.systemd.Manager
function M.manager()
    return systemd.manager(M.bus())
end

---Raises where systemd can't do what the launcher asks of it.
function M.check()
    local version <const> = M.manager():version()
    if version < OLDEST_SYSTEMD then
        fault.raise("EUNSUPPORTED", nil, "systemd %d is too old: %d or newer is needed", version,
            OLDEST_SYSTEMD)
    end
end

local function machined(member, signature, ...)
    return task.await(M.bus():call {
        destination = "org.freedesktop.machine1", path = "/org/freedesktop/machine1",
        interface = "org.freedesktop.machine1.Manager", member = member,
        signature = signature, arguments = { ... },
    })
end

---The names of the machines that run on this host, ours and others.
---@return string[]
function M.machines()
    local names <const> = {}
    for i, machine in ipairs(fault.check(machined("ListMachines", ""))) do
        names[i] = machine[1]
    end
    return names
end

---What machined says of a running machine.
---@param name string
---@return table? properties; nil if there is no such machine
function M.machine(name)
    local path, message, code = machined("GetMachine", "s", name)
    if not path and code ~= "ENOENT" then
        fault.raise(code, nil, "%s", message)
    end
    return path and fault.check(task.await(M.bus():properties("org.freedesktop.machine1", path,
        "org.freedesktop.machine1.Machine")))
end

---@param name string
---@return string[]
function M.addresses(name)
    local addresses <const> = {}
    for _, address in ipairs(machined("GetMachineAddresses", "s", name) or {}) do
        local family <const>, bytes <const> = address[1], address[2]
        addresses[#addresses + 1] = format_address(family, bytes)
    end
    return addresses
end

---@param name string
---@param whom "leader"|"all"
---@param signal string
function M.kill_machine(name, whom, signal)
    machined("KillMachine", "ssi", name, whom, core.process.signal(signal))
end

---A new terminal in a running container.
---@param name string
---@return userdata master a descriptor
---@return string path of its other end, in the container
function M.open_pty(name)
    return fault.check(machined("OpenMachinePTY", "s", name))
end

---The bus of a guest.
---@param name string
---@return userdata bus to be closed
function M.guest_bus(name)
    local check <const> = fault.context("reach the systemd of " .. name)
    return check(core.bus.open_machine(name))
end

return M
