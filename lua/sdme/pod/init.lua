-- Pods: networks of their own that containers share, or only the applications in them.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local lazy <const> = require "sdme.lazy"
local namespace <const> = require "sdme.pod.namespace"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"

local file <const> = core.file
local json <const> = lazy.module "sdme.json"
local network <const> = lazy.module "sdme.pod.network"
local port <const> = lazy.module "sdme.pod.port"

local M <const> = {}

local HINT_LIST <const> = "`sdme pod ls` shows those that exist"

-- The settings by which containers are in pods: as a whole, or with their applications alone.
local SETTINGS <const> = { "pod", "oci_pod" }

---A network of its own that containers share: they reach each other on 127.0.0.1 and ::1.
---@class sdme.Pod
---@field name string its name
local Pod <const> = { __name = "sdme.pod" }
Pod.__index = Pod

function Pod:__tostring()
    return "pod " .. self.name
end

---A network that a pod is attached to, besides its loopback.
---@class sdme.PodNetwork
---@field kind "veth"|"zone" a link to the host, or to a zone
---@field zone string? the zone
---@field name string of the interface in the pod
---@field link string of the host's interface at the other end
---@field address string[] of the pod there, each with the length of its network
---@field gateway string[] of the host there

---What is known of a pod.
---@class sdme.PodDescription
---@field name string its name
---@field created string when it was made
---@field status "up"|"down" whether its network is there: it is made with the pod, and after a boot
---of the host with the first container that starts in it
---@field netns string? where its network namespace is held
---@field addresses string[] that it can be reached at from outside
---@field networks sdme.PodNetwork[] what it is attached to
---@field ports sdme.Port[] ports of the host that lead into it
---@field containers { name: string, app_only: boolean }[] those in it
---@field path string of the file that says that there is the pod

local function exists(name)
    return file.stat(state.pod_path(name)) ~= nil
end

local function check_exists(name)
    if not exists(name) then
        fault.raise("ENOENT", HINT_LIST, "there is no pod %s", name)
    end
end

local function object(name)
    return setmetatable({ name = name }, Pod)
end

local function check_name(as, name)
    local checked <const>, why <const> = as.check(name)
    if not checked then
        fault.usage("%s", why)
    end
end

-- What is held without a pod of ours is another data directory's, and somebody may be in it.
local function check_free(name)
    if exists(name) then
        fault.raise("EEXIST", "sdme pod rm " .. name, "a pod %s exists", name)
    end
    local held <close> = namespace.open(name)
    if held then
        fault.raise("EEXIST", "choose another name, or umount it if nothing uses it",
            "make pod %s: a pod of another data directory has %s", name, namespace.path(name))
    end
end

---@class sdme.PodOptions
---@field ports (sdme.Port|integer|string)[]? ports of the host that lead into it, which are open
---while a container runs in it

-- Most have none, and what knows of ports takes long to load.
local function checked_ports(options)
    if options == nil or type(options) == "table" and next(options) == nil then
        return nil
    end
    return port.checked(options)
end

---Makes a pod: a network with nothing but loopback.
---@param name string
---@param options sdme.PodOptions?
---@param begun sdme.netns.Creation? what `sdme.pod.namespace` has begun; the caller closes it
---@return sdme.Pod pod
function M.create(name, options, begun)
    check_name(kind.name, name)
    local ports <const> = checked_ports(options)
    store.prepare()
    local _ <close> = store.lock("pod", name)
    check_free(name)
    -- The other way round, one that was killed would leave a namespace that no pod has.
    state.make_pod(name, ports)
    local made <const>, held <const> = pcall(namespace.make, name, begun)
    if not made then
        file.remove(state.pod_path(name))
        error(held, 0)
    end
    held:close()
    return object(name)
end

