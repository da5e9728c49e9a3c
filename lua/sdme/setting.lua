-- The settings of a container: the one table behind the flags of create, new and set, the keys
-- of `sdme.create{}` and of the state file, completion and the manual.

local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"
local socket <const> = require "sdme.port.socket"
local text <const> = require "sdme.text"

local M <const> = {}

---@class sdme.Setting
---@field name string the key in options tables and in the state; the flag has "-" for "_"
---@field short string? the letter of its short flag
---@field value string? the placeholder of its value in help; a setting without one is a flag
---@field kind sdme.Kind
---@field many boolean? collects values: a list, or what its kind makes of them
---@field default any where nothing else decides
---@field help string
---@field group string the heading of its flag in help
---@field commands table<string, boolean> who takes it: create, new, set
---@field stored boolean whether it is part of the container's state
---@field live boolean? whether setting it takes effect in a running container
---@field host_clone_only boolean? whether it means nothing without a clone of the host
---@field implies string? another flag that is set with it
---@field bundle boolean? whether it stands for others: see sdme.security
---@field secret boolean? whether `inspect` masks it
---@field instead string? what to do where `set` doesn't take it

---What a container is like. Names are those of the command line's options, with `_` for `-`. Every
---value may also be the text that the command line takes. What collects values takes one or an
---array of them.
---
---```lua
---local settings <const> = {
---    name = "shop", memory = "256M", cpus = 1.5, userns = true,
---    bind = { "/srv:/srv:ro" },
---    network_veth = true, port = { 8080, { host = 8443, container = 443 } },
---}
---local shop <const> = sdme.create(settings)
---print(shop:settings().port[2].protocol)
---shop:remove()
---```
---@class sdme.Settings

local EVERYWHERE <const> = { create = true, new = true, set = true }
local AT_CREATION <const> = { create = true, new = true }

