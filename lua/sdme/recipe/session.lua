-- Builds that go on together: each recipe is built once, whoever needs it.

local base <const> = require "sdme.recipe.base"
local builder <const> = require "sdme.recipe.builder"
local core <const> = require "sdme.core"
local distro <const> = require "sdme.distro"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local layer <const> = require "sdme.store.layer"
local os_release <const> = require "sdme.os_release"
local position <const> = require "sdme.recipe.position"
local progress <const> = require "sdme.progress"
local record <const> = require "sdme.recipe.record"
local recipes <const> = require "sdme.recipe"
local rootfs <const> = require "sdme.rootfs"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"
local view <const> = require "sdme.view"

local M <const> = {}

-- Seconds between two looks whether somebody else is done.
local INTERVAL <const> = 0.05

-- What is built of one recipe: `state` is "waiting", "running" or "done", `needs` the one that it
-- waits for.
---@class sdme.Build
---@field recipe sdme.Recipe
---@field name string? of the rootfs
---@field needs sdme.Build?
---@field result table? description
---@field failure any?

---@class sdme.BuildSession
---@field options sdme.BuildOptions
---@field progress sdme.progress.Progress
---@field builds table<sdme.Recipe, sdme.Build>
---@field names table<string, sdme.Build>
local Session <const> = {}
Session.__index = Session

---Takes a lock, and tells if somebody else has it.
---@param name string
---@param whose string
---@return userdata lock to be closed
function Session:wait_for_lock(name, whose)
    local told
    while true do
        local lock, message, code = core.lock.acquire(store.path("locks", name))
        if lock then
            return lock
        elseif code ~= "EAGAIN" then
            fault.raise(code, nil, "%s", message)
        elseif told == nil then
            told = false -- who sweeps has each lock for a moment
        elseif not told then
            local holder <const> = core.lock.holder(store.path("locks", name))
            self.progress:note(("waiting for %s%s"):format(whose,
                holder and (" (process %d)"):format(holder) or ""))
            told = true
        end
        task.sleep(INTERVAL)
    end
end

