-- Doing what a plan says: containers come side by side, each behind those that it waits for, and go
-- the other way round.

local change <const> = require "sdme.container.change"
local create <const> = require "sdme.container.create"
local fault <const> = require "sdme.fault"
local lifecycle <const> = require "sdme.container.lifecycle"
local made <const> = require "sdme.pod.made"
local order <const> = require "sdme.pod.order"
local plan <const> = require "sdme.pod.plan"
local pods <const> = require "sdme.pod"
local progress <const> = require "sdme.progress"
local ready <const> = require "sdme.pod.ready"
local store <const> = require "sdme.store"
local volume <const> = require "sdme.pod.volume"

local M <const> = {}

local function make(one)
    local options <const> = { name = one.name, enable = one.enable or nil }
    for name, value in pairs(one.settings) do
        options[name] = value
    end
    local _, _, lock <const> =
        create.create(options, { allow = "create", definition = one.mark })
    lock:close()
end

local function start(one)
    lifecycle.start(one.name,
        { timeout = one.start.timeout, rm_on_failure = one.start.rm_on_failure })
end

local function match_enabled(one)
    if one.enable ~= lifecycle.is_enabled(one.name) then
        local set <const> = one.enable and lifecycle.enable or lifecycle.disable
        set(one.name)
    end
end

-- Settings that a running container doesn't take on have it stopped first, and some files only
-- change while it is: so whoever kills us in between leaves one that is to be started.
local function match(one, restart)
    if one.running and (restart or one.there ~= one.name) then
        lifecycle.stop(one.there)
    end
    if one.there ~= one.name then
        change.rename(one.there, one.name)
    end
    change.replace(one.name, one.settings, one.mark)
    match_enabled(one)
    start(one)
end

-- What is done with a container; one that is kept is let alone.
local ACTIONS <const> = {
    create = function(one)
        make(one)
        start(one)
    end,
    replace = function(one)
        lifecycle.remove(one.there)
        make(one)
        start(one)
    end,
    change = function(one)
        match(one, false)
    end,
    restart = function(one)
        match(one, true)
    end,
    start = start,
}

-- Those that somebody who is started waits for, and that have to be ready therefore.
local function awaited(wanted, actions)
    local found <const> = {}
    for key, one in pairs(wanted) do
        for _, other in ipairs(actions[key] ~= "keep" and one.after or {}) do
            found[other] = true
        end
    end
    return found
end

local function raise(definition, failures)
    for _, failure in ipairs(failures) do
        if fault.is(failure.raised, "EINTR") or not fault.is(failure.raised) then
            error(failure.raised, 0)
        end
    end
    local first <const> = failures[1].raised
    local details <const> = first.details or {}
    for i = 2, #failures do
        details[#details + 1] = ("%s: %s"):format(failures[i].key, tostring(failures[i].raised))
    end
    first.message = ("pod %s: %s: %s"):format(definition.name, failures[1].key, first.message)
    first.details = #details > 0 and details or nil
    error(first, 0)
end

local function bring_containers(definition, wanted, actions, shown)
    local needed <const> = awaited(wanted, actions)
    local failures <const> = order.run(wanted, function(key)
        local one <const>, act <const> = wanted[key], ACTIONS[actions[key]]
        if act then
            volume.make(definition.name, one.volumes)
            act(one)
        end
        if one.ready and (act or needed[key]) then
            ready.await(one, one.ready)
        end
        if act then
            shown:note(("%s is %s"):format(one.name, one.ready and "ready" or "up"))
        end
    end, function(_, failed)
        fault.raise("ECANCELED", nil, "it comes after %s, which failed", failed)
    end)
    change.align(definition.name)
    if #failures > 0 then
        raise(definition, failures)
    end
end

local POD_ACTIONS <const> = {
    create = function(step, definition)
        pods.create(step.name, { ports = definition.ports })
    end,
    change = function(step, definition)
        pods.get(step.name):set { ports = definition.ports }
    end,
    attach = function(step)
        pods.get(step.name):attach(step.why)
    end,
    detach = function(step)
        local zone <const> = step.why:match "^zone=(.*)$"
        pods.get(step.name):detach(zone and "zone" or step.why, { zone = zone })
    end,
}

---Does what has to be done for a definition.
---@param definition sdme.PodDefinition
---@param options sdme.PodUpOptions? how
---@return sdme.Pod pod
function M.up(definition, options)
    local shown <close> = progress.new { quiet = options and options.quiet }
    store.prepare()
    local _ <close> = store.lock("definition", definition.name)
    local steps <const>, wanted <const> = plan.work_out(definition)
    local actions <const> = {}
    for _, step in ipairs(steps) do
        if step.kind == "pod" then
            POD_ACTIONS[step.action](step, definition)
        elseif step.action == "remove" then
            lifecycle.remove(step.name)
            shown:note(step.name .. " is gone")
        else
            actions[step.key] = step.action
        end
    end
    bring_containers(definition, wanted, actions, shown)
    return pods.get(definition.name)
end

---Removes the containers that were made for the definition of a pod, each before those that it came
---after.
---@param pod string
---@param options { force: boolean? } whether they are killed
function M.down(pod, options)
    local nodes <const> = {}
    for key, there in pairs(made.of(pod)) do
        nodes[key] = { after = there.definition.after, name = there.name }
    end
    local failures <const> = order.run(order.reverse(nodes), function(key)
        lifecycle.remove(nodes[key].name, { force = options.force })
    end, function(_, failed)
        fault.raise("ECANCELED", nil, "it goes after %s, which failed", failed)
    end)
    if #failures > 0 then
        raise({ name = pod }, failures)
    end
end

return M
