-- A system and its applications as one tree, for what knows nothing of applications: each is copied
-- to where it is mounted in a container, and its units find there all that they need.

local app <const> = require "sdme.app"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local guest_program <const> = require "sdme.guest_program"
local upper <const> = require "sdme.upper"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

-- With the application comes what a launcher of ours would give it.
local function copy(one, source, tree)
    local _ <close> = source
    local root <const> = tree .. app.root(one.name)
    fault.check(core.tree.copy(".", root, { source_root = source }))
    local programs <const> = root .. app.PROGRAMS
    if file.stat(programs) then
        fault.check(core.tree.remove(programs))
    end
    fault.check(core.tree.copy(guest_program.path("isolate"):match "^(.*)/", programs))
    local run <const>, run_root <close> = tree .. app.run(one.name),
        file.open_directory("/run", { root = source })
    if run_root then
        fault.check(core.tree.copy(".", run, { source_root = run_root }))
    else
        fault.check(file.mkdir(run, { mode = "0755", uid = 0, gid = 0 }))
    end
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
