-- What a pod and its containers are to be like, as a script says it.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local order <const> = require "sdme.pod.order"
local port <const> = require "sdme.pod.port"
local position <const> = require "sdme.recipe.position"
local ready <const> = require "sdme.pod.ready"
local script <const> = require "sdme.script"
local setting <const> = require "sdme.setting"
local text <const> = require "sdme.text"

local M <const> = {}

---What makes a container ready for those that come after it: all that is named.
---@class sdme.Ready
---@field unit string? a unit of its systemd that is active
---@field tcp integer|string|nil a port of the pod that can be connected to, or `"ADDRESS:PORT"`
---@field http string? a URL in the pod that is answered with a status of 2xx or 3xx
---@field exec string[]|string|nil a command that succeeds, in the container's application if it has
---  one; a text is for `sh`
---@field timeout number? seconds that it may take; 60

---A container of a pod, with all that `sdme.create` takes but `pod`, `oci_pod` and `started`.
---@class sdme.PodContainer: sdme.Settings
---@field name string? its name; `POD-KEY`
---@field app_only boolean? whether only its application is in the pod; false
---@field after string[]? the keys of those that start, and are ready, before it; with the host, of
---  those that are enabled, they have booted before it
---@field ready sdme.Ready? when it is; once its boot is over
---@field volumes table<string, string>? paths in it, or in its application if it has one, by
---  names of volumes, which the pod's containers share

---@class sdme.PodDescriptionTable
---@field name string of the pod
---@field containers table<string, sdme.PodContainer> by what they are called in the pod
---@field network string|{ zone: string }|nil what the pod is attached to: `"veth"`, or a zone
---@field ports (sdme.Port|integer|string)[]? ports of the host that lead into it

---What a pod is to be like: see `sdme.pod`.
---@class sdme.PodDefinition
---@field name string of the pod
---@field network string? what the pod is attached to
---@field ports sdme.Port[]? ports of the host that lead into it
---@field containers table<string, sdme.PodContainer> as they were checked, by their keys
---@field keys string[] each behind those that it comes after
local Definition <const> = { __name = "sdme.pod_definition" }
Definition.__index = Definition

function Definition:__tostring()
    return "definition of pod " .. self.name
end

local POD_KEYS <const> = { "name", "containers", "network", "ports" }

-- What a container of a definition has besides settings.
local CONTAINER_KEYS <const> = { app_only = true, after = true, ready = true, volumes = true }

-- Settings that say how a container starts, and that its state doesn't have.
local START_KEYS <const> = { "timeout", "rm_on_failure" }

local REFUSED <const> = {
    pod = "`app_only` has only the application in the pod",
    oci_pod = "take `app_only`",
    started = "a pod's containers are started with it",
    user = "it is for `sdme new`",
}

local function check_type(what, value, wanted)
    if type(value) ~= wanted then
        fault.usage("%s: expected a %s, not %s", what, wanted,
            value == nil and "nothing" or "a " .. type(value))
    end
    return value
end

local function check_kind(what, value, as)
    local checked <const>, why <const> = as.check(value)
    if checked == nil then
        fault.usage("%s: %s", what, why)
    end
    return checked
end

local function refuse_key(what, key, known)
    local meant <const> = type(key) == "string" and text.nearest(key, known)
    fault.raise("EUSAGE", meant and ("did you mean %s?"):format(meant) or nil,
        "%s: there is no '%s'", what, tostring(key))
end

