-- Copying between this host, containers and root filesystems.
--
-- Every path in a container is resolved inside its root, whatever links its guest puts there
-- meanwhile; owners are those that the files have inside. What is copied gets a name of its own
-- beside the target and the target's when it is complete.

local app <const> = require "sdme.app"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local files <const> = require "sdme.container.files"
local host <const> = require "sdme.host"
local layer <const> = require "sdme.store.layer"
local lifecycle <const> = require "sdme.container.lifecycle"
local rootfs <const> = require "sdme.rootfs"
local settle <const> = require "sdme.container.settle"
local store <const> = require "sdme.store"
local view <const> = require "sdme.view"
local volume <const> = require "sdme.app.volume"

local file <const>, tree <const> = core.file, core.tree

local M <const> = {}

-- As many ids as a user namespace of ours has.
local COUNT <const> = 65536

---@class sdme.Place where something is copied from, or to
---@field name string for messages
---@field path string in the root
---@field root userdata? nil is this host's
---@field base integer the id on the disk of its user 0
---@field read_only boolean?
local Place <const> = {}
Place.__index = Place

function Place:close()
    for _, held in ipairs { "root", "transaction", "lock" } do
        if self[held] then
            self[held]:close()
            self[held] = nil
        end
    end
end
Place.__close = Place.close

local function open_rootfs(place, name)
    place.transaction = layer.begin()
    local description <const> = rootfs.read(name)
    local one <const>, rest <const> = app.holding(description, place.path)
    local layers <const> = one and one.layers or description.layers
    place.path = one and (rest == "" and "/" or rest) or place.path
    for _, id in ipairs(layers) do
        place.transaction:use(id)
    end
    place.root, place.base, place.read_only = view.stack(layers), 0, true
end

-- The mount of a clone that a path is on: the root, or one below it.
local function mount_of(description, path)
    local found = "/"
    for _, mount in ipairs(files.submounts(description)) do
        if path == mount or path:sub(1, #mount + 1) == mount .. "/" then
            found = mount
        end
    end
    return found
end

local function open_stopped(place, description)
    local held <const>, rest <const> = volume.holding(description, place.path)
    if held then
        place.root, place.base = fault.check(file.open_directory(held)), 0
        place.path = rest == "" and "/" or rest
        return
    end
    local mount <const> = mount_of(description, place.path)
    place.root = files.mount(description, { path = mount })
    if mount ~= "/" then
        place.path = #place.path > #mount and place.path:sub(#mount + 1) or "/"
    end
end

local function open_container(place, name)
    place.lock = store.lock("container", name)
    lifecycle.read(name)
    local description <const> = settle.read(name)
    place.base = description.userns and description.userns.base or 0
    local machine <const> = lifecycle.is_running(name) and host.machines():get(name)
    if not machine then
        return open_stopped(place, description)
    end
    place.root = fault.check(file.open_directory(("/proc/%d/root"):format(machine.leader)))
    place.lock:close()
    place.lock = nil
end

-- "NAME:/path", "fs:NAME:/path", or a path of this host.
local function parse(text)
    local fs <const>, fs_path <const> = text:match "^fs:([a-z][a-z0-9-]*):(.*)$"
    if fs then
        return fs_path, fs, open_rootfs
    end
    local name <const>, path <const> = text:match "^([a-z][a-z0-9-]*):(.*)$"
    if name then
        return path, require("sdme.container").get(name).name, open_container
    end
    return text
end

---@param text string
---@return boolean whether it is a path of this host
function M.is_host_path(text)
    return not (text:find "^fs:[a-z][a-z0-9-]*:" or text:find "^[a-z][a-z0-9-]*:")
end

---Opens what holds a path.
---@param text string "NAME:/path", "fs:NAME:/path", or a path of this host
---@return sdme.Place # to be closed; a container that isn't running can't be started until then
function M.open(text)
    local path, name, opener = parse(text)
    if opener and not path:find "^/" then
        path = "/" .. path
    end
    local place <const> = setmetatable({ name = text, path = path, base = 0 }, Place)
    if opener then
        local fine <const>, why <const> = pcall(opener, place, name)
        if not fine then
            place:close()
            error(why, 0)
        end
    end
    return place
end

local function stat(place, path, follow)
    return file.stat(path, { root = place.root, follow = follow })
end

local function last_name(path)
    local name <const> = path:match "([^/]+)/*$"
    return name ~= "." and name ~= ".." and name or nil
end

-- Where the copy goes: into a directory that is there under the source's name, else to that name.
local function choose_target(from, to)
    local there <const> = stat(to, to.path, true)
    if there and there.type == "directory" then
        local name <const> = last_name(from.path)
        if not name then
            fault.usage("%s has no name to be copied under: give one in %s", from.name, to.name)
        end
        return (to.path:gsub("/*$", "")) .. "/" .. name
    elseif to.path:find "/$" then
        fault.raise("ENOTDIR", nil, "%s is no directory", to.name)
    end
    local parent <const> = stat(to, to.path:match "^(.*/)[^/]*$" or ".", true)
    if not parent or parent.type ~= "directory" then
        fault.raise("ENOENT", nil, "%s: there is no directory for it", to.name)
    end
    return to.path
end

local function temporary(target)
    local random <const> = fault.check(core.digest.random(8)):gsub(".", function(byte)
        return ("%02x"):format(byte:byte())
    end)
    return (target:match "^(.*/)[^/]*$" or "") .. ".sdme-" .. random
end

local function replace(from, path, to, target)
    local new <const> = temporary(target)
    fault.check(tree.copy(path, new, {
        source_root = from.root, target_root = to.root,
        shift = from.base ~= to.base and { from = from.base, to = to.base, count = COUNT } or nil,
    }))
    local renamed <const>, message <const>, code <const> =
        file.rename(new, target, { root = to.root })
    if not renamed then
        tree.remove(new, { root = to.root })
        fault.check(renamed, message, code)
    end
end

-- Directories that are on both sides become one; anything else replaces what isn't a directory.
local function merge(from, path, to, target)
    local source <const> = fault.check(stat(from, path))
    local there <const> = stat(to, target)
    if not there or source.type ~= "directory" and there.type ~= "directory" then
        return replace(from, path, to, target)
    elseif source.type ~= there.type then
        fault.raise("EEXIST", "remove it first", "%s: %s is a %s there, and a %s here", to.name,
            target, there.type, source.type)
    end
    local directory <close> = fault.check(file.open_directory(path, { root = from.root }))
    for _, name in ipairs(fault.check(file.list(".", { root = directory }))) do
        merge(from, path .. "/" .. name, to, target .. "/" .. name)
    end
end

---Copies a file, or a directory and all below it.
---@param source string "NAME:/path", "fs:NAME:/path", or a path of this host
---@param destination string the same; a directory that exists gets it under its own name
function M.run(source, destination)
    local from <close> = M.open(source)
    local to <close> = M.open(destination)
    if to.read_only then
        fault.raise("EROFS", "change a container of it, and take a snapshot",
            "%s: a rootfs never changes", destination)
    elseif not stat(from, from.path) then
        fault.raise("ENOENT", nil, "there is no %s", source)
    end
    local path <const> = #from.path > 1 and from.path:gsub("/+$", "") or from.path
    merge(from, path, to, choose_target(from, to))
end

return M
