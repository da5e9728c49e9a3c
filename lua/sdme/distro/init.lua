-- What distributions differ in: how to tell that systemd is there, and how to install it. Each
-- family is a table in a file of its own; an administrator's own are in /etc/sdme/distro.d.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local os_release <const> = require "sdme.os_release"
local own <const> = require "sdme.distro.own"
local observe <const> = require "sdme.observe"
local step <const> = require "sdme.step"
local upper <const> = require "sdme.upper"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

local FAMILIES <const> = {
    "debian", "fedora", "arch", "suse", "nixos", "alpine", "void", "gentoo", "devuan", "artix",
}

---@class sdme.Manager
---@field program string in one of the usual directories
---@field install string[][] commands that install systemd and D-Bus, one after the other

---@class sdme.Family
---@field name string
---@field ids string[] ID or ID_LIKE of os-release(5) that it is for
---@field systemd string[]? paths of which one is there if systemd is; else the usual ones
---@field dbus string[]? the same for D-Bus
---@field managers sdme.Manager[]? the first one that is there installs
---@field environment table<string, string>? of its commands
---@field clean string[]? paths below which all is removed afterwards
---@field mask string[]? units that don't belong into a container
---@field unmask string[]? units that images mask and containers need
---@field refused string? why systemd can't be had
---@field hint string? what to do then

local SYSTEMD <const> = { "/usr/lib/systemd/systemd", "/lib/systemd/systemd" }

local DBUS <const> = {
    "/usr/bin/dbus-broker-launch", "/usr/bin/dbus-daemon", "/bin/dbus-daemon",
}

local families

