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

-- An empty upper layer whose root is like that of the one below.
local function renew(directory, below)
    local stat <const> = fault.check(file.stat(below))
    fault.check(file.mkdir(directory .. "/upper.new", { mode = stat.mode }))
    fault.check(file.chown(directory .. "/upper.new", stat.uid, stat.gid))
    fault.check(file.chmod(directory .. "/upper.new", stat.mode))
    fault.check(core.tree.remove(directory .. "/work"))
    fault.check(file.mkdir(directory .. "/work", { mode = "0700" }))
    fault.check(file.rename(directory .. "/upper.new", directory .. "/upper"))
end

---Finishes a snapshot that is written down in a container's state. The caller holds its lock.
---@param description table
---@param go boolean? whether the rename is to happen if it hasn't yet
function M.finish(description, go)
    local id <const> = description.snapshot.id
    local directory <const> = store.path("containers", description.name)
    local tree <const> = layer.path(id)
    if go and not file.stat(tree) then
        fault.check(file.rename(directory .. "/upper", tree, { replace = false, sync = true }))
    end
    description.snapshot = nil
    if file.stat(tree) then
        if not file.stat(directory .. "/upper") then
            if file.stat(directory .. "/upper.new") then
                fault.check(core.tree.remove(directory .. "/upper.new"))
            end
            renew(directory, tree)
        end
        table.insert(description.layers, id)
    end
    M.write(description)
    if not file.stat(tree) then
        layer.collect { id }
    end
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
