-- A command in a container that isn't booted, on a stack of layers: what it changes is one more
-- layer. The mounts are in a namespace of the process that runs it, as the launcher's are.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local interpreter <const> = require "sdme.unit.interpreter"
local json <const> = require "sdme.json"
local launcher <const> = require "sdme.launcher"
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

-- Lines of its output that explain why it failed.
local LINES <const> = 20

-- What of its output is looked at for them.
local TAIL <const> = 64 << 10

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

local function arguments(description, root)
    local list <const> = {
        launcher.nspawn(), "--quiet", "--as-pid2", "--register=no", "--settings=no",
        "--link-journal=no", "--timezone=off", "--console=pipe", "--private-users=no",
        "--machine=" .. description.machine, "--directory=" .. root,
    }
    if description.network then
        list[#list + 1] = "--resolv-conf=bind-host"
    else
        table.move({ "--resolv-conf=off", "--private-network" }, 1, 2, #list + 1, list)
    end
    local names <const> = {}
    for name in pairs(description.environment) do
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        list[#list + 1] = ("--setenv=%s=%s"):format(name, description.environment[name])
    end
    list[#list + 1] = "--"
    return table.move(description.argv, 1, #description.argv, #list + 1, list)
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

---Becomes the command; returns only by raising.
---@param stage string the directory that `run` has prepared
function M.become(stage)
    local description <const> = state.read(stage .. "/step.json")
    local root <const> = stage .. "/root"
    fault.check(core.mount.unshare())
    hide_runtime_directory()
    do
        local target <close> = fault.check(file.open_directory(root))
        local mount <close> = fault.check(core.overlay.mount {
            lowers = view.lowers(description.layers), upper = stage .. "/tree",
            work = stage .. "/work",
        })
        fault.check(core.mount.attach(mount, target))
    end
    fault.check(core.process.replace { argv = arguments(description, root) })
end

local function prepare(options)
    for _, name in ipairs { "work", "root" } do
        if not file.stat(options.stage .. "/" .. name) then
            fault.check(file.mkdir(options.stage .. "/" .. name, { mode = "0700" }))
        end
    end
    state.write(options.stage .. "/step.json", {
        layers = json.array(options.layers), argv = json.array(options.argv),
        network = options.network or false, environment = environment(options.environment),
        machine = "sdme-" .. options.stage:match "[^/]+$",
    })
end

local function last_lines(path)
    local log <close> = io.open(path, "rb")
    local size <const> = log and log:seek "end" or 0
    if size == 0 then
        return {}
    end
    log:seek("set", math.max(0, size - TAIL))
    local lines <const> = {}
    for line in log:lines() do
        lines[#lines + 1] = line:gsub("\r", "")
    end
    return table.move(lines, math.max(1, #lines - LINES + 1), #lines, 1, {})
end

local function spawn(stage, output)
    return fault.check(core.process.spawn {
        argv = { interpreter.path(), "--datadir", config.get "datadir", "__step", stage },
        stdin = "null", stdout = output, stderr = output, death_signal = "KILL",
    })
end

---Runs a command on layers, and waits for it. What it changes comes to `stage`/tree.
---@param options { layers: string[], stage: string, argv: string[], environment: table?, network:
---boolean?, what: string } `what` is what a fault is about
function M.run(options)
    prepare(options)
    local path <const> = options.stage .. "/log"
    local output <close> = assert(io.open(path, "ab"))
    local process <close> = spawn(options.stage, output)
    local ended <const> = task.await(process:wait())
    if ended.code ~= 0 then
        error(fault.new {
            message = ("%s: `%s` ended with %s"):format(options.what,
                table.concat(options.argv, " "), ended.signal and "signal " .. ended.signal
                    or "status " .. ended.code),
            code = "EEXEC", details = last_lines(path),
        }, 0)
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

-- Files that only say what went on while it ran.
local function remove_logs(tree)
    local directory <close> = file.open_directory("var/log", { root = tree })
    for _, name in ipairs(directory and file.list(".", { root = directory }) or {}) do
        if (file.stat(name, { root = directory }) or {}).type == "file" then
            fault.check(file.remove(name, { root = directory }))
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
    remove_identity(tree, below)
end

return M
