-- Containers as objects: what scripts and commands hold in their hands.

local app_status <const> = require "sdme.app.status"
local change <const> = require "sdme.container.change"
local core <const> = require "sdme.core"
local create <const> = require "sdme.container.create"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local json <const> = require "sdme.json"
local layer <const> = require "sdme.store.layer"
local lifecycle <const> = require "sdme.container.lifecycle"
local network <const> = require "sdme.network"
local os_release <const> = require "sdme.os_release"
local security <const> = require "sdme.security"
local session <const> = require "sdme.container.session"
local setting <const> = require "sdme.setting"
local store <const> = require "sdme.store"
local systemd <const> = require "sdme.systemd"
local task <const> = require "sdme.task"
local unit <const> = require "sdme.unit.container"

local M <const> = {}

---@class sdme.Container
---@field name string
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

---Starts it and returns when its boot is over.
---@param options { timeout: number? }?
---@return number? seconds it took; nil if it was running already
function Container:start(options)
    self.boot_seconds = lifecycle.start(self.name, options or {})
    return self.boot_seconds
end

---@param options { how: "stop"|"term"|"kill"|nil }?
function Container:stop(options)
    lifecycle.read(self.name)
    lifecycle.stop(self.name, (options or {}).how)
end

---@param options { timeout: number?, how: string? }?
---@return number? seconds that the boot took
function Container:restart(options)
    self:stop { how = (options or {}).how }
    return self:start { timeout = (options or {}).timeout }
end

---Removes it, and stops it first if it runs: with `force` by killing it.
---@param options { force: boolean? }?
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
function Container:enable()
    if lifecycle.read(self.name).settings.ephemeral then
        fault.raise("EINVAL", ("sdme set %s --ephemeral=no"):format(self.name),
            "enable %s: it is ephemeral, and gone when the host goes down", self.name)
    end
    lifecycle.enable(self.name)
end

---Doesn't start it any more when the host boots.
function Container:disable()
    lifecycle.read(self.name)
    lifecycle.disable(self.name)
end

---@return boolean
function Container:is_enabled()
    return lifecycle.is_enabled(self.name)
end

local STATUS <const> = {
    active = "running", activating = "starting", deactivating = "stopping", failed = "failed",
    reloading = "running", inactive = "stopped",
}

---@return "running"|"starting"|"stopping"|"stopped"|"failed"
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
    local apps <const> = app_status.list(bus, lifecycle.read(name))
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

---What the guest's manager says of itself, and the checks of its applications; nothing of a
---container that isn't running.
---@return string? health ok, degraded, unhealthy, starting, failed, missing fs, unknown
function Container:health()
    return (examine(self))
end

---What its applications are doing.
---@return sdme.AppStatus[]
function Container:apps()
    return (select(2, examine(self)))
end

---Its addresses on a network of its own that others can use, and can go on using: none that are
---only of a link.
---@return string[]
function Container:addresses()
    local settings <const> = lifecycle.read(self.name).settings
    if not network.has_interface(settings) or self:status() ~= "running" then
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

---The name of the system in it.
---@return string
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

---Everything about it, as a table for JSON.
---@param options { secrets: boolean? }?
---@return table
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
        leader = machine.leader, root = machine.root,
        path = store.path("containers", self.name),
        layers = description.layers and json.array(description.layers),
    }
end

---Changes settings: only what is named, "" takes one away.
---@param changes table
---@param flags boolean? whether faults call them by their flags
---@return string[] later the names of changes that take effect at the next start
function Container:set(changes, flags)
    return change.set(self.name, changes, { flags = flags })
end

---Gives it another name; it must not be running.
---@param name string
function Container:rename(name)
    change.rename(self.name, name)
    self.name = name
end

---Runs a command in it: `c:exec { "ls", "-l" }` returns { code, signal, stdout, stderr }.
---@param command table
---@return { code: integer?, signal: integer?, stdout: string?, stderr: string? }
function Container:exec(command)
    return session.exec(self.name, command)
end

---Opens a login session on the caller's terminal.
---@param options { user: string?, argv: string[]? }?
---@return { code: integer?, signal: integer? }
function Container:shell(options)
    return session.shell(self.name, options or {})
end

---Its journal: the guest's while it runs, else what its unit left in the host's.
---@param options { lines: integer?, follow: boolean?, argv: string[]?, stdout: any }?
---@return { code: integer?, signal: integer? }
function Container:logs(options)
    return session.logs(self.name, options or {})
end

-- A path that is not taken for one in a container.
local function as_host_path(path)
    return path:find "^[./]" and path or "./" .. path
end

---What it has changed in what it was made from.
---@param options { paths: string[]? }? only what is there or below
---@return sdme.Change[]
function Container:diff(options)
    return require("sdme.container.diff").changes(self.name, (options or {}).paths)
end

---Copies a file of this host, or a directory with all below it, into it.
---@param host_path string
---@param path string in the container; a directory that is there gets it under its own name
function Container:push(host_path, path)
    require("sdme.copy").run(as_host_path(host_path), self.name .. ":" .. path)
end

---Copies a file of it, or a directory with all below it, to this host.
---@param path string in the container
---@param host_path string a directory that is there gets it under its own name
function Container:pull(path, host_path)
    require("sdme.copy").run(self.name .. ":" .. path, as_host_path(host_path))
end

---Makes a rootfs of what it is now: at once while it is stopped; a running one is frozen while its
---own layer is copied.
---@param fs string the name of the rootfs
---@param options { force: boolean? }? `force` replaces one of that name
---@return sdme.Rootfs
function Container:snapshot(fs, options)
    lifecycle.read(self.name)
    return require("sdme.container.snapshot").take(self.name, fs, options)
end

---Writes out what it is now: a directory, an archive, a disk image, or an image of layers.
---@param destination string a path, or "-" for the standard output
---@param options sdme.ExportOptions?
---@return { path: string, size: integer }
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

---Its settings.
---@return table
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
            row.rootfs, row.os = found.settings.fs or "host", os_of(found)
            row.security = security.describe(found.settings).level
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