---All families, an administrator's own first.
---@return sdme.Family[]
function M.families()
    if not families then
        local list <const> = own.read(own.DIRECTORY)
        for _, name in ipairs(FAMILIES) do
            list[#list + 1] = require("sdme.distro." .. name)
        end
        families = list
    end
    return families
end

local function has_id(family, wanted)
    for _, id in ipairs(family.ids) do
        if id == wanted then
            return true
        end
    end
    return false
end

---The family of a system: by its own id, else by what it says that it is like.
---@param release table<string, string> the fields of its os-release
---@param among sdme.Family[]? all that there are, without
---@return sdme.Family?
function M.find(release, among)
    local candidates <const> = { release.ID }
    for id in (release.ID_LIKE or ""):gmatch "%S+" do
        candidates[#candidates + 1] = id
    end
    for _, candidate in ipairs(candidates) do
        for _, family in ipairs(among or M.families()) do
            if has_id(family, candidate) then
                return family
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

local PROGRAMS <const> = { "/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/local/bin/" }

local function has_program(root, name)
    local paths <const> = {}
    for i, directory in ipairs(PROGRAMS) do
        paths[i] = directory .. name
    end
    return has_one(root, paths)
end

---What systemd is installed with in a tree.
---@param root userdata a descriptor of its root
---@param family sdme.Family?
---@return sdme.Manager?
---@return string? why it can't be installed
function M.manager(root, family)
    if not family then
        return nil, "sdme doesn't know how to install it there"
    elseif family.refused then
        return nil, family.refused
    end
    local names <const> = {}
    for i, manager in ipairs(family.managers or {}) do
        if has_program(root, manager.program) then
            return manager
        end
        names[i] = manager.program
    end
    return nil, #names > 0 and "it can't be installed without " .. kind.choice(names).expected
        or "nothing is known to install it with"
end

local HINT <const> =
    "--install-packages=no imports it as it is; then it serves as files only"

-- Asks once: what can be looked at before it is read is looked at again when it has been.
local function agrees(question, context)
    if context.agreed == nil then
        context.agreed = observe.confirm(question,
            "--install-packages=yes or --install-packages=no"
            .. (context.transaction:is_kept() and ": what was unpacked is kept for that" or ""))
    end
    return context.agreed
end

-- What to install it with, if it is to be; raises where that can't be done, and was asked for.
local function choose_manager(root, family, context, label)
    local when <const> = context.options.install_packages or "auto"
    if when == "no" then
        return nil
    end
    if context.keep then
        context.keep()
    end
    local manager <const>, why <const> = M.manager(root, family)
    if not manager then
        fault.raise("EUNSUPPORTED", family and family.hint or HINT, "%s has no systemd, and %s",
            label, why)
    end
    local question <const> = ("%s has no systemd; install it with %s"):format(label,
        manager.program)
    return (when == "yes" or agrees(question, context)) and manager or nil
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

-- A layer above the others that `fill` makes. It is the same for the same layers and the same
-- doing, and found again.
local function add_layer(layers, doing, comment, context, fill)
    local key <const> = step.key(layers, doing)
    local again <const> = not context.options.no_cache
    if not (again and context.transaction:use(key)) then
        local layer <close> = context.transaction:new()
        fill(layer)
        local size <const> = fault.check(core.tree.measure(layer.tree))
        layers[#layers + 1] = context.transaction:add(layer, {
            id = again and key or nil, size = size.size, entries = size.files + size.directories,
            parent = layers[#layers], comment = comment,
        })
    else
        layers[#layers + 1] = key
    end
end

local function install(layers, family, manager, context)
    local doing <const> = { manager.install, family.environment or {}, family.clean or {} }
    add_layer(layers, doing, "systemd, by " .. manager.program, context, function(layer)
        context.progress:note(("installing systemd with %s"):format(manager.program))
        for _, argv in ipairs(manager.install) do
            step.run {
                layers = layers, stage = layer.stage.path, argv = argv,
                environment = family.environment, network = true, what = context.name,
            }
        end
        step.clean(layer.tree, layers)
        local root <close> = fault.check(file.open_directory(layer.tree))
        clean(root, family.clean)
    end)
end

local UNITS <const> = "/etc/systemd/system/"

---The units of a tree that are to be masked in a container and aren't, or the other way round.
---@param root userdata a descriptor of its root
---@param family sdme.Family?
---@return string[] mask, string[] unmask
function M.units(root, family)
    local mask <const>, unmask <const> = {}, {}
    local function is_masked(unit)
        return file.readlink(UNITS .. unit, { root = root }) == "/dev/null"
    end
    for _, unit in ipairs(family and family.mask or {}) do
        mask[#mask + 1] = not is_masked(unit) and unit or nil
    end
    for _, unit in ipairs(family and family.unmask or {}) do
        unmask[#unmask + 1] = is_masked(unit) and unit or nil
    end
    return mask, unmask
end

-- Images are made for other kinds of container too, and have units masked as those need it.
local function set_units(layers, family, context)
    local mask, unmask
    do
        local root <close> = view.stack(layers)
        mask, unmask = M.units(root, family)
    end
    if #mask == 0 and #unmask == 0 then
        return
    end
    add_layer(layers, { mask = mask, unmask = unmask }, "masks of units", context, function(layer)
        local tree <close> = upper.open(layer.tree, view.stack(layers), 0)
        for _, unit in ipairs(mask) do
            tree:mask(unit)
        end
        for _, unit in ipairs(unmask) do
            tree:delete(UNITS .. unit)
        end
    end)
end

---Tells what a system is, whether it can be booted, and else how that can be had; raises where it
---was to be and can't.
---@param root userdata a descriptor of its root, which may be where it is going to be copied from
---@param context table as for `prepare`
---@return { release: table, family: sdme.Family?, label: string, bootable: boolean,
--- manager: sdme.Manager? }
function M.look(root, context)
    local release <const> = os_release.read(root)
    local found <const> = {
        release = release, family = M.find(release), label = release.PRETTY_NAME or context.name,
    }
    found.bootable = M.is_bootable(root, found.family)
    if not found.bootable then
        found.manager = choose_manager(root, found.family, context, found.label)
    end
    return found
end

local function look_at(layers, context)
    local root <close> = view.stack(layers)
    return M.look(root, context)
end

local function check_installed(layers, found)
    local root <close> = view.stack(layers)
    if not M.is_bootable(root, found.family) then
        fault.raise("EIO", nil, "%s was to install systemd in %s, but it isn't there",
            found.manager.program, found.label)
    end
end

---Tells what system a new rootfs is, and makes it bootable where that is wanted.
---@param description table its layers and what else is known; `os` and `systemd` are added
---@param context table `options`, `transaction`, `progress`, `name`; `keep()`, which has what it is
--- made of kept for another try, should this one fail; `agreed` is what was answered to the
--- question whether systemd is to be installed
function M.prepare(description, context)
    local layers <const> = description.layers
    local found <const> = look_at(layers, context)
    local release <const>, family <const> = found.release, found.family
    description.os = {
        id = release.ID, version = release.VERSION_ID, name = release.PRETTY_NAME,
        family = family and family.name,
    }
    if found.manager then
        install(layers, family, found.manager, context)
        check_installed(layers, found)
    end
    description.systemd = found.bootable or found.manager ~= nil
    if description.systemd and context.options.install_packages ~= "no" then
        set_units(layers, family, context)
    end
end

return M