local function check_after(given)
    local list <const> = {}
    given = type(given) == "table" and given or { given }
    for i, key in pairs(given) do
        if math.type(i) ~= "integer" or given[#given] == nil then
            fault.usage "after: expected a list of containers of the pod"
        end
        list[#list + 1] = check_kind("after", key, kind.name)
    end
    table.sort(list)
    return list
end

local function check_volumes(given)
    local volumes <const> = {}
    for name, path in pairs(check_type("volumes", given or {}, "table")) do
        volumes[check_kind("volumes", name, kind.name)] =
            check_kind("volumes." .. tostring(name), path, kind.path)
    end
    return volumes
end

local function check_start(given)
    local options <const> = {}
    for _, name in ipairs(START_KEYS) do
        if given[name] ~= nil then
            options[name] = check_kind(name, given[name], setting.get(name).kind)
        end
    end
    return options
end

-- The settings among the keys of a container.
local function settings_of(pod, key, given)
    local settings <const> = {}
    for name, value in pairs(given) do
        if REFUSED[name] then
            fault.raise("EUSAGE", REFUSED[name], "'%s' is not for containers of a definition", name)
        end
        settings[name] = not CONTAINER_KEYS[name] and value or nil
    end
    for _, name in ipairs(START_KEYS) do
        settings[name] = nil
    end
    settings.name = given.name or pod .. "-" .. key
    if not given.name and #settings.name > 64 then
        fault.raise("EUSAGE", "give it a shorter one by `name`",
            "its name %s would have more than 64 characters", settings.name)
    end
    settings[given.app_only and "oci_pod" or "pod"] = pod
    return settings
end

local function check_container(pod, key, given)
    check_type("it", given, "table")
    if given.app_only ~= nil then
        check_type("app_only", given.app_only, "boolean")
    end
    local settings <const> =
        setting.check(settings_of(pod, key, given), { allow = "create" })
    return {
        key = key, name = settings.name, enable = settings.enable or false,
        settings = setting.stored(settings), start = check_start(given),
        after = check_after(given.after or {}), ready = ready.check(given.ready),
        volumes = check_volumes(given.volumes),
    }
end

-- Faults say which container of the definition they are about.
local function in_container(key, call, ...)
    local results <const> = table.pack(pcall(call, ...))
    if not results[1] then
        if fault.is(results[2]) then
            results[2].message = ("container %s: %s"):format(key, results[2].message)
        end
        error(results[2], 0)
    end
    return table.unpack(results, 2, results.n)
end

local function check_order(containers)
    for key, one in pairs(containers) do
        for _, other in ipairs(one.after) do
            if not containers[other] then
                fault.usage("container %s: after: there is no container %s", key, other)
            end
        end
    end
    local keys <const>, cycle <const> = order.sort(containers)
    if not keys then
        fault.usage("containers wait for each other: %s", table.concat(cycle, " after "))
    end
    return keys
end

local function check_names(containers, keys)
    local holders <const> = {}
    for _, key in ipairs(keys) do
        local name <const> = containers[key].name
        if holders[name] then
            fault.usage("containers %s and %s have one name: %s", holders[name], key, name)
        end
        holders[name] = key
    end
end

-- "veth", "zone=NAME" or { zone = NAME }
local function check_network(given)
    if type(given) == "table" and type(given.zone) == "string" and next(given, "zone") == nil
        and next(given) == "zone" then
        given = "zone=" .. given.zone
    end
    check_kind("network", given, kind.attachment)
    return given
end

local function check(description)
    check_type("it", description, "table")
    for key in pairs(description) do
        local known = false
        for _, name in ipairs(POD_KEYS) do
            known = known or key == name
        end
        if not known then
            refuse_key("it", key, POD_KEYS)
        end
    end
    local name <const> = check_kind("name", description.name, kind.name)
    local containers <const> = {}
    for key, given in pairs(check_type("containers", description.containers, "table")) do
        check_kind("containers", key, kind.name)
        containers[key] = in_container(key, check_container, name, key, given)
    end
    local keys <const> = check_order(containers)
    check_names(containers, keys)
    return {
        name = name, containers = containers, keys = keys,
        ports = port.checked { ports = description.ports or {} },
        network = description.network ~= nil and check_network(description.network) or nil,
    }
end

-- The only line of a file that a pod is described on: `return sdme.pod { ... }` leaves no trace of
-- where it is.
local function line_of(path)
    local content <const> = core.file.read(path)
    local number, found = 0, nil
    for line in ((content or "") .. "\n"):gmatch "([^\n]*)\n" do
        number = number + 1
        if line:find "[%w_]+%.pod%s*[%({]" then
            if found then
                return nil
            end
            found = number
        end
    end
    return found
end

local function where()
    local found <const> = position.of_caller()
    local file <const> = script.running
    if found.line or not file or file == "-" then
        return found
    end
    return { source = file, line = line_of(file), directory = "." }
end

---Describes what a pod is to be like.
---@param description table
---@return sdme.PodDefinition # raises `EUSAGE`, with the caller's line, for what it doesn't know
function M.new(description)
    return setmetatable(position.blame(where(), function()
        local fine <const>, result <const> = pcall(check, description)
        if not fine then
            if fault.is(result) then
                result.message = "sdme.pod: " .. result.message
            end
            error(result, 0)
        end
        return result
    end), Definition)
end

---Whether a value is a definition.
---@param value any
---@return boolean
function M.is(value)
    return getmetatable(value) == Definition
end

---What has to be done so that all is as it says.
---
---Raises `ENOENT` for a rootfs or a secret that isn't there, `EEXIST` where a container of a name
---isn't of this definition.
---@return sdme.PodStep[] steps in the order of the containers, those that are to go at the end
function Definition:plan()
    return require("sdme.pod.plan").make(self)
end

---How a pod is brought up.
---@class sdme.PodUpOptions
---@field quiet boolean? tells nothing of what is done

---Does what `plan` says, and only that: containers that don't wait for each other side by side.
---What fails leaves the others as they are, and the next call goes on from there.
---
---Raises what `plan` does before anything is done, and the first failure once all have come to
---their end.
---@param options sdme.PodUpOptions? how
---@return sdme.Pod pod
function Definition:up(options)
    for name, value in pairs(options or {}) do
        if name ~= "quiet" or type(value) ~= "boolean" then
            fault.usage("up has one option, quiet, a boolean")
        end
    end
    return require("sdme.pod.bring").up(self, options)
end

---Removes the pod and the containers that were made for it, in reverse.
---
---Raises `EBUSY` where others are in it.
---@param options sdme.PodRemoveOptions? how
function Definition:down(options)
    require("sdme.pod").get(self.name):remove(options)
end

return M
