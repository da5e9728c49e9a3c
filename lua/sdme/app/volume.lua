-- The volumes that images name: directories of the host, each with what the image has there when it
-- is first used. They outlive their container, and one of the same name gets them again.

local app <const> = require "sdme.app"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local store <const> = require "sdme.store"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

-- Longer names would be too long for the host's filesystem; they become digests.
local LONGEST <const> = 200

-- One name for an application and a path in it.
local function encode(one, path)
    local name <const> = (one.name .. path):gsub("[%%/]", function(character)
        return ("%%%02X"):format(character:byte())
    end)
    return #name <= LONGEST and name
        or one.name .. "-" .. core.digest.new("sha256"):update(name):hex()
end

-- A bind of the user's that takes a volume's place.
local function is_bound(settings, path)
    for _, bind in ipairs(settings.bind or {}) do
        if bind.target == path then
            return true
        end
    end
    return false
end

-- What an application's image has at a path; nil where there is nothing.
local function open_image(one, path)
    if #one.layers == 0 then
        return nil
    end
    local image <close> = view.stack(one.layers)
    local content <const>, why <const>, code <const> = file.open_directory(path, { root = image })
    if not content and code == "ENOENT" then
        return nil
    end
    return fault.check(content, why, code)
end

-- Fills a new volume with that.
local function copy_up(one, path, directory)
    local content <close> = open_image(one, path)
    if content then
        fault.check(core.tree.copy(".", directory, { source_root = content }))
    else
        fault.check(file.mkdir(directory, { mode = "0755", uid = 0, gid = 0 }))
    end
end

local function make(parent, name, one, path)
    local directory <const> = parent .. "/" .. name
    if not file.stat(directory) then
        local stage <close> = store.stage()
        copy_up(one, path, stage.path .. "/volume")
        fault.check(file.mkdir(parent, { mode = "0700", parents = true }))
        fault.check(file.rename(stage.path .. "/volume", directory,
            { replace = false, sync = true }))
    end
    return directory
end

local function make_own(description, one, path)
    return make(store.path("volumes", description.name), encode(one, path), one, path)
end

---Where a volume is that containers of a pod share.
---@param pod string
---@param name string
---@return string directory of the host
function M.shared(pod, name)
    return store.path("volumes", "@" .. pod, name)
end

---Makes one, unless it is there, with what an application has at a path.
---@param pod string
---@param name string
---@param one sdme.App? without one it is empty
---@param path string
function M.make_shared(pod, name, one, path)
    local _ <close> = store.lock("container", "@" .. pod)
    make(store.path("volumes", "@" .. pod), name, one or { layers = {} }, path)
end

-- Where a path of an application's really is in the container: the application may have links on
-- the way, and they lead nowhere out of its root.
local function resolve(one, path, root, base)
    local options <const> = { root = root, parents = true, mode = "0755", uid = base, gid = base }
    fault.check(file.mkdir(path, options))
    local top <const> = fault.check(file.readlink("/proc/self/fd/" .. root:fileno()))
    local found <close> = fault.check(file.open_directory(path, { root = root }))
    local real <const> = fault.check(file.readlink("/proc/self/fd/" .. found:fileno()))
    if real == top or real:sub(1, #top + 1) ~= top .. "/" then
        fault.raise("EINVAL", "--no-oci-volumes does without",
            "application %s: its volume %s is its whole root", one.name, path)
    end
    return app.root(one.name) .. real:sub(#top + 1)
end

-- The paths of an application's volumes.
local function wanted(description, one)
    local paths <const> = {}
    for _, path in ipairs(description.settings.no_oci_volumes and {} or one.config.volumes or {}) do
        if not is_bound(description.settings, app.root(one.name) .. path) then
            paths[#paths + 1] = path
        end
    end
    return paths
end

---Makes the volumes of an application that are missing, and the directories to mount them on.
---@param description table the state of the container
---@param one sdme.App
---@param root userdata a descriptor of the application's mounted root
---@param base integer
---@return { source: string, target: string, read_only: boolean }[] binds
function M.prepare(description, one, root, base)
    local binds <const> = {}
    for _, path in ipairs(wanted(description, one)) do
        binds[#binds + 1] = {
            source = make_own(description, one, path), target = resolve(one, path, root, base),
            read_only = false,
        }
    end
    return binds
end

---The volume that a path of a container is in.
---@param description table
---@param path string
---@return string? directory of the host
---@return string? rest of the path
function M.holding(description, path)
    local one <const>, inner <const> = app.holding(description, path)
    local found, rest
    for _, volume in ipairs(one and wanted(description, one) or {}) do
        if (inner .. "/"):sub(1, #volume + 1) == volume .. "/" then
            found, rest = volume, inner:sub(#volume + 1)
        end
    end
    return found and make_own(description, one, found), rest
end

-- Whether there still is who the volumes are of: a container, or a pod behind an "@".
local function has_owner(owner)
    local pod <const> = owner:match "^@(.*)$"
    return file.stat(pod and store.path("pods", pod .. ".json")
        or store.path("containers", owner)) ~= nil
end

---The volumes that no container has any more, nor the containers of a pod.
---@return { name: string, path: string }[]
function M.left()
    local left <const> = {}
    for _, container in ipairs(file.list(store.path "volumes") or {}) do
        local path <const> = store.path("volumes", container)
        for _, name in ipairs(not has_owner(container) and file.list(path) or {}) do
            left[#left + 1] = {
                name = container .. "/" .. name, container = container, path = path .. "/" .. name,
            }
        end
    end
    return left
end

---Removes one that no container has any more.
---@param name string as `left` gives it
function M.remove(name)
    local container <const> = name:match "^[^/]+"
    local lock <close> = store.lock("container", container)
    for _, one in ipairs(M.left()) do
        if one.name == name then
            store.discard(one.path)
            file.remove(store.path("volumes", container)) -- unless it has others
        end
    end
end

---Gives the volumes of a container to the new name of that.
---@param old string
---@param new string
function M.rename(old, new)
    if file.stat(store.path("volumes", old)) then
        fault.check(file.rename(store.path("volumes", old), store.path("volumes", new),
            { replace = false, sync = true }))
    end
end

---Raises where a container can't take its volumes to a new name, because there are some of that.
---@param old string
---@param new string
function M.check_rename(old, new)
    if file.stat(store.path("volumes", old)) and file.stat(store.path("volumes", new)) then
        fault.raise("EEXIST", "`sdme prune` removes those that nothing uses",
            "rename %s: there are volumes of a former %s", old, new)
    end
end

return M
