-- The files of a container as it sees them: overlays of what it was made from and its own upper
-- layers, as detached mounts. A clone of the host has one for `/` and one for each mount below it.

local app <const> = require "sdme.app"
local clone <const> = require "sdme.clone"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local store <const> = require "sdme.store"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

---What is mounted below a container's root: mounts of the host, which a clone shows too, outer
---ones first; or the files of its applications.
---@param description table the container's state
---@return string[] paths
function M.submounts(description)
    if not description.layers then
        return clone.submounts(clone.hidden(description.settings))
    end
    local paths <const> = {}
    for i, one in ipairs(description.apps or {}) do
        paths[i] = app.root(one.name)
    end
    return paths
end

-- One directory name for a path.
local function encode(path)
    return (path:sub(2):gsub("[%%/]", function(character)
        return ("%%%02X"):format(character:byte())
    end))
end

---Where a container's own layer is, and its work directory.
---@param description table
---@param path string? of a mount below the root
---@return string directory
function M.directory(description, path)
    if not path or path == "/" then
        return store.path("containers", description.name)
    end
    local one <const> = app.at(description, path)
    if one then
        return store.path("containers", description.name, "apps", one.name)
    end
    return store.path("containers", description.name, "mounts", encode(path))
end

-- The layers below a container's own one, nil where that is a directory of the host.
local function layers_at(description, path)
    if path == "/" then
        return description.layers
    end
    local one <const> = app.at(description, path)
    return one and one.layers
end

---What is below a container's own layer.
---@param description table
---@param path string? of a mount below the root
---@return userdata descriptor of a directory
function M.below(description, path)
    local layers <const> = layers_at(description, path or "/")
    return layers and view.stack(layers) or fault.check(file.open_directory(path or "/"))
end

-- The layer of a mount below the root is made when it is first needed.
local function prepare(description, path)
    local directory <const> = M.directory(description, path)
    if not file.stat(directory .. "/work") then
        local below <close> = M.below(description, path)
        local stat <const> = fault.check(file.stat(".", { root = below }))
        local base <const> = description.userns and description.userns.base or 0
        fault.check(file.mkdir(directory, { mode = "0700", parents = true }))
        fault.check(file.mkdir(directory .. "/upper",
            { mode = stat.mode, uid = base + stat.uid, gid = base + stat.gid }))
        fault.check(file.mkdir(directory .. "/work", { mode = "0700" }))
    end
    return directory
end

local function lowers(description, path)
    local userns <const>, layers <const> = description.userns, layers_at(description, path)
    if layers then
        return view.lowers(layers, userns and userns.base)
    end
    local map <const> = userns and fault.check(core.userns.create(userns.base, userns.count))
    return { { path = path, map_owners = map or nil } }
end

-- The same lowers with their owners as they are on the disk.
local function plain(mapped)
    local paths <const> = {}
    for i, lower in ipairs(mapped) do
        paths[i] = { path = lower.path }
    end
    return paths
end

---Mounts a container's files, to be changed. Where the owners of a lower can't be mapped, they are
---shifted in the upper: without its content, by metacopy.
---@param description table
---@param options { path: string?, note: fun(...: string)? }? the root, or a mount below it; `note`
---is told when it takes long
---@return userdata mount detached
function M.mount(description, options)
    options = options or {}
    local path <const>, userns <const> = options.path or "/", description.userns
    local directory <const> = prepare(description, path)
    local overlay <const> = {
        lowers = lowers(description, path), upper = directory .. "/upper",
        work = directory .. "/work",
    }
    local mount, message, code = core.overlay.mount(overlay)
    if mount or code ~= "EUNSUPPORTED" or not userns then
        return fault.check(mount, message, code)
    elseif options.note then
        options.note(message, "; shifting owners instead")
    end
    overlay.lowers, overlay.metacopy = plain(overlay.lowers), true
    local shifted <const> = fault.check(core.overlay.mount(overlay))
    fault.check(core.tree.shift(".",
        { root = shifted, from = 0, to = userns.base, count = userns.count }))
    return shifted
end

return M
