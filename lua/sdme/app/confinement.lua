-- What keeps an application from its container, and both from the host: directives of its unit
-- (systemd.exec(5)), the more the further its container is kept from the host.
--
-- `isolate` starts under them, and makes namespaces and mounts before it gives CAP_SYS_ADMIN up: so
-- they leave it what it needs for that, which the application has no capability for.

local security <const> = require "sdme.security"

local M <const> = {}

-- What the programs of ours need to begin with, and give up.
local START_CAPABILITY <const> = "CAP_SYS_ADMIN"

-- System calls and groups of them, but for those that are of use to who has a capability. Docker's
-- default profile forbids the same (moby, profiles/seccomp/default.json).
local FORBIDDEN <const> = {
    { "@clock", "CAP_SYS_TIME" }, { "@cpu-emulation" }, { "@keyring" },
    { "@module", "CAP_SYS_MODULE" }, { "@obsolete" }, { "@raw-io", "CAP_SYS_RAWIO" },
    { "@reboot", "CAP_SYS_BOOT" }, { "@swap" }, { "acct", "CAP_SYS_PACCT" }, { "bpf", "CAP_BPF" },
    { "fanotify_init" }, { "io_uring_enter" }, { "io_uring_register" }, { "io_uring_setup" },
    { "kcmp", "CAP_SYS_PTRACE" }, { "lookup_dcookie" },
    { "open_by_handle_at", "CAP_DAC_READ_SEARCH" }, { "perf_event_open", "CAP_PERFMON" },
    { "quotactl" }, { "quotactl_fd" }, { "userfaultfd", "CAP_SYS_PTRACE" },
}

-- EPERM, as Docker has it.
local REFUSED <const> = { "EPERM", 1 }

-- All namespaces but that of users (sched.h, CLONE_NEW*).
local BUT_USERS <const> = 0x6E020000

local FAMILIES <const> = { "AF_INET", "AF_INET6", "AF_NETLINK", "AF_UNIX" }

local function given(settings)
    local set <const> = {}
    for _, capability in ipairs(settings.capability or {}) do
        set[capability] = true
    end
    return set
end

---The capabilities of an application: what Docker leaves, and what its container is given.
---@param settings table of the container
---@return string[]
function M.capabilities(settings)
    local dropped <const>, list <const> = {}, {}
    for _, capability in ipairs(settings.drop_capability or {}) do
        dropped[capability] = true
    end
    for _, capabilities in ipairs { security.DOCKER_CAPABILITIES, settings.capability or {} } do
        for _, capability in ipairs(capabilities) do
            if not dropped[capability] and capability ~= START_CAPABILITY then
                dropped[capability] = true
                list[#list + 1] = capability
            end
        end
    end
    return list
end

local function forbidden(settings, level)
    local has <const>, names <const> = given(settings), {}
    for _, one in ipairs(FORBIDDEN) do
        names[#names + 1] = not has[one[2]] and one[1] or nil
    end
    if level == "strict" then
        names[#names + 1] = "@debug"
    end
    return names
end

local function words(list)
    return table.concat(list, " ")
end

---@class sdme.Directive
---@field [1] string its key in a unit
---@field from "plain"|"hardened"|"strict" the first level that has it
---@field unless (string|fun(settings: table): boolean)? a capability that is given, or a condition,
---with which the application would miss what this takes away
---@field value (fun(settings: table, level: string): string)? "yes" without
---@field enters string? the D-Bus type of it for commands that enter the application: it isn't part
---of the namespaces that they join
---@field entered (fun(settings: table, level: string): any)? its value there
---@field enters_as string? the same for a unit, where it differs from `value`

---All directives, by level.
---@type sdme.Directive[]
M.directives = {
    { "CapabilityBoundingSet", from = "plain",
        value = function(settings)
            return START_CAPABILITY .. " " .. words(M.capabilities(settings))
        end },
    { "LockPersonality", from = "plain", enters = "b" },
    { "ProtectClock", from = "plain", unless = "CAP_SYS_TIME" },
    { "ProtectControlGroups", from = "plain" },
    { "ProtectHostname", from = "plain" },
    { "ProtectKernelLogs", from = "plain", unless = "CAP_SYSLOG" },
    { "ProtectKernelModules", from = "plain", unless = "CAP_SYS_MODULE" },
    { "ProtectKernelTunables", from = "plain" },
    { "RestrictNamespaces", from = "plain", enters = "t", enters_as = "~user",
        value = function() return "ipc mnt pid" end, entered = function() return BUT_USERS end },
    { "RestrictRealtime", from = "plain", unless = "CAP_SYS_NICE", enters = "b" },
    { "SystemCallErrorNumber", from = "plain", enters = "i",
        value = function() return REFUSED[1] end, entered = function() return REFUSED[2] end },
    { "SystemCallFilter", from = "plain", enters = "(bas)",
        value = function(...) return "~" .. words(forbidden(...)) end,
        entered = function(...) return { false, forbidden(...) } end },
    { "NoNewPrivileges", from = "hardened", enters = "b" },
    { "PrivateDevices", from = "hardened",
        unless = function(settings) return #(settings.device or {}) > 0 end },
    { "RestrictAddressFamilies", from = "hardened", unless = "CAP_NET_RAW", enters = "(bas)",
        value = function() return words(FAMILIES) end,
        entered = function() return { true, FAMILIES } end },
    { "RestrictSUIDSGID", from = "hardened", enters = "b" },
    { "SystemCallArchitectures", from = "strict", enters = "as",
        value = function() return "native" end, entered = function() return { "native" } end },
}

local RANK <const> = { plain = 1, hardened = 2, strict = 3 }

-- Those that apply, in turn.
local function applying(settings)
    local level <const>, has <const> = security.app_level(settings), given(settings)
    local i = 0
    return function()
        local directive, left_out
        repeat
            i = i + 1
            directive = M.directives[i]
            local unless <const> = directive and directive.unless
            left_out = directive and (RANK[directive.from] > RANK[level]
                or unless and (type(unless) == "function" and unless(settings) or has[unless]))
        until not left_out
        return directive, level
    end
end

local function value_of(directive, settings, level)
    return directive.value and directive.value(settings, level) or "yes"
end

---The assignments, each { key, value }, in the unit of an application and in those of commands that
---enter it, and the options of `enter`.
---@param settings table of its container
---@return { service: table[], entering: table[], options: string[] }
function M.describe(settings)
    local service <const>, entering <const> = {}, {}
    for directive, level in applying(settings) do
        local value <const> = value_of(directive, settings, level)
        service[#service + 1] = { directive[1], value }
        if directive.enters then
            entering[#entering + 1] = { directive[1], directive.enters_as or value }
        end
    end
    return { service = service, entering = entering, options = M.options(settings) }
end

---The same for commands that enter it, as properties of a transient unit.
---@param settings table of its container
---@return table[] { name, signature, value }
function M.properties(settings)
    local properties <const> = {}
    for directive, level in applying(settings) do
        if directive.enters then
            local value = true
            if directive.entered then
                value = directive.entered(settings, level)
            end
            properties[#properties + 1] = { directive[1], directive.enters, value }
        end
    end
    return properties
end

---The options of `enter` that have a command keep what the application has.
---@param settings table of its container
---@return string[]
function M.options(settings)
    local options <const> =
        { "--keep-capabilities", table.concat(M.capabilities(settings), ",") }
    if settings.no_new_privileges then
        options[#options + 1] = "--no-new-privileges"
    end
    return options
end

return M
