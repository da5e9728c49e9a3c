-- How a unit runs us: the program, and what it must find again that isn't where it looks by itself.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local text <const> = require "sdme.unit.text"

local M <const> = {}

local DEFAULT_DATADIR <const> = "/var/lib/sdme"

---Where it is: a program that has sdme inside isn't one that systemd could run. Raises where there
---is none.
---@return string path
function M.path()
    local path <const> = config.get "interpreter"
    if not core.file.exists(path) then
        fault.raise("ENOENT", "install sdme there, or set `interpreter` in the configuration",
            "there is no %s: containers are started by the program sdme", path)
    end
    return path
end

---The command line of a command of ours.
---@param words string in which specifiers (systemd.unit(5)) mean what they mean
---@return string
function M.command(words)
    return text.quote(config.get "interpreter") .. " " .. words
end

---What is to be in its environment.
---@return string[] assignments
function M.environment()
    local list <const> = {}
    local function add(name, value)
        if value then
            list[#list + 1] = text.quote(name .. "=" .. value)
        end
    end
    if config.get "datadir" ~= DEFAULT_DATADIR then
        add("SDME_DATADIR", config.get "datadir")
    end
    add("SDME_CONFIG", config.given_file())
    add("SDME_LUA_PATH", os.getenv "SDME_LUA_PATH")
    return list
end

---What those of our services go without that look into networks (systemd.exec(5)).
---RestrictSUIDSGID= would forbid openat2(2).
M.CONFINEMENT = {
    { "NoNewPrivileges", "yes" },
    { "PrivateDevices", "yes" },
    { "ProtectClock", "yes" },
    { "ProtectControlGroups", "yes" },
    { "ProtectHostname", "yes" },
    { "ProtectKernelLogs", "yes" },
    { "ProtectKernelModules", "yes" },
    { "LockPersonality", "yes" },
    { "MemoryDenyWriteExecute", "yes" },
    { "RestrictAddressFamilies", "AF_UNIX AF_NETLINK AF_INET AF_INET6" },
    { "RestrictNamespaces", "net" },
    { "RestrictRealtime", "yes" },
    { "SystemCallArchitectures", "native" },
    { "SystemCallFilter", "@system-service" },
}

return M
