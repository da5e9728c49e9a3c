-- What lies in the data directory and is of no use any more.

local core <const> = require "sdme.core"
local kept <const> = require "sdme.oci.kept"
local layer <const> = require "sdme.store.layer"
local pull <const> = require "sdme.store.pull"
local store <const> = require "sdme.store"

local M <const> = {}

local function unfinished()
    local list <const> = {}
    for _, stage in ipairs(store.stages()) do
        if not stage.alive then
            list[#list + 1] = { kind = "unfinished", name = stage.path:match "[^/]+$" }
        end
    end
    return list
end

---Removes layers that nothing refers to, what commands that were killed have left, the layers of
---images that nobody has gone on pulling for a week, and kept blobs of layers that are gone.
---@param options { dry_run: boolean? }?
---@return { kind: "unfinished"|"layer"|"blob", name: string }[] what was, or would be, removed
function M.collect(options)
    store.prepare()
    local found <const> = unfinished()
    local dry <const> = (options or {}).dry_run
    if not dry then
        layer.sweep()
        pull.forget { old = true }
    end
    local ids <const> = layer.garbage()
    for _, id in ipairs(dry and ids or layer.collect(ids)) do
        found[#found + 1] = { kind = "layer", name = id }
    end
    for _, one in ipairs(kept.garbage()) do
        found[#found + 1] = { kind = "blob", name = one.name, size = one.size }
        if not dry then
            core.file.remove(one.path)
        end
    end
    return found
end

return M
