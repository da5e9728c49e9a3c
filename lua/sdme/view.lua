-- What a stack of layers, or a container that isn't running, shows: a detached read-only mount, in
-- which everything has the owner that it has inside. It is in no mount table, and gone with its
-- descriptor.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local layer <const> = require "sdme.store.layer"
local store <const> = require "sdme.store"

local M <const> = {}

-- As many ids as a user namespace of ours has.
local COUNT <const> = 65536

-- The namespaces that map ids on the disk to what is to be seen, made once for each difference.
local function mapper(target)
    local made <const> = {}
    return function(base)
        if base == target then
            return nil
        end
        made[base] = made[base] or fault.check(core.userns.create(target, COUNT, base))
        return made[base]
    end
end

---The lowers of an overlay, for core.overlay.mount.
---@param ids string[] layers from the bottom to the top
---@param target integer? the host's id that user 0 of the layers is to appear as; 0 without
---@param checked boolean? whether they are known to be there
---@return { path: string, map_owners: userdata? }[] from the top to the bottom
function M.lowers(ids, target, checked)
    if not checked then
        layer.check(ids)
    end
    local map <const>, lowers <const> = mapper(target or 0), {}
    for i = #ids, 1, -1 do
        lowers[#lowers + 1] = {
            path = layer.path(ids[i]), map_owners = map(layer.base(ids[i])),
        }
    end
    return lowers
end

---Root file systems and their layers as one tree.
---@param ids string[] from the bottom to the top
---@param checked boolean? whether they are known to be there
---@return userdata descriptor of its root
function M.stack(ids, checked)
    return fault.check(core.overlay.mount { lowers = M.lowers(ids, 0, checked) })
end

---What a container that isn't running shows, or one of its applications, but for what is mounted
---below the root.
---@param description table the state of the container
---@param options { app: sdme.App?, above: string[]? }? `above` are layers on top of it all
---@return userdata descriptor of its root
function M.container(description, options)
    local app <const>, above <const> = (options or {}).app, (options or {}).above or {}
    local base <const> = description.userns and description.userns.base or 0
    local layers <const> = app and app.layers or description.layers
    local directory <const> = store.path("containers", description.name)
        .. (app and "/apps/" .. app.name or "")
    local lowers <const> = #above > 0 and M.lowers(above) or {}
    if not app or core.file.stat(directory .. "/upper") then
        lowers[#lowers + 1] = { path = directory .. "/upper", map_owners = mapper(0)(base) }
    end
    local below <const> = layers and M.lowers(layers) or { { path = "/" } }
    table.move(below, 1, #below, #lowers + 1, lowers)
    return fault.check(core.overlay.mount { lowers = lowers })
end

---What is below the upper layer of a container.
---@param description table
---@param checked boolean? whether its layers are known to be there
---@return userdata descriptor
function M.below(description, checked)
    if description.layers then
        return M.stack(description.layers, checked)
    end
    return fault.check(core.file.open_directory "/")
end

return M