---@type sdme.Setting[]
M.all = {
    {
        name = "name", value = "NAME", kind = kind.name, group = "Container",
        help = "name of the container; without it one is made up",
        commands = AT_CREATION, stored = false,
        instead = "`sdme rename` changes the name",
    },
    {
        name = "fs", short = "r", value = "ROOTFS", kind = kind.rootfs_state, group = "Container",
        help = "the root filesystem it is made from; without it, a clone of this host",
        commands = AT_CREATION, stored = true,
        instead = "a container keeps the root filesystem that it was made from",
    },
    {
        name = "overlayfs_opaque_dirs", short = "o", value = "DIR,...",
        kind = kind.list(kind.directory), many = true, group = "Container",
        help = "parts of the host that its clone doesn't see (default: as configured)",
        commands = EVERYWHERE, stored = true, host_clone_only = true,
    },
    {
        name = "masked_services", value = "UNIT,...", kind = kind.list(kind.service), many = true,
        group = "Container",
        help = "units that don't start in the container (default: as configured)",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "bind", short = "b", value = "HOST:CTR[:ro]", kind = kind.bind, many = true,
        group = "Container", help = "show a file or directory of the host in the container",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "env", short = "e", value = "NAME=VALUE", kind = kind.env, many = true,
        group = "Container", help = "environment of everything in the container",
        commands = EVERYWHERE, stored = true, secret = true,
    },
    {
        name = "secrets", value = "SECRET,...", kind = kind.list(kind.secret), many = true,
        group = "Container",
        help = "secrets as credentials, and in /run/secrets of applications",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "device", value = "PATH", kind = kind.device, many = true, group = "Container",
        help = "a device node of the host that the container may use",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "ephemeral", kind = kind.flag, group = "Container",
        help = "remove the container when it stops", commands = EVERYWHERE, stored = true,
        live = true,
    },
    {
        name = "memory", value = "SIZE", kind = kind.range(kind.size, 4 << 20), group = "Limits",
        help = "memory at most, and no swap", commands = EVERYWHERE, stored = true, live = true,
    },
    {
        name = "cpus", value = "N", kind = kind.range(kind.cpus, 0.01), group = "Limits",
        help = "CPU time at most, in CPUs: 0.5, 2", commands = EVERYWHERE, stored = true,
        live = true,
    },
    {
        name = "cpu_weight", value = "N", kind = kind.range(kind.integer, 1, 10000),
        group = "Limits", help = "share of the CPU time, 1 to 10000; 100 is usual",
        commands = EVERYWHERE, stored = true, live = true,
    },
    {
        name = "tasks", value = "N", kind = kind.range(kind.integer, 1, 4194304),
        default = 16384, group = "Limits", help = "processes and threads at most",
        commands = EVERYWHERE, stored = true, live = true,
    },
    {
        name = "private_network", kind = kind.flag, group = "Network",
        help = "a network of its own, with loopback only", commands = EVERYWHERE,
        stored = true,
    },
    {
        name = "network_veth", kind = kind.flag, group = "Network", implies = "private_network",
        help = "the same, with a virtual Ethernet link to the host", commands = EVERYWHERE,
        stored = true,
    },
    {
        name = "network_bridge", value = "BRIDGE", kind = kind.interface "", group = "Network",
        implies = "private_network", help = "the same, with the host's end in a bridge",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "network_zone", value = "ZONE", kind = kind.interface "vz-", group = "Network",
        implies = "private_network",
        help = "the same, in a bridge that the containers of a zone share", commands = EVERYWHERE,
        stored = true,
    },
    {
        name = "address", value = "auto|ADDR[/LEN]", kind = kind.guest_address, many = true,
        group = "Network", help = "give the container an address; whatever its init is",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "pod", value = "POD", kind = kind.pod, group = "Network",
        help = "the network of a pod, which its containers share", commands = EVERYWHERE,
        stored = true,
    },
    {
        name = "port", short = "p", value = "[ADDR:]HOST[:CTR][/udp]", kind = kind.port,
        many = true, group = "Network", help = "open ports on the host: 8080:80, 8000-8010/udp",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "userns", short = "u", kind = kind.flag, group = "Security",
        help = "a user namespace: root inside is nobody outside", commands = AT_CREATION,
        stored = true, instead = "files of the container have their owners from its creation",
    },
    {
        name = "hardened", kind = kind.flag, group = "Security", commands = EVERYWHERE,
        help = "--userns, --private-network, --no-new-privileges, and fewer capabilities",
        stored = false, bundle = true,
    },
    {
        name = "strict", kind = kind.flag, group = "Security", commands = EVERYWHERE,
        help = "--hardened, Docker's capabilities and CAP_SYS_ADMIN, fewer system calls, AppArmor",
        stored = false, bundle = true,
    },
    {
        name = "drop_capability", value = "CAP", kind = kind.capability, many = true,
        group = "Security", help = "take away a capability that containers have",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "capability", value = "CAP", kind = kind.capability, many = true,
        group = "Security", help = "give a capability that containers lack",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "no_new_privileges", kind = kind.flag, group = "Security",
        help = "nobody gains privileges, not even by setuid", commands = EVERYWHERE,
        stored = true,
    },
    {
        name = "read_only", kind = kind.flag, group = "Security",
        help = "the container can't change its own files", commands = EVERYWHERE, stored = true,
    },
    {
        name = "system_call_filter", value = "[~]FILTER", kind = kind.system_call_filter,
        many = true, group = "Security",
        help = "system calls and @groups to allow besides the usual; with ~ to forbid",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "apparmor_profile", value = "PROFILE", kind = kind.profile, group = "Security",
        help = "AppArmor profile of everything in the container", commands = EVERYWHERE,
        stored = true,
    },
    {
        name = "oci_env", value = "NAME=VALUE", kind = kind.env, many = true,
        group = "Applications", help = "environment of the applications in the container",
        commands = EVERYWHERE, stored = true, secret = true,
    },
    {
        name = "oci_pod", value = "POD", kind = kind.pod, group = "Applications",
        help = "the network of a pod for the applications alone", commands = EVERYWHERE,
        stored = true,
    },
    {
        name = "no_oci_ports", kind = kind.flag, group = "Applications",
        help = "don't open the ports that their images name", commands = EVERYWHERE,
        stored = true,
    },
    {
        name = "no_oci_volumes", kind = kind.flag, group = "Applications",
        help = "don't keep the volumes that their images name", commands = EVERYWHERE,
        stored = true,
    },
    {
        name = "enable", kind = kind.flag, group = "Boot",
        help = "start the container when the host boots", commands = AT_CREATION, stored = false,
        instead = "`sdme enable` and `sdme disable` change it",
    },
    {
        name = "restart", value = "WHEN", kind = kind.choice { "no", "on-failure", "always" },
        default = "no", group = "Boot",
        help = "start it again after it ended: no, on-failure or always",
        commands = EVERYWHERE, stored = true,
    },
    {
        name = "started", kind = kind.flag, group = "Boot",
        help = "start it, and wait for its boot", commands = { create = true }, stored = false,
        instead = "`sdme start` starts a container",
    },
    {
        name = "timeout", short = "t", value = "SECONDS", kind = kind.seconds, group = "Boot",
        help = "how long the boot may take (default: as configured)", commands = AT_CREATION,
        stored = false, instead = "`sdme start --timeout` takes one",
    },
    {
        name = "rm_on_failure", kind = kind.flag, group = "Boot",
        help = "remove the container if its boot fails", commands = AT_CREATION, stored = false,
        instead = "it is for containers that are being created",
    },
    {
        name = "user", value = "USER", kind = kind.user, group = "Boot",
        help = "whose shell is opened, or who runs the command", commands = { new = true },
        stored = false, instead = "`sdme join --user` takes one",
    },
}

