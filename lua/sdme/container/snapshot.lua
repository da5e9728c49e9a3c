-- A container's present state as a rootfs.
--
-- Of a container on layers that isn't running, the upper layer becomes a layer of the store by one
-- rename, and the container goes on with an empty one above it. State and directories can't change
-- in one step, so what is about to happen is written down first (`snapshot` in the state): whoever
-- finds that later finishes it, or takes it back if the rename hasn't happened.
--
-- Everything else is copied: what runs, while it is frozen, and what a clone shows of the host.

local clone <const> = require "sdme.clone"
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

local file <const> = core.file

local M <const> = {}

local function base_of(description)
    return description.userns and description.userns.base or 0
end

local function describe(description, size)
    return {
        base = base_of(description), comment = "snapshot of " .. description.name,
        parent = description.layers and description.layers[#description.layers],
        size = size and size.size, entries = size and size.files + size.directories,
    }
end

-- The upper layer becomes the store's.
local function rename_upper(description, transaction)
    if #description.layers >= core.overlay.max_lowers - 1 then
        fault.raise("E2BIG", ("sdme fs export %s, and import it again"):format(description.name),
            "%s has %d layers, and the kernel takes no more", description.name,
            #description.layers)
    end
    local id <const> = transaction:reserve(describe(description))
    description.snapshot = { id = id }
    settle.write(description)
    settle.finish(description, true)
    return id
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

local function copy_upper(description, transaction)
    local size
    local new <close> = transaction:new(function(tree)
        size = fault.check(core.tree.copy(files.directory(description) .. "/upper", tree,
            { overlay = true }))
        add_submounts(description, tree)
    end)
    return transaction:add(new, describe(description, size))
end

-- What lies below the upper layer of a clone: the host's own files, copied.
local function import_host(transaction, description)
    local source <close> = sources.open "/"
    local layers <const> = sources.read(source,
        { transaction = transaction, hidden = clone.hidden(description.settings) })
    return layers
end

-- What is below a container's own layer.
local function layers_below(description, transaction)
    return description.layers and table.move(description.layers, 1, #description.layers, 1, {})
        or import_host(transaction, description)
end

-- Copies a container's own layer: of a running one, while it is frozen.
local function copied_layer(description, transaction)
    if not lifecycle.is_running(description.name) then
        return copy_upper(description, transaction)
    end
    return lifecycle.frozen(description.name, function()
        return copy_upper(description, transaction)
    end)
end

local function layers_of(description, transaction)
    local layers <const> = layers_below(description, transaction)
    local renames <const> = description.layers and not lifecycle.is_running(description.name)
    layers[#layers + 1] = (renames and rename_upper or copied_layer)(description, transaction)
    return layers
end

---Shows what a container is now, to be read: a copy of its own layer where that may change, and of
---the host's files for a clone. The caller holds the container's lock meanwhile.
---@param name string
---@param transaction sdme.Transaction which holds what was copied
---@return userdata descriptor of a tree
function M.view(name, transaction)
    local description <const> = settle.read(name)
    if description.layers and not lifecycle.is_running(name) then
        return view.container(description)
    end
    local layers <const> = layers_below(description, transaction)
    layers[#layers + 1] = copied_layer(description, transaction)
    return view.stack(layers)
end

---Makes a rootfs of what a container is now.
---@param name string of the container
---@param fs string of the rootfs
---@param options { force: boolean? }? `force` replaces a rootfs of that name
---@return sdme.Rootfs
function M.take(name, fs, options)
    local lock <close> = store.lock("container", name)
    local description <const> = settle.read(name)
    layer.check(description.layers or {}, "snapshot " .. name)
    local name_lock <close> = rootfs.reserve(fs, (options or {}).force)
    local transaction <close> = layer.begin()
    local layers <const> = layers_of(description, transaction)
    local system = description.os
    if not description.layers then
        local release <const> = os_release.host()
        system = { id = release.ID, version = release.VERSION_ID, name = release.PRETTY_NAME }
    end
    return rootfs.save(fs, {
        layers = layers, os = system, systemd = true,
        origin = { kind = "snapshot", source = name },
    }, transaction)
end

return M