---The names of all pods, sorted.
---@return string[] names
function M.names()
    local names <const> = {}
    for _, entry in ipairs(file.list(store.path "pods") or {}) do
        names[#names + 1] = entry:match "^(.+)%.json$"
    end
    return names
end

---The pod of that name.
---@param name string
---@return sdme.Pod pod
function M.get(name)
    check_name(kind.pod, name)
    check_exists(name)
    return object(name)
end

---All pods, by name.
---@return sdme.Pod[] pods
function M.list()
    local pods <const> = {}
    for i, name in ipairs(M.names()) do
        pods[i] = object(name)
    end
    return pods
end

-- The pods that settings name, each once; "" is a change to none.
local function named(settings)
    local names <const> = {}
    for _, key in ipairs(SETTINGS) do
        local name <const> = settings[key]
        names[#names + 1] = name and name ~= "" and name ~= names[1] and name or nil
    end
    return names
end

---Raises where a pod that a container is to be in isn't there.
---@param settings table of the container
---@param what string what it is wanted for
function M.check(settings, what)
    for _, name in ipairs(named(settings)) do
        if not exists(name) then
            fault.raise("ENOENT", "sdme pod new " .. name, "%s: there is no pod %s", what, name)
        end
    end
end

---Has the pods of a container stay until its state says that it is in them.
---@param settings table of the container
---@param what string what they are wanted for
---@return table held to be closed then
function M.hold(settings, what)
    return store.hold("pod", named(settings), function()
        M.check(settings, what)
        for _, name in ipairs(named(settings)) do
            state.keep_pod(name)
        end
    end)
end

-- Each container whose state can be read, with that.
local function readable_containers()
    local names <const>, position = file.list(store.path "containers") or {}, 0
    return function()
        while names[position + 1] do
            position = position + 1
            local fine <const>, description <const> = pcall(state.container, names[position])
            if fine then
                return names[position], description
            end
        end
    end
end

-- The containers of all pods: { container=, app_only= } by the name of the pod.
local function members()
    local all <const> = {}
    local function add(pod, container, app_only)
        if pod then
            all[pod] = all[pod] or {}
            table.insert(all[pod], { name = container, app_only = app_only })
        end
    end
    for name, description in readable_containers() do
        local whole <const>, app <const> = description.settings.pod, description.settings.oci_pod
        add(whole, name, false)
        add(app ~= whole and app or nil, name, true)
    end
    return all
end

local function describe(name, containers)
    local description <const> = state.pod(name)
    local netns <close> = namespace.open(name)
    return {
        name = name, created = description.created, status = netns and "up" or "down",
        netns = netns and namespace.path(name) or nil,
        ports = json.array(description.ports or {}),
        addresses = json.array(netns and fault.check(core.netns.addresses(netns)) or {}),
        networks = json.array(description.networks or {}),
        containers = json.array(containers or {}), path = state.pod_path(name),
    }
end

---The names of the containers that are in it, or whose applications are.
---@return string[] names
function Pod:containers()
    local names <const> = {}
    for i, member in ipairs(members()[self.name] or {}) do
        names[i] = member.name
    end
    return names
end

---Everything about it, as a table for JSON.
---@return sdme.PodDescription description
function Pod:inspect()
    check_exists(self.name)
    return describe(self.name, members()[self.name])
end

local function attachment(kind_name, options)
    local wanted <const>, why <const> = kind.attachment.check(
        kind_name == "zone" and "zone=" .. tostring((options or {}).zone or "") or kind_name)
    if not wanted then
        fault.usage("%s", why)
    end
    return wanted
end

---@class sdme.AttachOptions
---@field zone string? the zone, where it is to be in one

---Gives it a way out, while containers run in it or not: a link to the host, or into a zone. It has
---addresses from the pool there, and reaches what the host reaches, under the host's address.
---
---Raises `EEXIST` if it is attached to that already, `ENOSPC` where the pool has nothing left, and
---`EUNSUPPORTED` where the kernel can't translate addresses.
---@param kind_name "veth"|"zone" to what; `"zone=NAME"` will do, too
---@param options sdme.AttachOptions? to which one
---@return sdme.PodNetwork network what it has there
function Pod:attach(kind_name, options)
    check_exists(self.name)
    return network.attach(self.name, attachment(kind_name, options))
end

---Takes that away.
---
---Raises `ENOENT` if it isn't attached to that.
---@param kind_name "veth"|"zone" from what
---@param options sdme.AttachOptions? from which one
function Pod:detach(kind_name, options)
    check_exists(self.name)
    network.detach(self.name, attachment(kind_name, options))
end

---Gives it other ports, at once where a container runs in it.
---
---```lua
---local shop <const> = sdme.create_pod("shop", { ports = { 8080 } })
---shop:set { ports = { "8080:80", "127.0.0.1:5432/tcp" } }
---print(shop:inspect().ports[2].address)
---shop:remove()
---```
---@param options sdme.PodOptions what changes
function Pod:set(options)
    local ports <const> = checked_ports(options)
    local _ <close> = store.lock("pod", self.name)
    check_exists(self.name)
    if not ports then
        return
    end
    local description <const> = state.pod(self.name)
    description.ports = #ports > 0 and ports or nil
    port.change(self.name, ports, function()
        state.write(state.pod_path(self.name), description)
    end)
end

---@class sdme.PodRemoveOptions
---@field force boolean? whether containers that run are killed, and others that are in it go, too

-- The containers that go with a pod: those that were made for its definition, unless there are
-- others, and with `force` these too.
local function remove_containers(self, force)
    local others <const>, defined = {}, false
    for name, description in readable_containers() do
        local settings <const>, mark <const> = description.settings, description.definition
        -- One of its definition may be in another pod by now.
        if mark and mark.pod == self.name then
            defined = true
        elseif settings.pod == self.name or settings.oci_pod == self.name then
            others[#others + 1] = name
        end
    end
    if #others > 0 and not force then
        return
    end
    if defined then
        require("sdme.pod.bring").down(self.name, { force = force })
    end
    for _, name in ipairs(others) do
        require("sdme.container.lifecycle").remove(name, { force = true })
    end
end

---Removes it, and the containers that were made for its definition. One that other containers are
---in stays.
---
---Raises `EBUSY` where it is in use.
---@param options sdme.PodRemoveOptions? how
function Pod:remove(options)
    check_exists(self.name)
    remove_containers(self, (options or {}).force)
    local _ <close> = store.lock("pod", self.name)
    check_exists(self.name)
    local users <const> = self:containers()
    if #users > 0 then
        fault.raise("EBUSY", "sdme rm " .. table.concat(users, " "), "pod %s is in use: %s",
            self.name, table.concat(users, ", "))
    end
    if not state.is_new_pod(self.name) then
        network.release(self.name)
        port.remove(self.name)
    end
    namespace.release(self.name)
    fault.check(file.remove(state.pod_path(self.name)))
end

---What `sdme pod ls` shows.
---@return table[]
function M.status()
    local rows <const>, all <const> = {}, members()
    for i, name in ipairs(M.names()) do
        local fine <const>, found <const> = pcall(describe, name, all[name])
        rows[i] = fine and found or { name = name, problem = tostring(found) }
    end
    return rows
end

return M