local by_name <const> = {}

for _, setting in ipairs(M.all) do
    by_name[setting.name] = setting
    setting.values = setting.many and kind.many(setting.kind) or setting.kind
end

---@param name string
---@return sdme.Setting?
function M.get(name)
    return by_name[name]
end

local function flag_of(name)
    return "--" .. name:gsub("_", "-")
end

-- "state" stands for the state file, which holds what any command has stored.
local function takes(setting, command)
    if command == "state" then
        return setting.stored
    end
    return setting.commands[command]
end

---The options of a command that takes settings, as its table of options describes them.
---@param command "create"|"new"|"set"
---@return table[]
function M.options(command)
    local options = {}
    for _, setting in ipairs(M.all) do
        if takes(setting, command) then
            options[#options + 1] = {
                long = flag_of(setting.name):sub(3), short = setting.short, value = setting.value,
                kind = setting.kind, many = setting.many, help = setting.help,
                group = setting.group, shown_default = setting.default,
                clearable = command == "set",
            }
        end
    end
    return options
end

---The settings among the arguments of a command.
---@param arguments table
---@param command "create"|"new"|"set"
---@return table
function M.pick(arguments, command)
    local picked = {}
    for _, setting in ipairs(M.all) do
        if takes(setting, command) then
            picked[setting.name] = arguments[setting.name]
        end
    end
    return picked
end

