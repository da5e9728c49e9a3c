-- The units that forward a container's ports from the loopback addresses of the host. systemd
-- listens, for as long as the container runs; who forwards runs only while there are clients.

local core <const> = require "sdme.core"
local file <const> = require "sdme.unit.file"
local interpreter <const> = require "sdme.unit.interpreter"
local text <const> = require "sdme.unit.text"

local M <const> = {}

local TEMPLATE <const> = "sdme-port@.service"

-- Two for each connection and one for each sender of datagrams, of which core.port.forward takes
-- 1024 and 512 at once, and some more.
local DESCRIPTORS <const> = 4096

---@param name string of a container
---@return string
function M.socket_name(name)
    return "sdme-port@" .. name .. ".socket"
end

---@param name string of a container
---@return string
function M.service_name(name)
    return "sdme-port@" .. name .. ".service"
end

---The template of the service. To enter the container's network takes CAP_SYS_ADMIN, and to find it
---CAP_SYS_PTRACE (namespaces(7), ptrace(2)); it has nothing else. RestrictSUIDSGID= would forbid
---openat2(2).
---@return string
function M.template()
    return text.render {
        { "Unit",
            { "Description", "Ports of container %i" },
            { "Documentation", "man:sdme(1)" },
            { "Requisite", "sdme@%i.service" },
            { "After", "sdme@%i.service" },
            { "CollectMode", "inactive-or-failed" },
            -- How often it may start is up to the socket unit, TriggerLimitBurst=.
            { "StartLimitIntervalSec", 0 },
        },
        { "Service",
            { "Type", "exec" },
            { "ExecStart", interpreter.command "__forward %i" },
            { "NonBlocking", "yes" },
            { "LimitNOFILE", DESCRIPTORS },
            { "CapabilityBoundingSet", "CAP_SYS_ADMIN CAP_SYS_PTRACE" },
            { "NoNewPrivileges", "yes" },
            { "ProtectSystem", "strict" },
            { "ProtectHome", "read-only" },
            { "PrivateDevices", "yes" },
            { "ProtectClock", "yes" },
            { "ProtectControlGroups", "yes" },
            { "ProtectHostname", "yes" },
            { "ProtectKernelLogs", "yes" },
            { "ProtectKernelModules", "yes" },
            { "ProtectKernelTunables", "yes" },
            { "LockPersonality", "yes" },
            { "MemoryDenyWriteExecute", "yes" },
            { "RestrictAddressFamilies", "AF_UNIX AF_NETLINK AF_INET AF_INET6" },
            { "RestrictNamespaces", "net" },
            { "RestrictRealtime", "yes" },
            { "SystemCallArchitectures", "native" },
            { "SystemCallFilter", "@system-service" },
        },
    }
end

-- What systemd listens on for a port, as systemd.socket(5) has it.
local LISTEN <const> = { tcp = "ListenStream", udp = "ListenDatagram" }

local function has_ipv6()
    return core.file.exists "/proc/net/if_inet6"
end

---The socket unit of a container, nil if it has no ports. It doesn't wait for the container, nor
---the container for it: ports are open while the guest boots, and closed while it shuts down.
---@param name string
---@param settings table
---@return string?
function M.socket(name, settings)
    local section <const> = { "Socket" }
    for _, port in ipairs(settings.port or {}) do
        local key <const> = LISTEN[port.protocol]
        section[#section + 1] = { key, ("127.0.0.1:%d"):format(port.host) }
        section[#section + 1] = has_ipv6() and { key, ("[::1]:%d"):format(port.host) } or nil
    end
    if #section == 1 then
        return nil
    end
    -- For a host that knows IPv6, but has switched it off on its loopback interface.
    section[#section + 1] = { "FreeBind", "yes" }
    return text.render {
        { "Unit",
            { "Description", "Ports of container " .. name },
            { "Documentation", "man:sdme(1)" },
            { "BindsTo", ("sdme@%s.service"):format(name) },
            { "CollectMode", "inactive-or-failed" },
        },
        section,
    }
end

local function drop_in()
    local environment <const> = interpreter.environment()
    return #environment > 0 and text.render { { "Service", { "Environment", environment } } }
        or nil
end

---Brings the units of a container's ports in line with its settings.
---@param name string
---@param settings table
---@return boolean changed
function M.install(name, settings)
    local socket <const> = M.socket(name, settings)
    local changed = file.install(M.socket_name(name), socket)
    if socket then
        changed = file.install_template(TEMPLATE, M.template()) or changed
    end
    return file.install_drop_in(M.service_name(name), socket and drop_in()) or changed
end

---Removes what `install` made for one container.
---@param name string
---@return boolean changed
function M.uninstall(name)
    return M.install(name, {})
end

return M
