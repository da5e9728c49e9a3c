-- What distributions differ in: how to tell that systemd is there, and how to install it. Each
-- family is a table in a file of its own; an administrator's own are in /etc/sdme/distro.d.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local os_release <const> = require "sdme.os_release"
local step <const> = require "sdme.step"
local upper <const> = require "sdme.upper"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

local FAMILIES <const> = { "debian", "fedora", "arch", "suse", "nixos", "alpine", "void", "gentoo" }

-- An administrator's families: Lua files that return such a table each, in an empty environment.
local OWN <const> = "/etc/sdme/distro.d"
local MAXIMUM_SIZE <const> = 64 << 10

---@class sdme.Family
---@field name string
---@field ids string[] ID or ID_LIKE of os-release(5) that it is for
---@field systemd string[]? paths of which one is there if systemd is; else the usual ones
---@field dbus string[]? the same for D-Bus
---@field manager string? the program that `install` needs
---@field install string[][]? commands that install systemd and D-Bus, one after the other
---@field environment table<string, string>? theirs
---@field clean string[]? paths below which all is removed afterwards
---@field mask string[]? units that don't belong into a container
---@field unmask string[]? units that images mask and containers need
---@field refused string? why systemd can't be had

local SYSTEMD <const> = {
    "/usr/lib/systemd/systemd", "/lib/systemd/systemd",
    "/nix/var/nix/profiles/system/systemd/lib/systemd/systemd",
}

local DBUS <const> = {
    "/usr/bin/dbus-broker-launch", "/usr/bin/dbus-daemon", "/bin/dbus-daemon",
    "/nix/var/nix/profiles/system/sw/bin/dbus-daemon",
}

local FIELDS <const> = {
    name = "string", ids = "table", systemd = "table", dbus = "table", manager = "string",
    install = "table", environment = "table", clean = "table", mask = "table",
    unmask = "table", refused = "string",
}

local function check_family(family, path)
    if type(family) ~= "table" or type(family.name) ~= "string" or type(family.ids) ~= "table" then
        fault.raise("EFORMAT", nil, "%s: expected a table with a name and ids", path)
    end
    for key, value in pairs(family) do
        if not FIELDS[key] then
            fault.raise("EFORMAT", nil, "%s: there is no field '%s'", path, tostring(key))
        elseif type(value) ~= FIELDS[key] then
            fault.raise("EFORMAT", nil, "%s: '%s' is a %s, not a %s", path, key, FIELDS[key],
                type(value))
        end
    end
    return family
end

local function read_own(path)
    local text <const> = fault.check(file.read(path, { max = MAXIMUM_SIZE }))
    local chunk <const>, why <const> = load(text, "@" .. path, "t", {})
    if not chunk then
        fault.raise("EFORMAT", nil, "%s", why)
    end
    local fine <const>, family <const> = pcall(chunk)
    if not fine then
        fault.raise("EFORMAT", nil, "%s", tostring(family))
    end
    return check_family(family, path)
end

local families

