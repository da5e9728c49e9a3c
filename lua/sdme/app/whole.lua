-- A system and its applications as one tree, for what knows nothing of applications: each is copied
-- to where it is mounted in a container.

local app <const> = require "sdme.app"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local upper <const> = require "sdme.upper"
local view <const> = require "sdme.view"

local M <const> = {}

local function copy(one, source, tree)
    local _ <close> = source
    fault.check(core.tree.copy(".", tree .. app.root(one.name), { source_root = source }))
end

---Copies the applications into a layer that is to be on top of the others.
---@param description table of a rootfs or a container
---@param transaction sdme.Transaction which holds it
---@param options { stopped: boolean?, units: boolean? }? of a container that isn't running, what it
---has changed is copied too; with `units` the layer has the units that start them
---@return string[] ids of that layer; of none without applications
function M.layers(description, transaction, options)
    options = options or {}
    if #(description.apps or {}) == 0 then
        return {}
    end
    local new <close> = transaction:new()
    local layer <close> = upper.open(new.tree, view.stack(description.layers), 0)
    if options.units then
        app.prepare(layer, description)
    end
    for _, one in ipairs(description.apps) do
        layer:directory(app.root(one.name):match "^(.*)/")
        local source <const> = options.stopped and view.container(description, { app = one })
            or view.stack(one.layers)
        copy(one, source, new.tree)
    end
    return { transaction:add(new, { comment = "applications of " .. description.name }) }
end

return M
