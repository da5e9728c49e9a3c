-- What has to be done so that a pod and its containers are as a definition says.

local app <const> = require "sdme.app"
local change <const> = require "sdme.container.change"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local json <const> = require "sdme.json"
local layer <const> = require "sdme.store.layer"
local lifecycle <const> = require "sdme.container.lifecycle"
local made <const> = require "sdme.pod.made"
local order <const> = require "sdme.pod.order"
local pods <const> = require "sdme.pod"
local rootfs <const> = require "sdme.rootfs"
local secret <const> = require "sdme.secret"
local setting <const> = require "sdme.setting"
local store <const> = require "sdme.store"
local unit <const> = require "sdme.unit.container"
local volume <const> = require "sdme.pod.volume"

local M <const> = {}

---One of the things that `plan` says.
---@class sdme.PodStep
---@field action "create"|"replace"|"change"|"restart"|"start"|"remove"|"attach"|"detach"|"keep"
---what is done with it
---@field kind "pod"|"container" what it is done with
---@field name string of that
---@field key string? of a container, what the definition calls it
---@field why string? what is the reason
---@field settings string[]? the names of settings that are different

-- What tells root filesystems apart that a container could be made from.
local function identity(found)
    local parts <const> = { layers = json.array(found.layers), apps = json.array {} }
    for i, one in ipairs(found.apps or {}) do
        parts.apps[i] = { name = one.name, layers = json.array(one.layers), config = one.config }
    end
    return core.digest.new("sha256"):update(json.encode(parts)):hex()
end

-- A container as the definition wants it: with binds for its volumes, and what it is known by.
local function complete(definition, one)
    local what <const> = "container " .. one.key
    local found <const> = one.settings.fs and rootfs.read(one.settings.fs) or {}
    layer.check(layer.named(found), what)
    secret.check(one.settings, what)
    local wanted <const> = {
        key = one.key, name = one.name, enable = one.enable, start = one.start, ready = one.ready,
        after = one.after, pod = definition.name, has_app = #(found.apps or {}) > 0,
        volumes = volume.find(definition.name, one, found.apps),
    }
    wanted.settings = volume.bind(one.settings, wanted.volumes)
    app.check({ settings = wanted.settings, apps = found.apps }, what)
    wanted.mark = {
        pod = definition.name, key = one.key, after = json.array(one.after),
        from = one.settings.fs and identity(found) or nil,
    }
    return wanted
end

local function check_free(definition, wanted)
    if core.file.stat(store.path("containers", wanted.name)) then
        fault.raise("EEXIST", ("sdme rm %s, or give another `name`"):format(wanted.name),
            "container %s: %s exists, and is not of pod %s", wanted.key, wanted.name,
            definition.name)
    end
end

local function names_of(changes)
    local names <const> = {}
    for name in pairs(changes) do
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

-- Why a container must be made anew.
local function reason_to_replace(wanted, there, names)
    for _, name in ipairs(names) do
        if setting.is_fixed(name) then
            return name .. " is another"
        end
    end
    return wanted.mark.from ~= there.definition.from and "its root filesystem has changed" or nil
end

-- Why a container that runs must be started again.
local function reason_to_restart(wanted, there, changes)
    local later <const> = setting.after_restart(changes)
    if #later > 0 then
        return table.concat(later, ", ")
    elseif change.is_stale(there) then
        return "it was started before its settings changed"
    end
    local started <const> = core.file.stat(store.path("containers", there.name, "invocation"))
    return started and secret.is_newer(wanted.settings, started) and "a secret has changed" or nil
end

local function is_marked(wanted, there)
    local before <const>, now <const> = there.definition.after, wanted.mark.after
    return table.concat(before, " ") == table.concat(now, " ")
end

local function compare(wanted, there, running)
    local changes <const> = setting.differences(there.settings, wanted.settings)
    local names <const> = names_of(changes)
    local function step(action, why)
        return action, why, #names > 0 and json.array(names) or nil
    end
    local why = reason_to_replace(wanted, there, names)
    if why then
        return step("replace", why)
    elseif wanted.name ~= there.name then
        return step("change", "it was called " .. there.name)
    end
    why = running and reason_to_restart(wanted, there, changes) or nil
    if why then
        return step("restart", why)
    elseif #names > 0 then
        return step("change", table.concat(names, ", "))
    elseif wanted.enable ~= lifecycle.is_enabled(there.name) then
        return step("change", wanted.enable and "it is to start with the host"
            or "it is not to start with the host")
    elseif not is_marked(wanted, there) then
        return step("change", "its order")
    end
    return step(running and "keep" or "start", nil)
end

local function running_containers()
    local running <const> = {}
    for _, listed in ipairs(host.manager():list_units(unit.name "*")) do
        local name <const> = unit.container(listed.name)
        running[name or 0] = listed.active ~= "inactive" and listed.active ~= "failed"
    end
    return running
end

local function pod_steps(definition)
    local exists <const>, there <const> = pcall(pods.get, definition.name)
    local steps <const>, wanted = {}, definition.network
    local function add(action, why)
        steps[#steps + 1] = { kind = "pod", name = definition.name, action = action, why = why }
    end
    local about <const> = exists and there:inspect() or { networks = {}, ports = {} }
    if not exists then
        add("create")
    elseif not setting.is_same(about.ports, definition.ports) then
        add("change", "ports")
    end
    for _, one in ipairs(about.networks) do
        local name <const> = one.zone and "zone=" .. one.zone or one.kind
        if wanted ~= nil and name ~= wanted then
            add("detach", name)
        elseif name == wanted then
            wanted = nil
        end
    end
    if wanted then
        add("attach", wanted)
    end
    return steps
end

-- Those that are left over, in the order in which they go.
local function add_leftover(steps, existing)
    local left <const> = {}
    for key, there in pairs(existing) do
        left[key] = { after = there.definition.after, name = there.name }
    end
    for _, key in ipairs(order.sort(order.reverse(left)) or {}) do
        steps[#steps + 1] = {
            kind = "container", name = left[key].name, key = key, action = "remove",
            why = "the definition hasn't got it",
        }
    end
end

---What has to be done, for `sdme.pod.bring`; each step of a container has what is `wanted` too.
---@param definition sdme.PodDefinition
---@return sdme.PodStep[] steps
---@return table<string, table> wanted containers by key
function M.work_out(definition)
    store.prepare()
    local steps <const>, wanted <const> = pod_steps(definition), {}
    local existing <const>, running <const> = made.of(definition.name), running_containers()
    for _, key in ipairs(definition.keys) do
        local one <const>, there <const> = complete(definition, definition.containers[key]),
            existing[key]
        local step <const> = { kind = "container", name = one.name, key = key, action = "create" }
        if there then
            step.action, step.why, step.settings = compare(one, there, running[there.name])
            one.there, one.running = there.name, running[there.name] or false
        end
        if not there or there.name ~= one.name then
            check_free(definition, one)
        end
        steps[#steps + 1], wanted[key], existing[key] = step, one, nil
    end
    add_leftover(steps, existing)
    return steps, wanted
end

---@param definition sdme.PodDefinition
---@return sdme.PodStep[] steps
function M.make(definition)
    return (M.work_out(definition))
end

return M
