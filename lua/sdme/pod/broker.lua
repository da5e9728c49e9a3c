-- How applications of a container with a user namespace get into the network of a pod: nobody from
-- within one can enter that, so their container asks its host, by a socket that is bound in, to
-- have their init run there.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local json <const> = require "sdme.json"
local namespace <const> = require "sdme.pod.namespace"
local task <const> = require "sdme.task"
local unit <const> = require "sdme.unit.broker"

local file <const> = core.file

local M <const> = {}

---Where a container has the socket, and what its applications are begun by.
M.sockets = { container = "/run/sdme/broker", application = "/run/sdme.broker" }

-- Seconds that systemd may take to open a socket, which it does at once.
local PATIENCE <const> = 10

-- What a running container was started with.
local function record_path(name)
    return ("%s/%s.json"):format(unit.DIRECTORY, name)
end

---Whether the applications of a container need one.
---@param settings table
---@return boolean
function M.is_needed(settings)
    return settings.oci_pod ~= nil and settings.userns == true
end

---Raises where the host can't do it.
---@param settings table of a container
---@param what string what can't be done then
function M.check(settings, what)
    if M.is_needed(settings) then
        local able <const>, message <const>, code <const> = core.broker.check()
        if not able then
            fault.raise(code, "`--pod` has the container as a whole in the pod",
                "%s: its applications can't be in a pod by themselves: %s", what, message)
        end
    end
end

local function start(name)
    if unit.install() then
        host.manager():reload()
    end
    local job <const> = host.manager():start_unit(unit.socket_name(name), "replace")
    local result <const>, message <const> = task.await(task.timeout(job, PATIENCE))
    if result ~= "done" then
        fault.raise("EIO", ("journalctl -u %s shows more"):format(unit.socket_name(name)),
            "start %s: its broker can't be started: %s", name, message or result)
    end
end

---Opens the socket of a container that is about to start.
---@param description table the state of the container
---@return table bind as the setting has it
function M.open(description)
    local name <const>, range <const> = description.name, description.userns
    local path <const> = unit.socket_path(name)
    start(name)
    fault.check(file.write(record_path(name), json.encode {
        base = range.base, count = range.count, pod = description.settings.oci_pod,
    }, { mode = "0600", sync = false }))
    fault.check(file.chown(path, range.base, range.base))
    return { source = path, target = M.sockets.container, owners = "disk" }
end

---Forgets a container, which doesn't run.
---@param name string
function M.forget(name)
    file.remove(record_path(name))
end

---The words before those of `enter` that have it run where the applications of a running container
---are, and what it is told by itself; none where that is no matter of a broker's.
---@param name string of the container
---@param program string path of `request` in the container
---@return string[] before
---@return string[] told
function M.words(name, program)
    if not file.exists(record_path(name)) then
        return {}, {}
    end
    return { program, "--socket", M.sockets.container, "--" }, { "--controlled" }
end

---Serves the connection that is standard input.
function M.serve()
    local path <const> = fault.check(core.broker.path(0))
    local name <const> = path:match "([^/]*)%.socket$" or ""
    local content <const> = fault.check(file.read(record_path(name)))
    local record <const> = json.decode(content, record_path(name))
    local netns <close> = namespace.open(record.pod)
    if not netns then
        fault.raise("ENOENT", nil, "the network of pod %s isn't there", record.pod)
    end
    fault.check(core.broker.serve {
        connection = 0, netns = netns, base = record.base, count = record.count,
    })
end

return M