---All families, an administrator's own first.
---@return sdme.Family[]
function M.families()
    if not families then
        local list <const> = {}
        for _, name in ipairs(file.list(OWN) or {}) do
            if name:find "%.lua$" then
                list[#list + 1] = read_own(OWN .. "/" .. name)
            end
        end
        for _, name in ipairs(FAMILIES) do
            list[#list + 1] = require("sdme.distro." .. name)
        end
        families = list
    end
    return families
end

---The family of a system: by its own id, else by what it says that it is like.
---@param release table<string, string> the fields of its os-release
---@return sdme.Family?
function M.find(release)
    local candidates <const> = { release.ID }
    for id in (release.ID_LIKE or ""):gmatch "%S+" do
        candidates[#candidates + 1] = id
    end
    for _, candidate in ipairs(candidates) do
        for _, family in ipairs(M.families()) do
            for _, id in ipairs(family.ids) do
                if id == candidate then
                    return family
                end
            end
        end
    end
    return nil
end

local function has_one(root, paths)
    for _, path in ipairs(paths) do
        if file.stat(path, { root = root, follow = true }) then
            return true
        end
    end
    return false
end

---Whether a tree can be booted: systemd and D-Bus are in it.
---@param root userdata a descriptor of its root
---@param family sdme.Family?
---@return boolean
function M.is_bootable(root, family)
    return has_one(root, family and family.systemd or SYSTEMD)
        and has_one(root, family and family.dbus or DBUS)
end

local function ask(question)
    return require("sdme.cli").confirm(question, "--install-packages=yes or --install-packages=no")
end

-- Whether to install what is missing; raises where that can't be done, and was asked for.
local function wants_install(family, context, label)
    local when <const> = context.options.install_packages or "auto"
    if when == "no" then
        return false
    elseif not family or family.refused or not family.install then
        fault.raise("EUNSUPPORTED",
            "--install-packages=no imports it as it is; then it serves as files only",
            "%s has no systemd, and %s", label,
            family and family.refused or "sdme doesn't know how to install it there")
    end
    return when == "yes" or ask(("%s has no systemd; install it with %s"):format(label,
        family.manager))
end

-- Removes what is below the paths, but not the directories themselves.
local function clean(root, paths)
    for _, path in ipairs(paths or {}) do
        local directory <close> = file.open_directory(path, { root = root })
        for _, name in ipairs(directory and file.list(".", { root = directory }) or {}) do
            fault.check(core.tree.remove(name, { root = directory }))
        end
    end
end

local UNITS <const> = "/etc/systemd/system/"

local function set_units(root, below, family)
    local layer <close> = upper.open(root, below, 0)
    for _, unit in ipairs(family.mask or {}) do
        layer:mask(unit)
    end
    for _, unit in ipairs(family.unmask or {}) do
        if file.readlink(UNITS .. unit, { root = below }) == "/dev/null" then
            layer:delete(UNITS .. unit)
        end
    end
end

-- A layer above the others that makes them bootable. It is the same for the same layers, and found
-- again.
local function install(layers, family, context)
    local key <const> = step.key(layers, { family.install, family.environment or {},
        family.clean or {}, family.mask or {}, family.unmask or {} })
    if not context.options.no_cache and context.transaction:use(key) then
        return key
    end
    context.progress:note(("installing systemd with %s"):format(family.manager))
    local layer <close> = context.transaction:new()
    for _, argv in ipairs(family.install) do
        step.run {
            layers = layers, stage = layer.stage.path, argv = argv,
            environment = family.environment, network = true, what = context.name,
        }
    end
    step.clean(layer.tree, layers)
    do
        local root <close> = fault.check(file.open_directory(layer.tree))
        clean(root, family.clean)
        set_units(layer.tree, view.stack(layers), family)
    end
    local size <const> = fault.check(core.tree.measure(layer.tree))
    return context.transaction:add(layer, {
        id = not context.options.no_cache and key or nil, size = size.size,
        entries = size.files + size.directories, parent = layers[#layers],
        comment = "systemd, by " .. family.manager,
    })
end

---Tells what system a new rootfs is, and makes it bootable where that is wanted.
---@param description table its layers and what else is known; `os` and `systemd` are added
---@param context table `options`, `transaction`, `progress`, `name`
function M.prepare(description, context)
    local release, family, bootable
    do
        local root <close> = view.stack(description.layers)
        release = os_release.read(root)
        family = M.find(release)
        bootable = M.is_bootable(root, family)
    end
    description.os = {
        id = release.ID, version = release.VERSION_ID, name = release.PRETTY_NAME,
        family = family and family.name,
    }
    local label <const> = release.PRETTY_NAME or context.name
    if not bootable and wants_install(family, context, label) then
        table.insert(description.layers, install(description.layers, family, context))
        local root <close> = view.stack(description.layers)
        bootable = M.is_bootable(root, family)
        if not bootable then
            fault.raise("EIO", nil, "%s was to install systemd in %s, but it isn't there",
                family.manager, label)
        end
    end
    description.systemd = bootable
end

return M
