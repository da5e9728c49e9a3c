-- Containers as objects: what scripts and commands hold in their hands.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local json <const> = require "sdme.json"
local lazy <const> = require "sdme.lazy"
local store <const> = require "sdme.store"
local systemd <const> = require "sdme.systemd"

local app <const> = lazy.module "sdme.app"
local app_status <const> = lazy.module "sdme.app.status"
local change <const> = lazy.module "sdme.container.change"
local create <const> = lazy.module "sdme.container.create"
local layer <const> = lazy.module "sdme.store.layer"
local lifecycle <const> = lazy.module "sdme.container.lifecycle"
local logs <const> = lazy.module "sdme.container.logs"
local network <const> = lazy.module "sdme.network"
local os_release <const> = lazy.module "sdme.os_release"
local security <const> = lazy.module "sdme.security"
local session <const> = lazy.module "sdme.container.session"
local setting <const> = lazy.module "sdme.setting"
local task <const> = lazy.module "sdme.task"
local unit <const> = lazy.module "sdme.unit.container"

local M <const> = {}

---A container. An object has no state but its name: each method asks systemd and the state file.
---`tostring` gives `container NAME`. In a `<close>` variable it is stopped at the end of the block,
---and an ephemeral one is gone then.
---@class sdme.Container
---@field name string its name
---@field boot_seconds number? what the last boot took, if this object started it
---@field notes string[]? what a user should know of one that was just made
local Container <const> = { __name = "sdme.container" }
Container.__index = Container

function Container:__tostring()
    return "container " .. self.name
end

local function object(name)
    return setmetatable({ name = name }, Container)
end

---Makes a container that isn't running.
---@param options table? settings, as the flags of `sdme create` with `_` for `-`
---@param flags boolean? whether faults call them by their flags
---@return sdme.Container
function M.create(options, flags)
    local name, settings, lock = create.create(options or {}, { allow = "create", flags = flags })
    if settings.started then
        lifecycle.start(name, {
            timeout = settings.timeout, rm_on_failure = settings.rm_on_failure, lock = lock,
        })
    else
        lock:close()
    end
    local container <const> = object(name)
    container.notes = security.notes(settings)
    return container
end

---Makes a container and starts it. As a `<close>` variable it is stopped at the end of its block.
---@param options table? settings, as the flags of `sdme new`
---@param flags boolean? whether faults call them by their flags
---@return sdme.Container
function M.new(options, flags)
    local name, settings, lock = create.create(options or {}, { allow = "new", flags = flags })
    local container <const> = object(name)
    container.notes = security.notes(settings)
    container.boot_seconds = lifecycle.start(name, {
        timeout = settings.timeout, rm_on_failure = settings.rm_on_failure, lock = lock,
    })
    return container
end

---Changes settings of a container.
---@param name string
---@param changes table settings, as the flags of `sdme set`
---@param flags boolean? whether faults call them by their flags
---@return string[] later the names of those that take effect at the next start
function M.set(name, changes, flags)
    return change.set(name, changes, { flags = flags })
end

---The names of all containers, sorted.
---@return string[]
function M.names()
    return core.file.list(store.path "containers") or {}
end

