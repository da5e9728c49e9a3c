-- Finishing what a command that was killed had begun with a container's files: see snapshot.lua.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local layer <const> = require "sdme.store.layer"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"

local file <const> = core.file

local M <const> = {}

---Writes a container's state.
---@param description table
function M.write(description)
    state.write(store.path("containers", description.name, "state.json"), description)
end

-- What is to be made anew may be there already, or half of it: an earlier try was killed.
local function remove(path)
    if file.stat(path) then
        fault.check(core.tree.remove(path))
    end
end

-- An empty upper layer whose root is like that of the one below.
local function renew(directory, below)
    remove(directory .. "/upper.new")
    local stat <const> = fault.check(file.stat(below))
    fault.check(file.mkdir(directory .. "/upper.new", { mode = stat.mode }))
    fault.check(file.chown(directory .. "/upper.new", stat.uid, stat.gid))
    fault.check(file.chmod(directory .. "/upper.new", stat.mode))
    remove(directory .. "/work")
    fault.check(file.mkdir(directory .. "/work", { mode = "0700" }))
    fault.check(file.rename(directory .. "/upper.new", directory .. "/upper"))
end

-- What of a container is to become layers: its own upper, and those of its applications.
local function parts_of(description)
    local snapshot <const> = description.snapshot
    local directory <const> = store.path("containers", description.name)
    local parts <const> = {
        { id = snapshot.id, layers = description.layers, directory = directory },
    }
    for _, one in ipairs(description.apps or {}) do
        parts[#parts + 1] = snapshot.apps and snapshot.apps[one.name] and {
            id = snapshot.apps[one.name], layers = one.layers,
            directory = directory .. "/apps/" .. one.name,
        } or nil
    end
    return parts
end

local function finish(part, go)
    local tree <const> = layer.path(part.id)
    if go and not file.stat(tree) then
        fault.check(file.rename(part.directory .. "/upper", tree, { replace = false, sync = true }))
    end
    if file.stat(tree) then
        if not file.stat(part.directory .. "/upper") then
            renew(part.directory, tree)
        end
        table.insert(part.layers, part.id)
    elseif file.stat(store.path("layers", part.id)) then
        store.discard(store.path("layers", part.id)) -- a place that nothing came to
    end
end

---Finishes a snapshot that is written down in a container's state. The caller holds its lock.
---@param description table
---@param go boolean? whether the renames are to happen that haven't yet
function M.finish(description, go)
    for _, part in ipairs(parts_of(description)) do
        finish(part, go)
    end
    description.snapshot = nil
    M.write(description)
end

---The state of a container that isn't half-way between two. The caller holds its lock.
---@param name string
---@return table
function M.read(name)
    local description <const> = state.container(name)
    if description.snapshot then
        M.finish(description)
    end
    return description
end

return M