-- The builds that wait for each other, beginning with what `build` is about to wait for.
local function loop_of(build, needed)
    local names <const>, at = { tostring(build.recipe.name or build.recipe) }, needed
    while at do
        names[#names + 1] = tostring(at.recipe.name or at.recipe)
        if at == build then
            return table.concat(names, " -> ")
        end
        at = at.needs
    end
    return nil
end

local function add(session, recipe, name)
    local build <const> = session.builds[recipe] or { recipe = recipe, name = name or recipe.name }
    local other <const> = build.name and session.names[build.name]
    if other and other ~= build then
        fault.usage("two recipes are called %s", build.name)
    end
    session.builds[recipe] = build
    if build.name then
        session.names[build.name] = build
    end
    return build
end

local function wait_for(build)
    return {
        poll = function()
            return nil, nil, build.done and 0 or INTERVAL
        end,
        step = function()
            return build.done == true, true
        end,
    }
end

---What a recipe makes, built if it isn't yet.
---@param recipe sdme.Recipe
---@param by sdme.Build? which needs it
---@return table description with its layers
function Session:result(recipe, by)
    local build <const> = add(self, recipe)
    if by then
        local loop <const> = loop_of(by, build)
        if loop then
            fault.raise("ELOOP", nil, "recipes need each other: %s", loop)
        end
        by.needs = build
    end
    if build.running and not build.done then
        task.await(wait_for(build))
    elseif not build.done then
        self:run(build)
    end
    if by then
        by.needs = nil
    end
    if build.failure then
        error(build.failure, 0)
    end
    return build.result
end

-- Where the recipe begins: with another one, which may be of the same session by its name.
local function open_base(session, build, transaction)
    local from <const> = build.recipe.from
    local recipe <const> = recipes.is(from) and from
        or (session.names[from] or {}).recipe
    if not recipe then
        return base.open(build.recipe, transaction, session)
    end
    local found <const> = session:result(recipe, build)
    for _, id in ipairs(layer.named(found)) do
        transaction:use(id)
    end
    return found
end

---Raises where the result of a build could not have its name.
---@param b sdme.Builder
function Session:check_free(b)
    local name <const> = b.name
    if b.build.top and name and not self.options.force and rootfs.exists(name) then
        fault.raise("EEXIST", "--force replaces it, once the new one is complete",
            "a rootfs %s exists, and the recipe makes another one", name)
    end
end

-- The layers that steps made the last time, by the keys of the steps.
local function known_layers(before)
    local known <const> = {}
    for _, step in ipairs(before and before.steps or {}) do
        if step.key then
            known[step.key] = step.layer
        end
    end
    return known
end

local function copy(value)
    if type(value) ~= "table" then
        return value
    end
    local made <const> = setmetatable({}, getmetatable(value))
    for key, item in pairs(value) do
        made[key] = copy(item)
    end
    return made
end

local function new_builder(session, build, transaction)
    local found <const> = open_base(session, build, transaction)
    local before <const> = build.name and record.read(build.name)
    local kept <const> = {}
    for _, key in ipairs { "layers", "os", "systemd", "image", "apps", "origin" } do
        kept[key] = found[key]
    end
    return builder.new {
        recipe = build.recipe, name = build.name, label = build.name or "recipe", build = build,
        layers = table.move(found.layers, 1, #found.layers, 1, {}), transaction = transaction,
        config = copy((found.image or {}).config or {}), session = session, before = before,
        known = known_layers(before), record = {
            name = build.name, created = os.date "!%Y-%m-%dT%H:%M:%SZ", finished = false,
            base = kept, steps = {},
        },
    }
end

-- What the result is, as far as its files say.
local function look(description, base_of)
    if #description.layers == #base_of.layers then
        description.os, description.systemd = base_of.os, base_of.systemd
        return
    end
    local root <close> = view.stack(description.layers)
    local release <const> = os_release.read(root)
    local family <const> = distro.find(release)
    description.os = {
        id = release.ID, version = release.VERSION_ID, name = release.PRETTY_NAME,
        family = family and family.name,
    }
    description.systemd = distro.is_bootable(root, family)
end

local function history(b)
    local list <const> = {}
    for i, step in ipairs(b.record.steps) do
        list[i] = { kind = step.kind, what = step.what, where = step.where, layer = step.layer }
    end
    return json.array(list)
end

local function as_written(value)
    return value and json.encode(json.decode(json.encode(value), "it"))
end

local function same(a, b)
    for _, key in ipairs { "layers", "image", "apps" } do
        if as_written(a[key]) ~= as_written(b[key]) then
            return false
        end
    end
    return true
end

-- Gives the result its name, unless it has it.
local function save(session, b, description)
    local fine <const>, there <const> = pcall(rootfs.read, b.name)
    if fine and same(there, description) then
        return
    end
    session:check_free(b)
    local lock <close> = rootfs.reserve(b.name, session.options.force)
    rootfs.save(b.name, description, b.transaction)
end

local function finish(session, b)
    local description <const> = b:description()
    look(description, b.record.base)
    description.origin = {
        kind = "recipe", source = b.recipe.source, base = (b.record.base.origin or {}).source,
    }
    description.history = history(b)
    if b.build.top then
        save(session, b, description)
    end
    b.record.finished = true
    if not b.before or not b.before.finished or b.made then
        b:save()
    end
    return description
end

-- What no recipe made isn't replaced by one; told before anything is done for nothing.
local function check_foreign(session, b)
    local fine <const>, there <const> = pcall(rootfs.read, b.name)
    if b.build.top and not (fine and (there.origin or {}).kind == "recipe") then
        session:check_free(b)
    end
end

local function build_one(session, build)
    local lock <close> = build.name
        and session:wait_for_lock(record.lock_name(build.name),
            "another build of " .. build.name)
    local transaction <close> = layer.begin()
    local b <const> = new_builder(session, build, transaction)
    check_foreign(session, b)
    if build.recipe.make then
        local fine <const>, why <const> = xpcall(build.recipe.make, fault.catch, b,
            session.options.arg or {})
        if not fine then
            pcall(b.save, b) -- what is there can be entered; why it failed is what counts
            error(position.fault(why, build.recipe.source), 0)
        end
    end
    local description <const> = finish(session, b)
    -- Until all is done, others may need what has no name.
    session.transaction:replace(layer.named(description))
    return description
end

---@param build sdme.Build
function Session:run(build)
    build.running = true
    local began <const> = core.poll.now()
    local fine <const>, result <const> = xpcall(build_one, fault.catch, self, build)
    build.done, build.needs = true, nil
    if fine then
        build.result = result
        self.progress:note(("%s: %d steps, %.2f s"):format(build.name or "recipe",
            #result.history, core.poll.now() - began))
    else
        build.failure = result
    end
end

---Builds recipes side by side.
---@param list sdme.Recipe[]
---@param options sdme.BuildOptions
---@return sdme.Rootfs ...
function M.build(list, options)
    local shown <close> = progress.new { quiet = options.quiet }
    local session <const> = setmetatable(
        { options = options, progress = shown, builds = {}, names = {} }, Session)
    local functions <const> = {}
    for i, recipe in ipairs(list) do
        local build <const> = add(session, recipe, options.name)
        if not build.name then
            fault.usage("the recipe in %s has no name", recipe.source)
        end
        build.top = true
        functions[i] = function()
            session:result(recipe)
            return rootfs.get(build.name)
        end
    end
    store.prepare()
    layer.sweep()
    local transaction <close> = layer.begin()
    session.transaction = transaction
    if #functions == 1 then
        return functions[1]()
    end
    return task.all(table.unpack(functions))
end

return M