local function refuse(name, command, shown)
    local setting <const> = by_name[name]
    if setting then
        fault.raise("EUSAGE", setting.instead, "%s is not for %s", shown(name), command)
    end
    local names = {}
    for _, each in ipairs(M.all) do
        if takes(each, command) then
            names[#names + 1] = each.name
        end
    end
    local meant <const> = type(name) == "string" and text.nearest(name, names)
    fault.raise("EUSAGE", meant and ("did you mean %s?"):format(shown(meant)) or nil,
        "there is no setting '%s'", tostring(name))
end

-- An empty text clears a setting that `set` may change.
local function check_value(setting, value, command, shown)
    if value == "" and command == "set" and not setting.many then
        return ""
    end
    local checked, why = setting.values.check(value)
    if checked == nil then
        fault.usage("%s: %s", shown(setting.name), why)
    elseif checked == false and setting.bundle and command == "set" then
        fault.raise("EUSAGE", "take away what it stands for, flag by flag",
            "%s can't be taken away as a whole", shown(setting.name))
    end
    if setting.many and not setting.kind.explode then
        return json.array(checked)
    end
    return checked
end

local function set_flag(values, name, by, shown)
    if values[name] == false then
        fault.usage("%s can't be without %s", shown(by), shown(name))
    end
    values[name] = true
end

-- Settings that bundles stand for in place of these: of those that `set` changes, or of new ones.
local function unbundle(values, given, shown)
    for _, setting in ipairs(M.all) do
        if setting.bundle and given[setting.name] then
            local security <const> = require "sdme.security"
            if values == given then
                security.expand(setting.name, values, given)
            else
                security.expand_again(setting.name, values, given, shown(setting.name))
            end
        end
    end
end

local function imply(values, shown)
    for _, setting in ipairs(M.all) do
        if values[setting.name] and setting.implies then
            set_flag(values, setting.implies, setting.name, shown)
        end
    end
end

local function find_twice(list, key_of)
    local seen = {}
    for _, value in ipairs(list or {}) do
        local key <const> = key_of(value)
        if seen[key] then
            return key
        end
        seen[key] = true
    end
    return nil
end

-- Settings that say which network a container has, each in its own way.
local NETWORKS <const> = {
    "network_veth", "network_bridge", "network_zone", "private_network",
}

-- Whoever is in the network of a pod may not be able to change it for the others.
local function check_pod(values, shown)
    for _, name in ipairs(values.pod and NETWORKS or {}) do
        if values[name] then
            return ("%s and %s exclude each other"):format(shown "pod", shown(name)),
                "the network of a container in a pod is the pod's"
        end
    end
    if values.pod and values.port and #values.port > 0 then
        return ("%s and %s exclude each other"):format(shown "pod", shown "port"),
            ("the ports of a container in a pod are the pod's: sdme pod set %s --port %s"):format(
                values.pod, kind.port.show(values.port[1]))
    end
    for _, name in ipairs { "pod", "oci_pod" } do
        for _, capability in ipairs(values[name] and values.capability or {}) do
            if capability == "CAP_NET_ADMIN" then
                return ("%s and %s CAP_NET_ADMIN exclude each other"):format(shown(name),
                    shown "capability"), "nobody in a pod changes the network of the others"
            end
        end
    end
end

-- The container's systemd enters the pod for its applications as the host's root, and needs a
-- capability over the pod's network for that. With it goes CAP_NET_ADMIN, which it needs to set up
-- an interface of its own; it would have it in the pod too. Root of a user namespace has none
-- there, and asks the host.
local function check_oci_pod(values, shown)
    if not values.oci_pod or values.userns then
        return nil
    end
    for _, name in ipairs { "network_veth", "network_bridge", "network_zone" } do
        if values[name] then
            return ("%s and %s exclude each other"):format(shown "oci_pod", shown(name)),
                ("take %s instead: who sets up an interface could set up the pod's"):format(
                    shown "private_network")
        end
    end
end

-- An address is for an interface, one of each family, or any; a bridge is somebody else's, who
-- alone knows which are free there.
local function check_address(values, shown)
    local addresses <const> = values.address or {}
    if #addresses > 0 and not (values.network_veth or values.network_bridge or values.network_zone)
    then
        return ("%s needs an interface to the host"):format(shown "address"),
            ("give %s or %s too"):format(shown "network_veth", shown "network_zone")
    end
    local twice <const> = find_twice(addresses, function(address)
        return address == "auto" and address or address:find(":", 1, true) and "IPv6" or "IPv4"
    end)
    if twice then
        return ("%s: %s is given twice"):format(shown "address", twice)
    end
    for _, address in ipairs(addresses) do
        if address == "auto" and #addresses > 1 then
            return ("%s: auto is for both families, and goes with no other"):format(shown "address")
        elseif address == "auto" and values.network_bridge then
            return ("%s auto and %s exclude each other"):format(shown "address",
                shown "network_bridge"), "name an address that is free in the bridge's network"
        end
    end
end

-- What has to hold between settings: each returns what is wrong, and a hint.
local RULES <const> = {
    check_pod,
    check_oci_pod,
    check_address,
    function(values, shown)
        if values.network_bridge and values.network_zone then
            return ("%s and %s exclude each other"):format(shown "network_bridge",
                shown "network_zone")
        end
    end,
    function(values, shown)
        local interface <const> = values.network_veth or values.network_bridge
            or values.network_zone
        if values.port and #values.port > 0 and not interface then
            return ("%s needs an interface to the host"):format(shown "port"),
                ("give %s, %s or %s too"):format(shown "network_veth", shown "network_bridge",
                    shown "network_zone")
        end
    end,
    function(values, shown)
        local why <const> = socket.problem(values.port)
        return why and ("%s: %s"):format(shown "port", why)
    end,
    function(values, shown)
        local twice <const> = find_twice(values.bind, function(bind) return bind.target end)
        return twice and ("%s: %s of the container is given twice"):format(shown "bind", twice)
    end,
    function(values, shown)
        for _, directory in ipairs(values.overlayfs_opaque_dirs or {}) do
            if directory == "/" then
                return ("%s: / as a whole can't be hidden"):format(shown "overlayfs_opaque_dirs")
            end
        end
    end,
    function(values, shown)
        local dropped = {}
        for _, capability in ipairs(values.drop_capability or {}) do
            dropped[capability] = true
        end
        for _, capability in ipairs(values.capability or {}) do
            if dropped[capability] then
                return ("%s is both in %s and in %s"):format(capability, shown "capability",
                    shown "drop_capability")
            end
        end
    end,
    function(values, shown)
        if values.fs and values.overlayfs_opaque_dirs then
            return ("%s is for clones of this host, and not together with %s"):format(
                shown "overlayfs_opaque_dirs", shown "fs")
        end
    end,
    function(values, shown)
        if values.ephemeral and values.enable then
            return ("%s and %s exclude each other"):format(shown "ephemeral", shown "enable")
        end
    end,
    function(values, shown)
        if values.ephemeral and values.restart and values.restart ~= "no" then
            return ("%s and %s %s exclude each other"):format(shown "ephemeral", shown "restart",
                values.restart)
        end
    end,
}

-- A port is of no use without an interface: a virtual Ethernet link, if nothing else is said.
local function imply_interface(values)
    if values.port and #values.port > 0 and values.network_veth == nil and not values.pod
        and not values.network_bridge and not values.network_zone then
        values.network_veth = true
    end
end

-- To ask for an address takes both (systemd.network(5), DHCP=: by raw packets); who hasn't got them
-- is given one.
local ASKING <const> = { CAP_NET_ADMIN = true, CAP_NET_RAW = true }

local function imply_address(values, given)
    local bundled <const> = given.hardened or given.strict
    for _, capability in ipairs(bundled and values.drop_capability or {}) do
        if ASKING[capability] and values.address == nil
            and (values.network_veth or values.network_zone) and not values.network_bridge then
            values.address = json.array { "auto" }
        end
    end
end

local function apply_rules(values, given, shown)
    imply_interface(values)
    imply(values, shown)
    imply_address(values, given)
    for _, rule in ipairs(RULES) do
        local why, hint = rule(values, shown)
        if why then
            fault.raise("EUSAGE", hint, "%s", why)
        end
    end
end

-- What `create` only takes together with `--started`.
local function check_started(values, shown)
    for _, name in ipairs { "timeout", "rm_on_failure" } do
        if values[name] and not values.started then
            fault.usage("%s needs %s", shown(name), shown "started")
        end
    end
end

local function shown_as(flags)
    return flags and flag_of or tostring
end

---Checks settings from a script, the command line or a state file, and brings each into its one
---form. For "set" the result is what changes (see `merge`), with "" for what is cleared.
---@param settings table
---@param options { allow: string, flags: boolean? } `allow` is "create", "new", "set" or "state";
---with `flags` a fault says --memory for memory
---@return table
function M.check(settings, options)
    local command <const>, shown <const> = options.allow, shown_as(options.flags)
    local values = {}
    if type(settings) ~= "table" then
        fault.usage("settings are a table, not a %s", type(settings))
    end
    for name in pairs(settings) do
        if not by_name[name] or not takes(by_name[name], command) then
            refuse(name, command, shown)
        end
    end
    for _, setting in ipairs(M.all) do
        local value <const> = settings[setting.name]
        if value ~= nil then
            values[setting.name] = check_value(setting, value, command, shown)
        end
    end
    if command == "set" then
        return values
    end
    unbundle(values, values, shown)
    apply_rules(values, values, shown)
    if command == "create" then
        check_started(values, shown)
    end
    return values
end

---The settings of a container after a change: only what it names, lists as a whole.
---@param settings table as `check` returned them
---@param changes table as `check` returned them for "set"
---@param options { flags: boolean? }?
---@return table
function M.merge(settings, changes, options)
    local merged = {}
    for _, setting in ipairs(M.all) do
        local value = changes[setting.name]
        if value == nil then
            value = settings[setting.name]
        end
        if value ~= "" and (setting.stored or changes[setting.name] == nil) then
            merged[setting.name] = value
        end
    end
    local shown <const> = shown_as(options and options.flags)
    unbundle(merged, changes, shown)
    apply_rules(merged, changes, shown)
    return merged
end

-- The values of a setting as its flag takes them, one by one.
local function texts_of(setting, value)
    if value == "" or setting.many and next(value) == nil then
        return { "" }
    elseif not setting.many or setting.kind.separator then
        return { setting.values.show(value) }
    end
    local texts <const> = {}
    for i, each in ipairs(setting.kind.explode and setting.kind.explode(value) or value) do
        texts[i] = setting.kind.show(each)
    end
    return texts
end

---The command that changes settings of a container, for a shell.
---@param name string of the container
---@param changes table as `check` returns them for "set"
---@return string
function M.command(name, changes)
    local words <const> = { "sdme", "set", name }
    for _, setting in ipairs(M.all) do
        local value <const> = changes[setting.name]
        local flag <const> = flag_of(setting.name)
        if value ~= nil and not setting.value then
            words[#words + 1] = flag .. (value and "" or "=no")
        elseif value ~= nil then
            for _, each in ipairs(texts_of(setting, value)) do
                words[#words + 1] = flag .. " " .. text.shell_word(each)
            end
        end
    end
    return table.concat(words, " ")
end

---A list without one of its values.
---@param list any[]
---@param position integer
---@return any[]
function M.without(list, position)
    local rest <const> = table.move(list, 1, #list, 1, {})
    table.remove(rest, position)
    return rest
end

---The settings that make part of a container's state.
---@param settings table
---@return table
function M.stored(settings)
    return M.pick(settings, "state")
end

---What is shown of the value of a secret setting.
---@param value any
---@return any
function M.mask(value)
    if type(value) ~= "table" then
        return "***"
    end
    local masked = {}
    for key, item in pairs(value) do
        -- What a secret is called is none.
        masked[key] = type(item) == "table" and item.secret and item or M.mask(item)
    end
    return masked
end

---The settings with their defaults filled in, but for those that come from the configuration.
---@param settings table
---@return table
function M.fill(settings)
    local filled = {}
    for _, setting in ipairs(M.all) do
        local value <const> = settings[setting.name]
        filled[setting.name] = value == nil and setting.default or value
    end
    return filled
end

---Whether two values of settings are the same.
---@param a any
---@param b any
---@return boolean
function M.is_same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then
        return a == b
    end
    for key, value in pairs(a) do
        if not M.is_same(value, b[key]) then
            return false
        end
    end
    for key in pairs(b) do
        if a[key] == nil then
            return false
        end
    end
    return true
end

-- Those for which an empty list is something else than none: the configuration has a list, too.
local CONFIGURED <const> = { masked_services = true, overlayfs_opaque_dirs = true }

-- What says nothing is as good as nothing.
local function meaning(name, value)
    if value == false or type(value) == "table" and next(value) == nil and not CONFIGURED[name] then
        return nil
    end
    return value
end

---What is not the same in two tables of settings.
---@param old table
---@param new table
---@return table changes by name: the new value, or "" where there is none
function M.differences(old, new)
    local changes <const> = {}
    for _, setting in ipairs(M.all) do
        local name <const> = setting.name
        local before <const>, after <const> = meaning(name, old[name]), meaning(name, new[name])
        if setting.stored and not M.is_same(before, after) then
            changes[name] = after == nil and "" or after
        end
    end
    return changes
end

---Whether a container can only have another value by being made anew.
---@param name string of a setting
---@return boolean
function M.is_fixed(name)
    return by_name[name].stored and not by_name[name].commands.set
end

---The names of the changes that a running container only takes on when it is started again.
---@param changes table
---@return string[]
function M.after_restart(changes)
    local names = {}
    for _, setting in ipairs(M.all) do
        if changes[setting.name] ~= nil and not setting.live then
            names[#names + 1] = setting.name
        end
    end
    return names
end

return M