---A container by its name, or by the beginning of its name if no other begins so.
---@param name string
---@return sdme.Container
function M.get(name)
    if type(name) ~= "string" then
        fault.usage("a container's name is a string, not a %s", type(name))
    end
    local function found(existing)
        lifecycle.recover(existing)
        return object(existing)
    end
    local matches <const> = {}
    for _, candidate in ipairs(M.names()) do
        if candidate == name then
            return found(name)
        elseif name ~= "" and candidate:sub(1, #name) == name then
            matches[#matches + 1] = candidate
        end
    end
    if #matches == 1 then
        return found(matches[1])
    elseif #matches > 1 then
        fault.raise("EUSAGE", "give more of the name",
            "%s is the beginning of several containers: %s", name, table.concat(matches, ", "))
    end
    fault.raise("ENOENT", "`sdme ps` shows those that exist", "there is no container %s", name)
end

---All containers.
---@return sdme.Container[]
function M.list()
    local containers <const> = {}
    for i, name in ipairs(M.names()) do
        containers[i] = object(name)
    end
    return containers
end

---@class sdme.StartOptions
---@field timeout number? seconds that the boot may take; the configuration's `boot_timeout`

---Starts it and returns when the guest's PID 1 says that its boot is over.
---
---Raises `EBOOT` if the boot fails or takes too long. `details` of the error has the last lines of
---the container's journal then. The container is stopped and kept; an ephemeral one is removed.
---
---```lua
---web:stop()
---print(("up after %.2f s"):format(web:start { timeout = 30 }))
---```
---@param options sdme.StartOptions? how long to wait
---@return number? seconds it took; nil if it was running already
function Container:start(options)
    self.boot_seconds = lifecycle.start(self.name, options or {})
    return self.boot_seconds
end

---@class sdme.StopOptions
---@field how "stop"|"term"|"kill"|nil its manager shuts down (the configuration's `stop_timeout`),
---  or
---  without stopping its services one by one (30 s), or not at all (15 s); the first without

---Ends it; nothing happens if it doesn't run.
---
---Raises `ETIMEDOUT` if it still runs after the time that its `how` gives it.
---
---```lua
---web:stop { how = "kill" }
---web:start()
---```
---@param options sdme.StopOptions? how it is ended
function Container:stop(options)
    lifecycle.read(self.name)
    lifecycle.stop(self.name, (options or {}).how)
end

---@class sdme.RestartOptions: sdme.StopOptions
---@field timeout number? seconds that the boot may take; the configuration's `boot_timeout`

---Ends it as `container:stop` does, and starts it as `container:start` does.
---
---```lua
---web:restart()
---```
---@param options sdme.RestartOptions? how it is ended, and how long to wait
---@return number? seconds that the boot took
function Container:restart(options)
    self:stop { how = (options or {}).how }
    return self:start { timeout = (options or {}).timeout }
end

---@class sdme.RemoveOptions
---@field force boolean? whether one that runs is killed, rather than stopped

---Removes it and all that is its own. One that runs is ended first.
---
---```lua
---sdme.create({ name = "old" }):remove()
---```
---@param options sdme.RemoveOptions? how it is ended
function Container:remove(options)
    lifecycle.remove(self.name, options)
end

---Stops it if it runs; an ephemeral one is gone then.
function Container:__close()
    if core.file.stat(store.path("containers", self.name)) then
        self:stop()
    end
end

---Starts it when the host boots.
---
---Raises `EINVAL` for an ephemeral one, which is gone then.
---
---```lua
---web:enable()
---```
function Container:enable()
    if lifecycle.read(self.name).settings.ephemeral then
        fault.raise("EINVAL", ("sdme set %s --ephemeral=no"):format(self.name),
            "enable %s: it is ephemeral, and gone when the host goes down", self.name)
    end
    lifecycle.enable(self.name)
end

---Doesn't start it any more when the host boots.
---
---```lua
---web:disable()
---```
function Container:disable()
    lifecycle.read(self.name)
    lifecycle.disable(self.name)
end

---Whether it starts when the host boots.
---
---```lua
---print(web:is_enabled())
---```
---@return boolean enabled
function Container:is_enabled()
    return lifecycle.is_enabled(self.name)
end

local STATUS <const> = {
    active = "running", activating = "starting", deactivating = "stopping", failed = "failed",
    reloading = "running", inactive = "stopped",
}

---Whether it runs.
---
---```lua
---assert(web:status() == "running")
---```
---@return "running"|"starting"|"stopping"|"stopped"|"failed" status
function Container:status()
    return STATUS[lifecycle.active_state(self.name)] or "unknown"
end

-- Whether all that a container is made of is there.
local function is_complete(description)
    for _, id in ipairs(layer.named(description)) do
        if not layer.exists(id) then
            return false
        end
    end
    return true
end

local HEALTH <const> = {
    running = "ok", degraded = "degraded", initializing = "starting", starting = "starting",
    stopping = "stopping", maintenance = "failed",
}

-- How a running container and its applications are: its manager says that of itself, and the
-- checks of the applications' images.
local function look(name)
    local bus <close> = host.guest_bus(name)
    local health = HEALTH[systemd.manager(bus):system_state()] or "unknown"
    local apps <const> = app_status.list(bus, lifecycle.read(name), function()
        return host.guest_root(name)
    end)
    for _, one in ipairs(apps) do
        if one.health == "unhealthy" and health == "ok" then
            health = "unhealthy"
        end
    end
    return health, apps
end

-- What the applications of a container that doesn't run, or doesn't answer, are.
local function unseen(description, state)
    local apps <const> = {}
    for i, one in ipairs(description.apps or {}) do
        apps[i] = { name = one.name, state = state }
    end
    return apps
end

-- Its health, and its applications.
local function examine(self)
    local status <const>, description <const> = self:status(), lifecycle.read(self.name)
    if status == "stopped" then
        return not is_complete(description) and "missing fs" or nil, unseen(description, "stopped")
    elseif status == "failed" then
        return "failed", unseen(description, "stopped")
    end
    local ok, health, apps = pcall(look, self.name)
    if not ok then
        return "unknown", unseen(description, "unknown")
    end
    return health, apps
end

---What the guest's manager says of itself, and the checks of its applications: `"unhealthy"` is
---where the manager is content, but one of these isn't.
---
---```lua
---print(web:health())
---```
---@return "ok"|"degraded"|"unhealthy"|"starting"|"failed"|"missing fs"|"unknown"|nil health nil for
---  one
---  that is stopped
function Container:health()
    return (examine(self))
end

---What its applications are doing.
---
---```lua
---for _, app in ipairs(web:apps()) do
---    print(app.name, app.state)
---end
---```
---@return sdme.AppStatus[] apps
function Container:apps()
    return (select(2, examine(self)))
end

---Its addresses on a network of its own; none on the host's. Link-local ones (`169.254.…`,
---`fe80:…`) aren't in it: the network has yet to give it one that stays.
---
---```lua
---print(#web:addresses())
---```
---@return string[] addresses
function Container:addresses()
    local settings <const> = lifecycle.read(self.name).settings
    if not (settings.pod or network.has_interface(settings)) or self:status() ~= "running" then
        return {}
    end
    local addresses <const> = {}
    for _, address in ipairs(host.machines():addresses(self.name)) do
        if not network.is_link_local(address) then
            addresses[#addresses + 1] = address
        end
    end
    return addresses
end

-- What a container was made from calls itself so.
local function os_of(description)
    if description.layers then
        return description.os and description.os.name or "Linux"
    end
    return os_release.host().PRETTY_NAME or "Linux"
end

---The name of the system in it: `"Debian GNU/Linux 12 (bookworm)"`.
---
---```lua
---print(web:os())
---```
---@return string name
function Container:os()
    return os_of(lifecycle.read(self.name))
end

-- Applications with what they were made from.
local function describe_apps(description, apps)
    for i, one in ipairs(description.apps) do
        apps[i].origin, apps[i].layers = one.origin, json.array(one.layers)
    end
    return apps
end

---@class sdme.InspectOptions
---@field secrets boolean? whether the values of `env` and `oci_env` are shown, not masked

---@class sdme.Inspection
---@field name string its name
---@field created string when it was made, as ISO 8601 has it
---@field status string as `container:status` has it
---@field health string? as `container:health` has it
---@field apps sdme.AppStatus[]? its applications, with the `origin` and the `layers` of each
---@field os string the name of the system in it
---@field unit string the service that it runs in
---@field enabled boolean whether it starts when the host boots
---@field userns { base: integer, count: integer }? the user ids of its user namespace
---@field settings sdme.Settings as they are stored
---@field security sdme.Security how far they keep it from its host
---@field addresses string[] as `container:addresses` has them
---@field leader integer? the process that is its PID 1, while it runs
---@field root string? its root directory as systemd-machined knows it, while it runs
---@field path string where it is kept
---@field layers string[]? what its rootfs is made of, from the bottom to the top

---Everything about it, as a table for JSON.
---
---```lua
---local about <const> = web:inspect()
---print(about.unit, about.leader)
---```
---@param options sdme.InspectOptions? what is shown
---@return sdme.Inspection about
function Container:inspect(options)
    local description <const> = lifecycle.read(self.name)
    local shown <const> = {}
    for _, one in ipairs(setting.all) do
        local value = description.settings[one.name]
        if value ~= nil and one.secret and not (options or {}).secrets then
            value = setting.mask(value)
        end
        shown[one.name] = value
    end
    local status <const> = self:status()
    local machine <const> = status == "running" and host.machines():get(self.name) or {}
    local health <const>, apps <const> = examine(self)
    return {
        name = self.name, created = description.created, status = status, health = health,
        apps = description.apps and json.array(describe_apps(description, apps)),
        os = self:os(), unit = unit.name(self.name), enabled = self:is_enabled(),
        userns = description.userns, settings = shown,
        security = security.describe(description.settings),
        addresses = json.array(self:addresses()),
        ports = json.array(app.settings(description).port or {}),
        leader = machine.leader, root = machine.root,
        path = store.path("containers", self.name),
        layers = description.layers and json.array(description.layers),
    }
end

---Changes settings: only those that are named, lists as a whole; `""` takes one away.
---
---Raises `EUSAGE` for a setting that there isn't, or that can't change.
---
---```lua
---local later <const> = web:set { memory = "512M", env = { TIER = "test" } }
---print(table.concat(later, ", "))
---web:set { memory = "", env = {} }
---```
---@param changes sdme.Settings what changes
---@return string[] later the names of those that take effect at the next start
function Container:set(changes)
    return change.set(self.name, changes)
end

---Gives it another name.
---
---Raises `EBUSY` if it runs, `EEXIST` if the name is taken.
---
---```lua
---local db <const> = sdme.create { name = "db" }
---db:rename "archive"
---print(db.name)
---db:remove()
---```
---@param name string the new name
function Container:rename(name)
    change.rename(self.name, name)
    self.name = name
end

---Runs a command and returns a result once it has ended. The command is a transient service of the
---guest's manager: it has no terminal unless `tty` says so, and its streams are pipes, binary
---clean. SIGINT and SIGTERM of ours are passed on to it.
---
---Raises `ESRCH` if the container doesn't run; `ENOENT` or `EACCES` if the command isn't there or
---can't be executed, with a `status` of 127 or 126 as shells have it; `ECONNRESET` with a `status`
---of 255 if the container went down and nobody can tell how the command ended, but a command that
---has it go down, such as `reboot`, has then succeeded.
---
---```lua
---local result <const> = web:exec { "tr", "a-z", "A-Z", stdin = "hello\n" }
---print(result.code, result.stdout)
---web:exec { "systemctl", "daemon-reload", check = true }
---```
---@param command sdme.ExecOptions the program and its arguments, and how they run
---@return sdme.Result result
function Container:exec(command)
    return session.exec(self.name, command)
end

---Opens a login session on the caller's terminal, or on its stdin, stdout and stderr where they are
---none. Typing `^]` three times within a second leaves it.
---
---Raises what `container:exec` does.
---
---```lua
---web:shell { argv = { "true" } }
---```
---@param options sdme.ShellOptions? whose, and what runs
---@return sdme.Result result
function Container:shell(options)
    return session.shell(self.name, options or {})
end

---Writes its journal to stdout: the guest's while it runs, by its own `journalctl`; else what its
---service left in the host's.
---
---```lua
---web:logs { lines = 3 }
---```
---@param options sdme.LogsOptions? what of it
---@return sdme.Result result
function Container:logs(options)
    return logs.logs(self.name, options or {})
end

-- A path that is not taken for one in a container.
local function as_host_path(path)
    return path:find "^[./]" and path or "./" .. path
end

---@class sdme.DiffOptions
---@field paths string[]? absolute; only what is there or below is listed

---What it has changed in what it was made from.
---
---```lua
---for _, change in ipairs(web:diff { paths = { "/etc" } }) do
---    print(change.change, change.path)
---end
---```
---@param options sdme.DiffOptions? what of it
---@return sdme.Change[] changes by path
function Container:diff(options)
    return require("sdme.container.diff").changes(self.name, (options or {}).paths)
end

---Copies a file of this host, or a directory and all below it, into it, running or not. Directories
---on both sides become one. Owners are those inside.
---@param host_path string what to copy
---@param path string in the container; a directory that is there gets it under its own name
function Container:push(host_path, path)
    require("sdme.copy").run(as_host_path(host_path), self.name .. ":" .. path)
end

---Copies a file of it, or a directory and all below it, to this host. No link in the container
---leads out of it.
---
---```lua
---web:push("/etc/hostname", "/root/of-the-host")
---web:pull("/root/of-the-host", "/var/tmp/back")
---print(web:exec({ "cat", "/root/of-the-host" }).stdout == io.open("/var/tmp/back"):read "a")
---```
---@param path string in the container
---@param host_path string where to; a directory that is there gets it under its own name
function Container:pull(path, host_path)
    require("sdme.copy").run(self.name .. ":" .. path, as_host_path(host_path))
end

---@class sdme.SnapshotOptions
---@field force boolean? whether a rootfs of that name is replaced

---Makes a rootfs of what it is now. A stopped container's own layer becomes one of the rootfs at
---once, and it goes on with an empty one above; a running one is frozen while its layer is copied,
---and of a clone the files of the host are copied too.
---
---Raises `EEXIST` if the name is taken.
---@param fs string the name of the rootfs
---@param options sdme.SnapshotOptions? what may be replaced
---@return sdme.Rootfs rootfs
function Container:snapshot(fs, options)
    lifecycle.read(self.name)
    return require("sdme.container.snapshot").take(self.name, fs, options)
end

---Writes out what it is now, as `rootfs:export` does; a running one is frozen while what it has
---changed is copied.
---@param destination string a path, or `"-"` for the standard output
---@param options sdme.ExportOptions? in which form
---@return sdme.Exported exported
function Container:export(destination, options)
    lifecycle.read(self.name)
    local lock <close> = store.lock("container", self.name)
    local transaction <close> = layer.begin()
    local export <const> = require "sdme.export"
    local snapshot <const> = require "sdme.container.snapshot"
    if export.wants_layers(destination, options) then
        local composition <const> = snapshot.compose(self.name, transaction, options)
        return export.write_with_progress(composition, destination, options)
    end
    local tree <close> = snapshot.view(self.name, transaction)
    return export.write_with_progress(tree, destination, options)
end

---Its settings as they are stored.
---
---```lua
---print(web:settings().memory)
---```
---@return sdme.Settings settings
function Container:settings()
    return lifecycle.read(self.name).settings
end

---What `sdme ps` shows of all containers, asked side by side.
---@return table[]
function M.status()
    lifecycle.sweep()
    local states <const> = {}
    for _, listed in ipairs(host.manager():list_units(unit.name "*")) do
        states[listed.name] = listed.active
    end
    local rows, running = {}, {}
    for i, name in ipairs(M.names()) do
        local row <const> = {
            name = name, status = STATUS[states[unit.name(name)] or "inactive"] or "unknown",
            rootfs = "host", addresses = json.array {},
        }
        rows[i] = row
        local ok, found = pcall(lifecycle.read, name)
        if not ok then
            row.health, row.problem = "unknown", tostring(found)
        else
            row.rootfs = found.build and "build of " .. found.build.recipe
                or found.settings.fs or "host"
            row.os = os_of(found)
            row.security = security.describe(found.settings).level
            row.pod, row.oci_pod = found.settings.pod, found.settings.oci_pod
            row.ports = json.array(app.settings(found).port or {})
            row.health = not is_complete(found) and "missing fs" or nil
        end
        if ok and row.status ~= "stopped" then
            running[#running + 1] = function()
                local container <const> = object(name)
                local apps
                row.health, apps = examine(container)
                row.apps = #apps > 0 and json.array(apps) or nil
                row.addresses = json.array(container:addresses())
            end
        end
    end
    task.all(table.unpack(running))
    return rows
end

return M
