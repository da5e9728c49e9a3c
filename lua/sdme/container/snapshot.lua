-- A container's present state as a rootfs.
--
-- Of a container on layers that isn't running, the upper layer becomes a layer of the store by one
-- rename, and the container goes on with an empty one above it; so do those of its applications.
-- State and directories can't change
-- in one step, so what is about to happen is written down first (`snapshot` in the state): whoever
-- finds that later finishes it, or takes it back if the rename hasn't happened.
--
-- Everything else is copied: what runs, while it is frozen, and what a clone shows of the host.

local app <const> = require "sdme.app"
local clone <const> = require "sdme.clone"
local compose <const> = require "sdme.oci.compose"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local files <const> = require "sdme.container.files"
local layer <const> = require "sdme.store.layer"
local lifecycle <const> = require "sdme.container.lifecycle"
local os_release <const> = require "sdme.os_release"
local rootfs <const> = require "sdme.rootfs"
local settle <const> = require "sdme.container.settle"
local sources <const> = require "sdme.source"
local store <const> = require "sdme.store"
local view <const> = require "sdme.view"
local whole <const> = require "sdme.app.whole"

local file <const> = core.file

local M <const> = {}

local function base_of(description)
    return description.userns and description.userns.base or 0
end

local function describe(description, layers, size)
    return {
        base = base_of(description), comment = "snapshot of " .. description.name,
        parent = layers and layers[#layers],
        size = size and size.size, entries = size and size.files + size.directories,
    }
end

local function check_room(description, layers)
    if #layers >= core.overlay.max_lowers - 1 then
        fault.raise("E2BIG", ("sdme fs export %s, and import it again"):format(description.name),
            "%s has %d layers, and the kernel takes no more", description.name, #layers)
    end
end

-- An application's own layer; nil before it has one.
local function upper_of(description, one)
    local upper <const> = files.directory(description, app.root(one.name)) .. "/upper"
    return file.stat(upper) and upper or nil
end

-- The upper layers become the store's.
local function rename_uppers(description, transaction)
    check_room(description, description.layers)
    local snapshot <const> = { id = transaction:reserve(describe(description, description.layers)) }
    for _, one in ipairs(description.apps or {}) do
        if upper_of(description, one) then
            check_room(description, one.layers)
            snapshot.apps = snapshot.apps or {}
            snapshot.apps[one.name] = transaction:reserve(describe(description, one.layers))
        end
    end
    description.snapshot = snapshot
    settle.write(description)
    settle.finish(description, true)
end

-- What a container has of its own for a mount below its root, put where it is mounted.
local function add_submounts(description, tree)
    for _, path in ipairs(files.submounts(description)) do
        local upper <const> = files.directory(description, path) .. "/upper"
        if file.stat(upper) then
            local target <const> = tree .. path
            if file.stat(target) then
                fault.check(core.tree.remove(target))
            end
            fault.check(file.mkdir(target:match "^(.*)/", { parents = true }))
            fault.check(core.tree.copy(upper, target, { overlay = true }))
        end
    end
end

-- Copies an upper layer on top of `layers`.
local function copy(description, upper, layers, transaction)
    local size
    local new <close> = transaction:new(function(tree)
        size = fault.check(core.tree.copy(upper, tree, { overlay = true }))
        if upper == files.directory(description) .. "/upper" and not description.layers then
            add_submounts(description, tree)
        end
    end)
    layers[#layers + 1] = transaction:add(new, describe(description, layers, size))
end

-- Copies a container's own layer and those of its applications on top of what is below them.
local function copy_uppers(description, taken, transaction)
    copy(description, files.directory(description) .. "/upper", taken.layers, transaction)
    for _, one in ipairs(taken.apps or {}) do
        local upper <const> = upper_of(description, one)
        if upper then
            copy(description, upper, one.layers, transaction)
        end
    end
end

-- What lies below the upper layer of a clone: the host's own files, copied.
local function import_host(transaction, description)
    local source <close> = sources.open "/"
    local layers <const> = sources.read(source,
        { transaction = transaction, hidden = clone.hidden(description.settings) })
    return layers
end

local function copy_list(list)
    return table.move(list, 1, #list, 1, {})
end

-- What is below a container's own layer, and those of its applications.
local function taken_below(description, transaction)
    local taken <const> = { name = description.name }
    taken.layers = description.layers and copy_list(description.layers)
        or import_host(transaction, description)
    for i, one in ipairs(description.apps or {}) do
        taken.apps = taken.apps or {}
        taken.apps[i] = {}
        for key, value in pairs(one) do
            taken.apps[i][key] = value
        end
        taken.apps[i].layers = copy_list(one.layers)
    end
    return taken
end

-- The layers of what a container is now: made by renaming, or by copying; of what runs, while it is
-- frozen.
local function take_layers(description, transaction)
    local running <const> = lifecycle.is_running(description.name)
    if description.layers and not running then
        rename_uppers(description, transaction)
        return description
    end
    local taken <const> = taken_below(description, transaction)
    if not running then
        copy_uppers(description, taken, transaction)
    else
        lifecycle.frozen(description.name, function()
            copy_uppers(description, taken, transaction)
        end)
    end
    return taken
end

---Shows what a container is now, to be read: a copy of its own layers where they may change, and of
---the host's files for a clone. The caller holds the container's lock meanwhile.
---@param name string
---@param transaction sdme.Transaction which holds what was copied
---@return userdata descriptor of a tree
function M.view(name, transaction)
    local description <const> = settle.read(name)
    if description.layers and not lifecycle.is_running(name) then
        return view.container(description,
            { above = whole.layers(description, transaction, { stopped = true }) })
    end
    local taken <const> = take_layers(description, transaction)
    local above <const> = whole.layers(taken, transaction)
    return view.stack(table.move(above, 1, #above, #taken.layers + 1, taken.layers))
end

-- The own layer of a container that isn't running, or of an application in it.
local function own_part(description, app_name)
    local upper = files.directory(description) .. "/upper"
    if app_name then
        upper = upper_of(description, { name = app_name })
    end
    return upper and { path = upper, base = base_of(description), blobs = {} }
end

-- The image that a container was made from, which says how it runs.
local function image_of(description)
    local fine <const>, found <const> = pcall(rootfs.read, description.settings.fs)
    return fine and found.image or nil
end

---What a container is now, as layers that may go out as an image. The caller holds its lock.
---@param name string
---@param transaction sdme.Transaction which holds what was copied
---@param options { app: string? }? the image of that application in it
---@return sdme.oci.Composition
function M.compose(name, transaction, options)
    local description <const>, app_name <const> = settle.read(name), (options or {}).app
    local more <const> = { image = image_of(description), created = description.created }
    if description.layers and not lifecycle.is_running(name) then
        return compose.of(setmetatable(more, { __index = description }),
            { app = app_name, own = own_part(description, app_name) })
    end
    local taken <const> = take_layers(description, transaction)
    return compose.of(setmetatable(more, { __index = taken }), { app = app_name })
end

---Makes a rootfs of what a container is now.
---@param name string of the container
---@param fs string of the rootfs
---@param options { force: boolean? }? `force` replaces a rootfs of that name
---@return sdme.Rootfs
function M.take(name, fs, options)
    local lock <close> = store.lock("container", name)
    local description <const> = settle.read(name)
    layer.check(layer.named(description), "snapshot " .. name)
    local name_lock <close> = rootfs.reserve(fs, (options or {}).force)
    local transaction <close> = layer.begin()
    local taken <const> = take_layers(description, transaction)
    local system = description.os
    if not description.layers then
        local release <const> = os_release.host()
        system = { id = release.ID, version = release.VERSION_ID, name = release.PRETTY_NAME }
    end
    return rootfs.save(fs, {
        layers = taken.layers, apps = taken.apps, os = system, systemd = true,
        origin = { kind = "snapshot", source = name },
    }, transaction)
end

return M
