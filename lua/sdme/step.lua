-- A command in a container that isn't booted, on a stack of layers: what it changes is one more
-- layer. The mounts are in a namespace of the process that runs it, as the launcher's are.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local guest_program <const> = require "sdme.guest_program"
local host <const> = require "sdme.host"
local interpreter <const> = require "sdme.unit.interpreter"
local json <const> = require "sdme.json"
local launcher <const> = require "sdme.launcher"
local lines <const> = require "sdme.lines"
local state <const> = require "sdme.store.state"
local task <const> = require "sdme.task"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

-- What the command gets of our environment: how to reach the network (curl(1), ENVIRONMENT).
local PASSED <const> = {
    "http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY",
    "NO_PROXY",
}

-- Its own, unless it is given others.
local ENVIRONMENT <const> = {
    PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME = "/root",
    LC_ALL = "C.UTF-8",
}

-- Directories that systemd-nspawn mounts something on, or makes to do so.
local MOUNTED <const> = { "dev", "proc", "run", "sys", "tmp" }

-- Seconds that what was killed may take to end.
local DYING <const> = 10

---What names the layer of a step: the same for the same layers below and the same doing.
---@param layers string[]
---@param doing any
---@return string id
function M.key(layers, doing)
    local digest <const> = fault.check(core.digest.new "sha256")
    digest:update(json.encode { layers = json.array(layers), doing = doing })
    return "step-" .. digest:hex()
end

local function environment(given)
    local env <const> = {}
    for _, name in ipairs(PASSED) do
        env[name] = os.getenv(name)
    end
    for _, some in ipairs { ENVIRONMENT, given or {} } do
        for name, value in pairs(some) do
            env[name] = value
        end
    end
    return env
end

-- The same for every step, so that none depends on where it happened to run.
local HOSTNAME <const> = "localhost"
local UUID <const> = "00000000-0000-4000-8000-000000000001"

-- Where programs of ours, and secrets, are inside: systemd-nspawn mounts a tmpfs on /run, so that
-- nothing of them comes to the layer.
local PROGRAM <const> = "/run/sdme/become"
local SECRETS <const> = "/run/secrets"

local function bind(option, source, target)
    return ("--%s=%s:%s"):format(option, launcher.escape(source), launcher.escape(target))
end

local function binds(description, add)
    add(bind("bind-ro", guest_program.path "become", PROGRAM))
    if #description.secrets > 0 then
        add(bind("bind-ro", description.stage .. "/secrets", SECRETS))
    end
    for _, one in ipairs(description.binds) do
        add(bind(one.read_only and "bind-ro" or "bind", one.source, one.path))
    end
end

-- The command, by way of what makes it another user's, has it begin elsewhere, and kills it when we
-- are gone: killing systemd-nspawn alone doesn't.
local function command(description, add)
    add(PROGRAM)
    if description.user then
        add("--user=" .. description.user)
    end
    add("--cwd=" .. (description.cwd or "/"))
    add "--"
    for _, word in ipairs(description.argv) do
        add(word)
    end
end

