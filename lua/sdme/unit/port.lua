-- The units that forward the ports of a container or a pod. systemd listens, for as long as the
-- container runs; who forwards runs only while there are clients.

local core <const> = require "sdme.core"
local file <const> = require "sdme.unit.file"
local kind_of <const> = require "sdme.kind"
local lazy <const> = require "sdme.lazy"

local interpreter <const> = lazy.module "sdme.unit.interpreter"
local pod <const> = lazy.module "sdme.unit.pod"
local sockets <const> = lazy.module "sdme.port.socket"
local text <const> = lazy.module "sdme.unit.text"

local M <const> = {}

---The variable that tells whoever forwards which ports.
M.ENVIRONMENT = "FORWARDED_PORTS"

-- Two for each connection, up to four more for what is on its way, and one for each sender of
-- datagrams, of which core.port.forward takes 1024 and 512 at once; and each port has up to two.
local DESCRIPTORS <const> = 10240

-- Whose ports there are: the names of their units, and what they are bound to. The ports of a
-- container wait until its boot is over, and end with it; a pod is there before its ports are.
local KINDS <const> = {
    container = {
        prefix = "sdme-port@", command = "__forward %i",
        service = function(name)
            local unit <const> = ("sdme@%s.service"):format(name)
            return { "Requisite", unit }, { "After", unit }
        end,
        socket = function(name)
            return { "BindsTo", ("sdme@%s.service"):format(name) }
        end,
    },
    pod = {
        prefix = "sdme-pod-port@", command = "__forward --pod %i",
        service = function(name)
            return { "PartOf", pod.name(name) }
        end,
        socket = function(name)
            return { "PartOf", pod.name(name) }
        end,
    },
}

---Who has ports.
---@class sdme.port.Owner
---@field kind "container"|"pod"
---@field name string

---@param owner sdme.port.Owner
---@return string
function M.socket_name(owner)
    return KINDS[owner.kind].prefix .. owner.name .. ".socket"
end

---@param owner sdme.port.Owner
---@return string
function M.service_name(owner)
    return KINDS[owner.kind].prefix .. owner.name .. ".service"
end

---The patterns of the names of all sockets.
---@return string ...
function M.sockets()
    return M.socket_name { kind = "container", name = "*" },
        M.socket_name { kind = "pod", name = "*" }
end

---@param socket string the name of a unit that `sockets` matches
---@return sdme.port.Owner
function M.owner(socket)
    local prefix <const>, name <const> = socket:match "^([^@]*@)(.*)%.socket$"
    for kind, one in pairs(KINDS) do
        if one.prefix == prefix then
            return { kind = kind, name = name }
        end
    end
    error("no socket of ports: " .. socket)
end

---The template of the service. To enter the network takes CAP_SYS_ADMIN, as does bpf(2), and to
---find that of a container CAP_SYS_PTRACE (namespaces(7), ptrace(2)); it has nothing else.
---@param kind "container"|"pod"
---@return string
function M.template(kind)
    local of <const> = KINDS[kind]
    return text.render {
        { "Unit",
            { "Description", ("Ports of %s %%i"):format(kind) },
            { "Documentation", "man:sdme(1)" },
            { "CollectMode", "inactive-or-failed" },
            -- How often it may start is up to the socket unit, TriggerLimitBurst=.
            { "StartLimitIntervalSec", 0 },
            of.service "%i",
        },
        { "Service",
            { "Type", "exec" },
            { "ExecStart", interpreter.command(of.command) },
            { "NonBlocking", "yes" },
            { "LimitNOFILE", DESCRIPTORS },
            { "CapabilityBoundingSet", "CAP_SYS_ADMIN CAP_SYS_PTRACE" },
            { "ProtectSystem", "strict" },
            { "ProtectHome", "read-only" },
            { "ProtectKernelTunables", "yes" },
            { "SystemCallFilter", "bpf" },
            table.unpack(interpreter.CONFINEMENT),
        },
    }
end

-- What systemd listens on for a port, as systemd.socket(5) has it.
local LISTEN <const> = { tcp = "ListenStream", udp = "ListenDatagram" }

local function has_ipv6()
    return core.file.exists "/proc/net/if_inet6"
end

---The socket unit of ports, nil if there are none. That of a container doesn't wait for it, nor the
---container for the socket: ports are open while the guest boots, and closed while it shuts down.
---@param owner sdme.port.Owner
---@param ports sdme.Port[]?
---@return string?
function M.socket(owner, ports)
    local section <const>, ipv6 <const> = { "Socket" }, has_ipv6()
    for _, one in ipairs(sockets.of(ports)) do
        local is_ipv6 <const> = one.address:find(":", 1, true)
        section[#section + 1] = (ipv6 or not is_ipv6) and {
            LISTEN[one.protocol],
            (is_ipv6 and "[%s]:%d" or "%s:%d"):format(one.address, one.number),
        } or nil
    end
    if #section == 1 then
        return nil
    end
    section[#section + 1] = { "BindIPv6Only", "ipv6-only" }
    -- For addresses that come later, and a host that has switched IPv6 off where it listens.
    section[#section + 1] = { "FreeBind", "yes" }
    -- Of datagrams that come before somebody forwards, too, who is to answer.
    section[#section + 1] = { "PassPacketInfo", "yes" }
    return text.render {
        { "Unit",
            { "Description", ("Ports of %s %s"):format(owner.kind, owner.name) },
            { "Documentation", "man:sdme(1)" },
            { "CollectMode", "inactive-or-failed" },
            KINDS[owner.kind].socket(owner.name),
        },
        section,
    }
end

-- Settings may change while the ports stay open, so whoever forwards is told here which they are.
local function drop_in(ports)
    local environment <const> = interpreter.environment()
    environment[#environment + 1] = text.quote(
        M.ENVIRONMENT .. "=" .. kind_of.many(kind_of.port).show(ports))
    return text.render { { "Service", { "Environment", environment } } }
end

---Brings the units of ports in line.
---@param owner sdme.port.Owner
---@param ports sdme.Port[]?
---@return boolean changed
function M.install(owner, ports)
    local socket <const> = ports and M.socket(owner, ports)
    local changed = file.install(M.socket_name(owner), socket)
    if socket then
        local template <const> = KINDS[owner.kind].prefix .. ".service"
        changed = file.install_template(template, M.template(owner.kind)) or changed
    end
    return file.install_drop_in(M.service_name(owner), socket and drop_in(ports)) or changed
end

---Whether it has units for ports.
---@param owner sdme.port.Owner
---@return boolean
function M.is_installed(owner)
    return file.is_installed(M.socket_name(owner))
end

---Removes what `install` made.
---@param owner sdme.port.Owner
---@return boolean changed
function M.uninstall(owner)
    return M.install(owner, nil)
end

return M
