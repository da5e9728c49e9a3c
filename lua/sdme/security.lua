-- How far containers are kept from their host: the bundles of settings that `--hardened` and
-- `--strict` stand for, and what the settings of a container amount to.
--
-- A bundle is spelt out when it is given: a container keeps what it was made with, whatever later
-- versions take a bundle for. `sdme set NAME --strict` spells it out again.

local apparmor <const> = require "sdme.apparmor"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"

local M <const> = {}

---What Docker leaves to a container (moby, oci/caps/defaults.go).
---@type string[]
M.DOCKER_CAPABILITIES = {
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
    "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

-- Without it no systemd boots: it mounts, and makes namespaces for its services.
local BOOT_CAPABILITY <const> = "CAP_SYS_ADMIN"

local STRICT_GROUPS <const> = { "@cpu-emulation", "@debug", "@obsolete", "@raw-io" }
local STRICT_FILTER <const> = "~" .. table.concat(STRICT_GROUPS, " ")

-- What a bundle sets to true.
local FLAGS <const> = { "userns", "private_network", "no_new_privileges" }

-- Whether settings have what a bundle sets. The network of a pod is the host's no more than a
-- container's own.
local function has(settings, flag)
    return settings[flag] or flag == "private_network" and settings.pod
end

-- The values of a list as the keys of a table.
local function set_of(list, into)
    local set <const> = into or {}
    for _, value in ipairs(list or {}) do
        set[value] = true
    end
    return set
end

---The number of the last capability that this kernel has (capabilities(7)).
---@return integer
function M.last_capability()
    local text <const> = core.file.read "/proc/sys/kernel/cap_last_cap" or ""
    return math.tointeger(tonumber(text)) or #kind.capability.complete - 1
end

---All capabilities of this kernel that are not in a list.
---@param kept string[]
---@return string[]
function M.complement(kept)
    local keep <const>, rest <const> = set_of(kept), {}
    local last <const> = M.last_capability()
    for i, name in ipairs(kind.capability.complete) do
        if i - 1 <= last and not keep[name] then
            rest[#rest + 1] = name
        end
    end
    return rest
end

local function strict_drops()
    local kept <const> = table.move(M.DOCKER_CAPABILITIES, 1, #M.DOCKER_CAPABILITIES, 1, {})
    kept[#kept + 1] = BOOT_CAPABILITY
    return M.complement(kept)
end

-- From the weakest; each has what those before it have.
local LEVELS <const> = {
    { name = "hardened", drops = function() return config.get "hardened_drop_caps" end },
    { name = "strict", drops = strict_drops, groups = STRICT_GROUPS, profile = true },
}

---How far a container is kept from its host.
---@alias sdme.SecurityLevel "plain"|"userns"|"hardened"|"strict"

-- The levels up to one.
local function up_to(name)
    local i = 0
    return function()
        local reached <const> = LEVELS[i] and LEVELS[i].name == name
        i = i + 1
        return not reached and LEVELS[i] or nil
    end
end

-- What is given by itself counts more than a bundle that takes it away.
local function drop_capabilities(values, drops)
    local settled <const> = set_of(values.drop_capability, set_of(values.capability))
    local list <const> = json.array {}
    for _, capabilities in ipairs { values.drop_capability or {}, drops } do
        for _, capability in ipairs(capabilities) do
            if capabilities ~= drops or not settled[capability] then
                list[#list + 1] = capability
                settled[capability] = true
            end
        end
    end
    values.drop_capability = list
end

-- The groups of system calls that filters forbid.
local function forbidden(filters)
    local groups <const> = {}
    for _, filter in ipairs(filters or {}) do
        for name in (filter:match "^~(.*)" or ""):gmatch "%S+" do
            groups[name] = true
        end
    end
    return groups
end

local function forbids_all(filters, groups)
    local found <const> = forbidden(filters)
    for _, group in ipairs(groups or {}) do
        if not found[group] then
            return false
        end
    end
    return true
end

local function forbid(values, groups)
    if not forbids_all(values.system_call_filter, groups) then
        local own <const> = values.system_call_filter or {}
        local filters <const> = json.array(table.move(own, 1, #own, 1, {}))
        filters[#filters + 1] = STRICT_FILTER
        values.system_call_filter = filters
    end
end

---Spells a bundle out. What the same command gives by itself overrides that part of it.
---@param name "hardened"|"strict"
---@param values table settings, which are changed: `capability` in it counts as given
---@param given table the settings that the command gives; `values` itself at a creation
function M.expand(name, values, given)
    local own <const> = { filter = given.system_call_filter, profile = given.apparmor_profile }
    for _, flag in ipairs(FLAGS) do
        if given[flag] == nil and not has(values, flag) then
            values[flag] = true
        end
    end
    for level in up_to(name) do
        drop_capabilities(values, level.drops())
        if level.groups and not own.filter then
            forbid(values, level.groups)
        end
        if level.profile and not own.profile and not values.apparmor_profile
            and apparmor.is_enabled() then
            values.apparmor_profile = apparmor.default
        end
    end
end

---Spells a bundle out over the settings of a container that exists. Raises where it has no user
---namespace: the owners of its files can't change any more.
---@param name "hardened"|"strict"
---@param values table settings, which are changed
---@param given table the settings that the command gives
---@param shown string what the user calls the bundle
function M.expand_again(name, values, given, shown)
    if not values.userns then
        fault.raise("EUSAGE", "make another one with it; or give what it stands for, flag by flag",
            "%s needs a user namespace, which containers have from their creation", shown)
    end
    M.expand(name, values, setmetatable({ userns = true }, { __index = given }))
end

-- The names of the settings that are weaker than a level has them.
local function weaker(settings, level)
    local names <const> = {}
    for _, flag in ipairs(FLAGS) do
        names[#names + 1] = not has(settings, flag) and flag or nil
    end
    local dropped <const> = set_of(settings.drop_capability)
    for _, capability in ipairs(level.drops()) do
        if not dropped[capability] then
            names[#names + 1] = "drop_capability"
            break
        end
    end
    if not forbids_all(settings.system_call_filter, level.groups) then
        names[#names + 1] = "system_call_filter"
    end
    if level.profile and apparmor.is_enabled()
        and not apparmor.confines(settings.apparmor_profile) then
        names[#names + 1] = "apparmor_profile"
    end
    return names
end

---@class sdme.Security
---@field level sdme.SecurityLevel what it amounts to
---@field missing string[]? the settings that are weaker than the next level has them

---How far the settings of a container keep it from its host, as they are now: by what it lacks, not
---by what it was made with.
---@param settings table
---@return sdme.Security security
function M.describe(settings)
    local reached = settings.userns and "userns" or "plain"
    for _, level in ipairs(LEVELS) do
        local names <const> = weaker(settings, level)
        if #names > 0 then
            return { level = reached, missing = json.array(names) }
        end
        reached = level.name
    end
    return { level = reached }
end

---The level that the applications of a container are confined by. Capabilities don't matter for it:
---an application has no more of them than its container.
---@param settings table
---@return "plain"|"hardened"|"strict"
function M.app_level(settings)
    if not (settings.userns and settings.no_new_privileges) then
        return "plain"
    end
    return forbids_all(settings.system_call_filter, STRICT_GROUPS) and "strict" or "hardened"
end

-- systemd.network(5), DHCP=: leases are asked for by raw packets.
local NETWORK_CAPABILITIES <const> = { "CAP_NET_ADMIN", "CAP_NET_RAW" }

local function notes_of_network(settings, notes)
    if settings.address
        or not (settings.network_veth or settings.network_bridge or settings.network_zone) then
        return
    end
    local dropped <const>, flags <const> = set_of(settings.drop_capability), {}
    for _, capability in ipairs(NETWORK_CAPABILITIES) do
        flags[#flags + 1] = dropped[capability] and "--capability " .. capability or nil
    end
    if #flags > 0 then
        notes[#notes + 1] = ("its networkd can't ask for an address; %s lets it"):format(
            table.concat(flags, " "))
    end
end

---What a user should know of a container that was made by a bundle.
---@param settings table as they were given, checked
---@return string[]
function M.notes(settings)
    local notes <const> = {}
    if settings.strict and not settings.apparmor_profile then
        notes[1] = "AppArmor is off here: nothing of --strict but its profile is left out"
    end
    if settings.strict or settings.hardened then
        notes_of_network(settings, notes)
    end
    return notes
end

return M