local function arguments(description, root)
    local list <const> = {
        launcher.nspawn(), "--quiet", "--as-pid2", "--register=no", "--settings=no",
        "--link-journal=no", "--timezone=off", "--console=pipe", "--private-users=no",
        "--hostname=" .. HOSTNAME, "--uuid=" .. UUID,
        "--machine=" .. description.machine, "--directory=" .. root,
    }
    local function add(word)
        list[#list + 1] = word
    end
    if description.network then
        add "--resolv-conf=bind-host"
    else
        add "--resolv-conf=off"
        add "--private-network"
    end
    local names <const> = {}
    for name in pairs(description.environment) do
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        add(("--setenv=%s=%s"):format(name, description.environment[name]))
    end
    binds(description, add)
    add "--"
    command(description, add)
    return list
end

-- Where systemd-nspawn keeps locks and what it shows a container of the host. What it leaves there
-- when it is killed stays until the host reboots, and nobody else needs that of a step: so it gets
-- a directory of its own, which goes with its mount namespace.
local RUNTIME <const> = "/run/systemd/nspawn"

local function hide_runtime_directory()
    fault.check(file.mkdir(RUNTIME, { mode = "0755", parents = true }))
    local target <close> = fault.check(file.open_directory(RUNTIME))
    local mount <close> = fault.check(core.mount.filesystem {
        type = "tmpfs", source = "tmpfs", read_only = false, options = { mode = "0755" },
    })
    fault.check(core.mount.attach(mount, target))
end

-- What comes before the values of secrets: how many bytes these are.
local LENGTH <const> = "<I8"

-- Values come through the pipe that is our stdin, so that they are in no file but those of the
-- tmpfs, and on no command line.
local function mount_secrets(description)
    local path <const> = description.stage .. "/secrets"
    if #description.secrets == 0 then
        return
    end
    -- The pipe has no end before ours: what reads it has to know how much there is.
    local values <const>, position = io.read((LENGTH:unpack(io.read(LENGTH:packsize())))), 1
    local mount <close> = fault.check(core.mount.filesystem {
        type = "tmpfs", source = "tmpfs", read_only = false, options = { mode = "0755" },
    })
    for _, secret in ipairs(description.secrets) do
        local value
        value, position = ("s4"):unpack(values, position)
        fault.check(file.write(secret.name, value,
            { root = mount, mode = "0400", uid = secret.uid, gid = secret.gid, sync = false }))
    end
    local target <close> = fault.check(file.open_directory(path))
    fault.check(core.mount.attach(mount, target))
end

local function mount_root(description, root)
    local target <close> = fault.check(file.open_directory(root))
    local mount <close> = fault.check(core.overlay.mount {
        lowers = view.lowers(description.layers), upper = description.stage .. "/tree",
        work = description.stage .. "/work",
    })
    if description.cwd and not file.stat(description.cwd, { root = mount, follow = true }) then
        fault.check(file.mkdir(description.cwd,
            { root = mount, parents = true, mode = "0755", uid = 0, gid = 0 }))
    end
    fault.check(core.mount.attach(mount, target))
end

---Becomes the command; returns only by raising.
---@param stage string the directory that `run` has prepared
function M.become(stage)
    local description <const> = state.read(stage .. "/step.json")
    description.stage = stage
    local root <const> = stage .. "/root"
    fault.check(core.mount.unshare())
    hide_runtime_directory()
    mount_root(description, root)
    mount_secrets(description)
    fault.check(core.process.replace { argv = arguments(description, root) })
end

local function prepare(options)
    for _, name in ipairs { "work", "root", "secrets" } do
        if not file.stat(options.stage .. "/" .. name) then
            fault.check(file.mkdir(options.stage .. "/" .. name, { mode = "0700" }))
        end
    end
    local secrets <const> = {}
    for i, secret in ipairs(options.secrets or {}) do
        secrets[i] = { name = secret.name, uid = secret.uid or 0, gid = secret.gid or 0 }
    end
    state.write(options.stage .. "/step.json", {
        layers = json.array(options.layers), argv = json.array(options.argv),
        network = options.network or false, environment = environment(options.environment),
        machine = "sdme-" .. options.stage:match "[^/]+$", user = options.user, cwd = options.cwd,
        binds = json.array(options.binds or {}), secrets = json.array(secrets),
    }, { sync = false })
end

local function spawn(options, output)
    local process <const> = fault.check(core.process.spawn {
        argv = {
            interpreter.path(), "--datadir", config.get "datadir", "__step", options.stage,
        },
        stdin = "pipe", stdout = output, stderr = output, death_signal = "KILL",
    })
    local values <const> = {}
    for i, secret in ipairs(options.secrets or {}) do
        values[i] = ("s4"):pack(secret.value)
    end
    if #values > 0 then
        local text <const> = table.concat(values)
        -- Who ends before it has read them says why in its output.
        task.await(core.stream.writer(process:stdin(), LENGTH:pack(#text) .. text,
            { close = false }))
    end
    return process
end

-- Ends what waits when the time that a step may take is over.
local function limit(seconds)
    local deadline <const> = seconds and core.poll.now() + seconds
    return function(pending)
        return deadline and task.timeout(pending, math.max(0, deadline - core.poll.now()))
            or pending
    end
end

-- Reads to the end what the command prints, and waits for it; nil when its time was over.
local function follow(process, from, tail, seconds)
    local within <const> = limit(seconds)
    local chunks <close> = fault.check(core.stream.chunks(from))
    repeat
        local data, message, code = task.await(within(chunks))
        if code == "ETIMEDOUT" then
            return nil
        end
        fault.check(data, message, code)
        tail:add(data)
    until data == ""
    return fault.check(task.await(process:wait()))
end

-- Has nobody write to the layer any more, however it came to an end.
local function stop(process, from)
    return setmetatable({}, { __close = function()
        process:close() -- and so the end of the pipe that the command's watcher reads
        task.await(task.timeout(core.stream.reader(from), DYING))
    end })
end

local function outcome(ended, options)
    if not ended then
        return ("took longer than %g s"):format(options.timeout)
    elseif ended.signal then
        return "ended with signal " .. ended.signal
    end
    return "ended with status " .. ended.code
end

---@class sdme.StepOptions
---@field layers string[] those that it runs on, from the bottom to the top
---@field stage string a directory in which `tree` is to get what it changes
---@field argv string[]
---@field shown string? the command as a fault has it; `argv` without
---@field what string what a fault is about
---@field environment table<string, string>?
---@field user string? "USER[:GROUP]" of the system that it runs in; root without
---@field cwd string? absolute; made where it is missing
---@field network boolean? the host's; without there is none
---@field timeout number? seconds
---@field binds { source: string, path: string, read_only: boolean? }[]?
---@field secrets { name: string, value: string, uid: integer?, gid: integer? }[]? files of
---  /run/secrets; what the command prints of a value isn't shown
---@field output fun(line: string)? called for each line that it prints

---Runs a command on layers, and waits for it. What it changes comes to `stage`/tree. Raises
---"EEXEC" with the last lines of its output.
---@param options sdme.StepOptions
function M.run(options)
    prepare(options)
    local tail <const> = lines.new { secrets = options.secrets, tell = options.output }
    local reading <const>, writing <const> = core.stream.pipe()
    local from <close> = reading
    local to <close> = writing
    local process <close> = spawn(options, to)
    to:close()
    local _ <close> = stop(process, from)
    local ended <const> = follow(process, from, tail, options.timeout)
    tail:finish()
    if not ended or ended.code ~= 0 then
        error(fault.new {
            message = ("%s: `%s` %s"):format(options.what,
                options.shown or table.concat(options.argv, " "), outcome(ended, options)),
            code = "EEXEC", details = tail:last(),
        }, 0)
    end
end

-- Where systemd-nspawn has the manager make a scope for the container of a step, and how that scope
-- is called after its machine.
local SLICE <const> = "/sys/fs/cgroup/machine.slice"
local SCOPE <const> = "^sdme%-%x+%.scope$"

local function is_empty(scope)
    local events <const> = file.read(("%s/%s/cgroup.events"):format(SLICE, scope))
    return events and events:find("populated 0", 1, true) ~= nil
end

---Ends the scopes of steps that were killed just when the manager took their process over: it never
---hears then that nobody is in there any more.
function M.sweep()
    for _, scope in ipairs(file.list(SLICE) or {}) do
        -- Until the scope is active its process may be on the way: so the second look counts.
        if scope:find(SCOPE) and is_empty(scope)
            and host.manager():unit_property(scope, "Unit", "ActiveState") == "active"
            and is_empty(scope)
        then
            task.await(host.manager():stop_unit(scope, "replace"))
        end
    end
end

-- Takes away what lies in the lower layers too, or was made only to mount something there.
local function remove_mounted(tree, below)
    for _, name in ipairs(MOUNTED) do
        if file.stat(name, { root = tree }) and file.stat(name, { root = below }) then
            fault.check(core.tree.remove(name, { root = tree }))
        end
    end
end

-- Directories with files that only say what went on while it ran.
local LOGS <const> = { "var/log", "var/log/apt", "var/log/journal" }

local function remove_logs(tree)
    for _, path in ipairs(LOGS) do
        local directory <close> = file.open_directory(path, { root = tree, follow = false })
        for _, name in ipairs(directory and file.list(".", { root = directory }) or {}) do
            local type <const> = (file.stat(name, { root = directory }) or {}).type
            if type == "file" or type == "directory" and path == "var/log/journal" then
                fault.check(core.tree.remove(name, { root = directory }))
            end
        end
    end
end

-- Files that differ each time, and that the system makes anew without them.
local VOLATILE <const> = {
    "etc/.updated", "var/.updated", "var/cache/apt/pkgcache.bin", "var/cache/apt/srcpkgcache.bin",
    "var/cache/ldconfig/aux-cache", "var/lib/systemd/random-seed",
}

local function remove_volatile(tree)
    for _, path in ipairs(VOLATILE) do
        if (file.stat(path, { root = tree }) or {}).type == "file" then
            fault.check(file.remove(path, { root = tree }))
        end
    end
end

-- A container gets an id of its own, and its resolv.conf from the host or its network.
local function remove_identity(tree, below)
    local resolv <const> = file.stat("etc/resolv.conf", { root = tree })
    if resolv and resolv.size == 0 and not file.stat("etc/resolv.conf", { root = below }) then
        fault.check(file.remove("etc/resolv.conf", { root = tree }))
    end
    local id <const> = file.stat("etc/machine-id", { root = tree })
    if id and id.type == "file" and id.size > 0 then
        fault.check(file.write("etc/machine-id", "", { root = tree, mode = "0444" }))
    end
    if (file.stat("var/lib/dbus/machine-id", { root = tree }) or {}).type == "file" then
        fault.check(file.remove("var/lib/dbus/machine-id", { root = tree }))
    end
end

---Takes out of a new layer what is of the run and not of the result.
---@param path string of its tree
---@param layers string[] those below it
function M.clean(path, layers)
    local tree <close> = fault.check(file.open_directory(path))
    local below <close> = view.stack(layers)
    remove_mounted(tree, below)
    remove_logs(tree)
    remove_volatile(tree)
    remove_identity(tree, below)
end

return M
