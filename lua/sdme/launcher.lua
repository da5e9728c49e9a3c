-- What the service of a container runs: it mounts the container's files in a mount namespace of
-- its own, and becomes systemd-nspawn. So the mounts live and die with the service.

local app <const> = require "sdme.app"
local apparmor <const> = require "sdme.apparmor"
local app_secret <const> = require "sdme.app.secret"
local apps <const> = require "sdme.app.launch"
local broker <const> = require "sdme.pod.broker"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local files <const> = require "sdme.container.files"
local interpreter <const> = require "sdme.unit.interpreter"
local memory <const> = require "sdme.container.memory"
local member <const> = require "sdme.pod.member"
local names <const> = require "sdme.names"
local network <const> = require "sdme.network"
local pod <const> = require "sdme.pod"
local port <const> = require "sdme.container.port"
local secret <const> = require "sdme.secret"
local setting <const> = require "sdme.setting"
local settle <const> = require "sdme.container.settle"
local static <const> = require "sdme.network.static"
local store <const> = require "sdme.store"
local text <const> = require "sdme.unit.text"

local file <const> = core.file

local M <const> = {}

-- Where the guest's manager finds the container's environment (systemd-system.conf(5)). /run would
-- do as well, but systemd-nspawn makes directories in it that a guest's root doesn't own.
local ENVIRONMENT <const> = "/etc/systemd/system.conf.d/sdme-environment.conf"

-- Filesystems that overlayfs takes no upper layer from (overlayfs.rst, Upper and Lower).
local NO_UPPER <const> = { overlay = true, nfs = true, vfat = true, fuse = true, ["9p"] = true }

local NSPAWN_PATHS <const> = { "/usr/bin/systemd-nspawn", "/bin/systemd-nspawn" }

---Where systemd-nspawn is; raises where there is none.
---@return string
function M.nspawn()
    for _, path in ipairs(NSPAWN_PATHS) do
        if file.stat(path) then
            return path
        end
    end
    fault.raise("ENOENT", "install the package systemd-container",
        "systemd-nspawn is not installed")
end

---The type of the filesystem of a directory; raises where that can't hold an upper layer.
---@param path string
---@return string
function M.check_upper(path)
    local type <const> = fault.check(file.statfs(path)).type
    if NO_UPPER[type] then
        fault.raise("EUNSUPPORTED", "choose another one: --datadir, `sdme config set datadir`",
            "%s is on %s, which can't hold what a container changes", path, type)
    end
    return type
end

---Raises where something that a container needs of the host isn't there.
---@param name string
---@param settings table
function M.check(name, settings)
    local function need(path, what, changes)
        if not file.stat(path, { follow = true }) then
            fault.raise("ENOENT", "or do without: " .. setting.command(name, changes),
                "%s of %s: %s is gone", what, name, path)
        end
    end
    M.nspawn()
    interpreter.path()
    M.check_upper(store.path())
    pod.check(settings, "start " .. name)
    broker.check(settings, "start " .. name)
    secret.check(settings, "start " .. name)
    for i, bind in ipairs(settings.bind or {}) do
        need(bind.source, "bind", { bind = setting.without(settings.bind, i) })
    end
    for i, path in ipairs(settings.device or {}) do
        need(path, "device", { device = setting.without(settings.device, i) })
    end
    if settings.network_bridge then
        need("/sys/class/net/" .. settings.network_bridge, "network-bridge",
            { network_bridge = "", network_veth = true })
    end
end

---A path in a bind of systemd-nspawn, which splits that at colons; a backslash takes one literally.
---@param path string
---@return string
function M.escape(path)
    return (path:gsub("[\\:]", "\\%0"))
end

local escape <const> = M.escape

local function bind_argument(bind, userns)
    local argument = ("--bind%s=%s:%s"):format(bind.read_only and "-ro" or "",
        escape(bind.source), escape(bind.target))
    return userns and bind.owners ~= "disk" and argument .. ":idmap" or argument
end

