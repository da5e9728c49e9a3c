-- This host's systemd and machined, and the systemd of each container, as everything else uses
-- them: one connection to the host's bus, and a short one to a guest's.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local lazy <const> = require "sdme.lazy"
local systemd <const> = require "sdme.systemd"

local machined <const> = lazy.module "sdme.machined"

local M <const> = {}

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
---@param version integer? of systemd, where it is known
function M.check(version)
    version = version or M.manager():version()
    if version < OLDEST_SYSTEMD then
        fault.raise("EUNSUPPORTED", nil, "systemd %d is too old: %d or newer is needed", version,
            OLDEST_SYSTEMD)
    end
end

---What machined knows of the machines on this host, ours and others.
---@return sdme.machined.Machines
function M.machines()
    return machined.machines(M.bus())
end

---The bus of a guest.
---@param name string
---@return userdata bus to be closed
function M.guest_bus(name)
    local check <const> = fault.context("reach the systemd of " .. name)
    return check(core.bus.open_machine(name))
end

---The root directory of a guest, as its first process sees it.
---@param name string
---@return userdata? descriptor to be closed; nil if the guest doesn't run
function M.guest_root(name)
    local machine <const> = M.machines():get(name)
    return machine and core.file.open_directory(("/proc/%d/root"):format(machine.leader)) or nil
end

return M
