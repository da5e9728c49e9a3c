-- The ports of pods. They are open while a container runs in the pod.

local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local lazy <const> = require "sdme.lazy"
local namespace <const> = require "sdme.pod.namespace"
local state <const> = require "sdme.store.state"
local unit <const> = require "sdme.unit.port"

local host <const> = lazy.module "sdme.host"
local json <const> = lazy.module "sdme.json"
local port <const> = lazy.module "sdme.port"
local socket <const> = lazy.module "sdme.port.socket"
local target <const> = lazy.module "sdme.unit.pod"
local task <const> = lazy.module "sdme.task"

local M <const> = {}

local function owner(name)
    return { kind = "pod", name = name }
end

local function ports_of(name)
    return state.pod(name).ports or {}
end

local OPTIONS <const> = { ports = kind.many(kind.port) }

---The ports among the options of a pod, each in its one form; raises where they are wrong.
---@param options table?
---@return sdme.Port[]? ports nil where none are named
function M.checked(options)
    if options ~= nil and type(options) ~= "table" then
        fault.usage("options of a pod are a table, not a %s", type(options))
    end
    for name in pairs(options or {}) do
        if not OPTIONS[name] then
            fault.usage("pods have no option '%s'", tostring(name))
        end
    end
    if not options or options.ports == nil then
        return nil
    end
    local ports <const>, why <const> = OPTIONS.ports.check(options.ports)
    local problem <const> = ports and socket.problem(ports) or why
    if problem then
        fault.usage("ports: %s", problem)
    end
    return json.array(ports)
end

-- The pods that settings name, each once.
local function pods_of(settings)
    local names <const> = { settings.pod }
    if settings.oci_pod ~= settings.pod then
        names[#names + 1] = settings.oci_pod
    end
    return names
end

---Raises where the host has another use for a port of a pod that the start of a container opens.
---@param settings table of the container
function M.check(settings)
    for _, name in ipairs(pods_of(settings)) do
        local ports <const> = ports_of(name)
        if #ports > 0 and not port.is_open(owner(name)) then
            port.check(owner(name), ports)
        end
    end
end

---Opens the ports of the pods of a container that is about to run, whose networks are there.
---@param settings table of the container
function M.open(settings)
    for _, name in ipairs(pods_of(settings)) do
        local ports <const> = ports_of(name)
        if target.install() then
            host.manager():reload()
        end
        if #ports > 0 then
            -- Ends with the last service that wants it, and the sockets with it.
            task.await(host.manager():start_unit(target.name(name), "replace"))
        end
        port.open(owner(name), ports)
    end
end

-- Whether a container runs in a pod.
local function is_up(name)
    local listed <const> = host.manager():list_units(target.name(name))[1]
    return listed ~= nil and listed.active == "active"
end

---Changes the ports of a pod, at once where they are open. The caller holds the pod's lock.
---@param name string
---@param ports sdme.Port[]
---@param write fun() has its state say so
function M.change(name, ports, write)
    local up <const> = is_up(name)
    if up then
        port.check(owner(name), ports, ports_of(name))
    end
    write()
    if up then
        port.open(owner(name), ports)
    elseif unit.install(owner(name), ports) then
        host.manager():reload()
    end
end

---Takes away what a pod that is removed has of ports.
---@param name string
function M.remove(name)
    -- Most have none, and to ask systemd takes longer than all the rest.
    if unit.is_installed(owner(name)) then
        port.close(owner(name))
    end
    if unit.uninstall(owner(name)) then
        host.manager():reload()
    end
end

---What the service of a pod's ports runs, until the last container of the pod has ended.
---@param name string
function M.forward(name)
    port.forward(owner(name), function()
        local netns <const> = namespace.open(name)
        if not netns then
            fault.raise("ENOENT", nil, "forward ports of pod %s: its network isn't there", name)
        end
        return netns
    end)
end

return M