---The command line of systemd-nspawn(1).
---@param description table the state of a container
---@param root string where its files are mounted
---@param environment string? a file for the guest's manager
---@param more table[]? binds besides those of the settings: see sdme.app.launch
---@return string[]
function M.arguments(description, root, environment, more)
    local settings, userns <const> = description.settings, description.userns
    local arguments <const> = {
        M.nspawn(), "--quiet", "--keep-unit", "--boot", "--notify-ready=yes", "--settings=no",
        "--link-journal=no", "--machine=" .. description.name, "--directory=" .. root,
    }
    local function add(...)
        table.move({ ... }, 1, select("#", ...), #arguments + 1, arguments)
    end
    if userns then
        add(("--private-users=%d:%d"):format(userns.base, userns.count),
            "--private-users-ownership=off")
    else
        add "--private-users=no"
    end
    add(table.unpack(network.arguments(settings)))
    for _, binds in ipairs { settings.bind or {}, more } do
        for _, bind in ipairs(binds) do
            add(bind_argument(bind, userns))
        end
    end
    for _, path in ipairs(settings.device or {}) do
        add("--bind=" .. escape(path))
    end
    for _, capability in ipairs(settings.capability or {}) do
        add("--capability=" .. capability)
    end
    for _, capability in ipairs(settings.drop_capability or {}) do
        add("--drop-capability=" .. capability)
    end
    add(table.unpack(member.arguments(settings)))
    add(table.unpack(app_secret.arguments(settings)))
    for _, filter in ipairs(settings.system_call_filter or {}) do
        add("--system-call-filter=" .. filter)
    end
    if settings.no_new_privileges then
        add "--no-new-privileges=yes"
    end
    if settings.read_only then
        add "--read-only"
    end
    if environment then
        add("--bind-ro=" .. escape(environment) .. ":" .. ENVIRONMENT)
    end
    return arguments
end

---What the guest's manager reads to give everything in it the container's environment; it isn't
---in the command line, where every process of the host could read it.
---@param env table<string, string>
---@return string
function M.environment(env)
    local words <const> = {}
    for name, value in pairs(env) do
        words[#words + 1] = text.quote(name .. "=" .. value)
    end
    table.sort(words)
    return text.render { { "Manager", { "DefaultEnvironment", words } } }
end

-- Writes it to the container's memory, and an empty file among its files to bind it to: so it is in
-- no layer.
local function write_environment(description, root)
    local env <const> = description.settings.env
    if not env or not next(env) then
        return nil
    end
    local base <const> = description.userns and description.userns.base or 0
    local path <const> = memory.path(description.name, "environment.conf")
    fault.check(file.write(path, M.environment(secret.resolve(env)),
        { mode = "0600", uid = base, gid = base, sync = false }))
    local merged <close> = fault.check(file.open_directory(root))
    if not file.exists(ENVIRONMENT, { root = merged }) then
        fault.check(file.mkdir(ENVIRONMENT:match "^(.*)/",
            { root = merged, parents = true, uid = base, gid = base }))
        fault.check(file.write(ENVIRONMENT, "", { root = merged, uid = base, gid = base }))
    end
    return path
end

local function attach(mount, root, path)
    local target <close> = fault.check(file.open_directory(path, { root = root }))
    fault.check(core.mount.attach(mount, target))
end

local function note(...)
    io.stderr:write("sdme: ", ..., "\n")
end

-- What can't be below an overlay is shown as it is, read-only.
local function mount_submount(description, path, root)
    if not file.exists(path, { root = root }) then
        return -- a directory that was removed in the clone
    end
    local ok, mount = pcall(files.mount, description, { path = path, note = note })
    if not ok then
        note(path, " is read-only in the clone: ", tostring(mount))
        mount = fault.check(core.mount.clone(path, { read_only = true }))
    end
    attach(mount, root, path)
end

local function mount_root(description)
    local root <const> = store.path("containers", description.name, "root")
    do
        local target <close> = fault.check(file.open_directory(root))
        fault.check(core.mount.attach(files.mount(description, { note = note }), target))
    end
    local mounted <close> = fault.check(file.open_directory(root))
    for _, path in ipairs(description.layers and {} or files.submounts(description)) do
        mount_submount(description, path, mounted)
    end
    local binds <const> = apps.mount(description, mounted, note)
    local own <const> =
        { member.binds(description, mounted), names.register(description, mounted) }
    for _, more in ipairs(own) do
        table.move(more, 1, #more, #binds + 1, binds)
    end
    return root, binds
end

---Becomes the container; returns only by raising.
---@param name string
function M.launch(name)
    -- Held until the container has its mounts: nobody changes its files or layers before.
    local lock <close> = store.lock("container", name)
    local description <const> = settle.read(name)
    description.settings = app.settings(description)
    -- So that the journal of this run can be told from that of earlier ones.
    fault.check(file.write(store.path("containers", name, "invocation"),
        os.getenv "INVOCATION_ID" or "", { mode = "0600", sync = false }))
    M.check(name, description.settings)
    apparmor.check_confined(description.settings.apparmor_profile)
    -- Made, if it must be, where the mount that holds it is the host's.
    local settings <const> = description.settings
    local netns = member.networks(settings)
    if static.is_wanted(settings) then
        netns = static.make(name, settings)
        description.settings = static.settings(settings)
    end
    fault.check(core.mount.unshare())
    memory.mount(name, description.settings)
    local root <const>, binds <const> = mount_root(description)
    local environment <const> = write_environment(description, root)
    port.open(name, settings)
    lock:close()
    if netns then
        -- Before there is a user namespace: from within one nobody gets into the pod's network.
        -- systemd-nspawn's own option for it would show the host's interfaces in /sys.
        fault.check(core.netns.enter(netns))
    end
    fault.check(core.process.replace {
        argv = M.arguments(description, root, environment, binds),
    })
end

return M
