-- Making a container: all of it in staging, then one rename.

local app <const> = require "sdme.app"
local clone <const> = require "sdme.clone"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local generate <const> = require "sdme.generate"
local lifecycle <const> = require "sdme.container.lifecycle"
local layers <const> = require "sdme.store.layer"
local personal <const> = require "sdme.personal"
local pod <const> = require "sdme.pod"
local range <const> = require "sdme.store.range"
local rootfs <const> = require "sdme.rootfs"
local secret <const> = require "sdme.secret"
local setting <const> = require "sdme.setting"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"
local unit <const> = require "sdme.unit.container"
local units <const> = require "sdme.container.unit"
local upper <const> = require "sdme.upper"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

local function choose_name(name)
    if name then
        lifecycle.check_free(name, "create " .. name)
        return name
    end
    return generate.name(function(candidate)
        return lifecycle.holder(candidate) ~= nil
    end)
end

local function build(directory, description)
    local base <const> = description.userns and description.userns.base or 0
    local below <close> = view.below(description, description.settings.fs ~= nil)
    local root <const> = fault.check(file.stat(".", { root = below }))
    local path <const> = directory .. "/upper"
    fault.check(file.mkdir(path,
        { mode = root.mode, uid = base + root.uid, gid = base + root.gid }))
    fault.check(file.mkdir(directory .. "/work", { mode = "0700" }))
    fault.check(file.mkdir(directory .. "/root", { mode = "0755" }))
    local layer <close> = upper.open(path, below, base)
    if not description.layers then
        clone.prepare(layer, description.settings)
    end
    if not description.build then
        personal.prepare(layer, description.name, description.settings)
    end
    app.prepare(layer, description)
    state.write(directory .. "/state.json", description)
end

-- The layers of a rootfs are the container's own from here on: another one may get its name.
local function make(description, guest)
    local _ <close> = pod.hold(description.settings, "create " .. description.name)
    local _ <close> = secret.hold(description.settings, "create " .. description.name)
    local _ <close> = layers.hold()
    if guest then
        description.build = { recipe = guest.recipe, stage = guest.stage }
        description.layers, description.os = guest.layers(description), guest.os
    end
    if description.settings.fs then
        local found <const> = rootfs.read(description.settings.fs)
        description.layers, description.os, description.apps = found.layers, found.os, found.apps
        layers.write_out(layers.check(layers.named(found)))
    end
    app.check(description, "create " .. description.name)
    local stage <close> = store.stage()
    build(stage.path, description)
    stage:commit(store.path("containers", description.name))
end

-- Takes back what `create` did, when a later part of it fails.
local function undo(description)
    local path <const> = store.path("containers", description.name)
    unit.uninstall(description.name)
    if file.stat(path) then
        store.discard(path)
    end
    file.remove(store.path("ephemeral", description.name))
    range.release(description.userns, description.name)
end

---A container that is there for a step of a build, and goes with it: what is its own, such as its
---name, is in a layer below its upper one, which so has nothing but what the step does.
---@class sdme.BuildGuest
---@field recipe string what is built
---@field stage string the stage of the new layer: whoever holds that has the container
---@field layers fun(description: table): string[] what it is made of
---@field os table?

---Makes a container that isn't running. Whoever holds its lock decides what comes next: nobody
---else can start or remove it before.
---@param options table the settings, as `sdme.create` takes them
---@param how { allow: "create"|"new", flags: boolean?, build: sdme.BuildGuest?,
---definition: table? } `definition` says which one of a pod it is made for: see sdme.pod.plan
---@return string name
---@return table settings checked
---@return userdata lock
function M.create(options, how)
    local settings <const> = setting.check(options, how)
    store.prepare()
    lifecycle.sweep()
    local name <const> = choose_name(settings.name)
    local lock <const> = store.lock("container", name)
    local description <const> = { name = name, created = os.date "!%Y-%m-%dT%H:%M:%SZ" }
    local ok, why = pcall(function()
        choose_name(name) -- again, now that nobody else can take it
        description.settings, description.definition = setting.stored(settings), how.definition
        description.userns = settings.userns and range.pick(name) or nil
        if how.build or settings.ephemeral and (how.allow == "new" or settings.started) then
            lifecycle.mark_ephemeral(name)
        end
        make(description, how.build)
        units.install(description)
        if settings.enable then
            lifecycle.enable(name)
        end
    end)
    if ok then
        return name, settings, lock
    end
    if description.settings then
        undo(description)
    end
    lock:close()
    error(why, 0)
end

return M
