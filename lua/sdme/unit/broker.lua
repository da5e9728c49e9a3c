-- The units of the brokers of containers, which have commands of theirs run in networks that only
-- the host can enter: a socket for as long as the container runs, a service for each connection.

local file <const> = require "sdme.unit.file"
local interpreter <const> = require "sdme.unit.interpreter"
local text <const> = require "sdme.unit.text"

local M <const> = {}

---Where the sockets are.
M.DIRECTORY = "/run/sdme/broker"

-- At once; a request is a matter of milliseconds, unless who asks doesn't go on.
local CONNECTIONS <const> = 32
local SECONDS <const> = 30

---@param name string of a container
---@return string
function M.socket_name(name)
    return ("sdme-broker@%s.socket"):format(name)
end

---@param name string of a container
---@return string path
function M.socket_path(name)
    return ("%s/%s.socket"):format(M.DIRECTORY, name)
end

---The template of the sockets.
---@return string
function M.socket()
    return text.render {
        { "Unit",
            { "Description", "Broker of container %i" },
            { "Documentation", "man:sdme(1)" },
            { "CollectMode", "inactive-or-failed" },
            { "BindsTo", "sdme@%i.service" },
        },
        { "Socket",
            { "ListenSequentialPacket", M.socket_path "%i" },
            { "SocketMode", "0600" },
            { "DirectoryMode", "0700" },
            { "RemoveOnStop", "yes" },
            { "Accept", "yes" },
            { "MaxConnections", CONNECTIONS },
        },
    }
end

---The template of the service. What it makes inherits what it has: so it has no filter of system
---calls, and can gain privileges. Of its own capabilities that has none left: they are the host's.
---@return string
function M.service()
    return text.render {
        { "Unit",
            { "Description", "Request of a container to its broker" },
            { "Documentation", "man:sdme(1)" },
            { "CollectMode", "inactive-or-failed" },
            { "StartLimitIntervalSec", 0 },
        },
        { "Service",
            { "Type", "exec" },
            { "ExecStart", interpreter.command "__broker" },
            { "Environment", interpreter.environment() },
            { "StandardInput", "socket" },
            { "StandardOutput", "journal" },
            { "StandardError", "journal" },
            { "RuntimeMaxSec", SECONDS },
            -- A request that is refused is nothing that the host has failed in.
            { "SuccessExitStatus", 1 },
            { "CapabilityBoundingSet",
                "CAP_DAC_OVERRIDE CAP_SYS_ADMIN CAP_SYS_CHROOT CAP_SYS_NICE CAP_SYS_PTRACE"
                    .. " CAP_SYS_RESOURCE" },
            { "ProtectSystem", "strict" },
            { "ProtectHome", "read-only" },
            { "PrivateNetwork", "yes" },
        },
    }
end

---Brings the templates in line.
---@return boolean changed
function M.install()
    local socket <const> = file.install_template("sdme-broker@.socket", M.socket())
    return file.install_template("sdme-broker@.service", M.service()) or socket
end

return M
