-- Commands and sessions in a running container.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local lazy <const> = require "sdme.lazy"
local task <const> = require "sdme.task"

local app_command <const> = lazy.module "sdme.app.command"
local guest <const> = lazy.module "sdme.guest"
local lifecycle <const> = lazy.module "sdme.container.lifecycle"
local shutdown <const> = lazy.module "sdme.container.shutdown"

local M <const> = {}

-- The PAM service of a login session, as machinectl(1) uses it.
local LOGIN <const> = "login"

-- The shell of whoever logs in: systemd sets SHELL from the guest's own user database.
local LOGIN_SHELL <const> = { "/bin/sh", "-c", 'exec "${SHELL:-/bin/sh}" -l' }

-- The shell in an application, if its image has one.
local SHELL <const> = { "/bin/sh" }

-- What `exec` keeps of a command's output at most.
local CAPTURE <const> = 64 << 20

-- Seconds between a session's hang-up and its end, when its user has left it.
local GRACE <const> = 0.5

local STREAMS <const> = { "stdin", "stdout", "stderr" }

---@class sdme.ExecOptions
---@field [integer] string the program and its arguments
---@field argv string[]? the same, instead of the table itself
---@field env table<string, string>? variables of its environment
---@field cwd string? where it runs, an absolute path; `/`
---@field user string? who runs it, by name or id; root
---@field app string|true|nil an application's name, or true for the only one, which decides the
---  three
---  above
---@field tty boolean? whether it has a terminal, joined with the caller's
---@field check boolean? whether another status than 0 raises `EEXEC`
---@field stdin string|sdme.AnyDescriptor|nil what it reads; without it `/dev/null`
---@field stdout sdme.AnyDescriptor? where it writes; without it the output is captured, 64 MiB at
---  most
---@field stderr sdme.AnyDescriptor? the same of stderr
local OPTIONS <const> = {
    argv = "table", env = "table", cwd = "string", user = "string", tty = "boolean",
    app = { string = true, boolean = true },
    check = "boolean", stdin = true, stdout = true, stderr = true,
}

---How a command ended.
---@class sdme.Result
---@field code integer? what the command exited with; nil if a signal ended it
---@field signal integer? the number of the signal that ended it
---@field left boolean? whether the user left the session by `^]`
---@field stdout string? what it wrote, unless a descriptor was given for it
---@field stderr string? the same of stderr
local Result <const> = {}
Result.__index = Result

-- Of what has no command.
M.DONE = setmetatable({ code = 0 }, Result)

---As a shell has it: the exit status, or 128 and the number of the signal.
---
---```lua
---print(web:exec({ "sh", "-c", "kill -TERM $$" }):status())
---```
---@return integer status
function Result:status()
    return self.code or 128 + self.signal
end

-- The argv of `c:exec { "ls", "-l", user = "x" }`, and its options.
local function read_command(command)
    if type(command) ~= "table" then
        fault.usage("exec takes a table, not a %s", type(command))
    end
    local options <const> = {}
    for name, value in pairs(command) do
        local expected <const> = OPTIONS[name]
        if not math.type(name) and not expected then
            fault.usage("exec has no option '%s'", tostring(name))
        elseif type(expected) == "string" and type(value) ~= expected then
            fault.usage("exec: '%s' is a %s, not a %s", name, expected, type(value))
        elseif type(expected) == "table" and not expected[type(value)] then
            fault.usage("exec: '%s' can't be a %s", name, type(value))
        end
        options[name] = value
    end
    options.argv = command.argv or table.pack(table.unpack(command))
    return options
end

-- The guest's bus. Whether the container runs at all is asked only where that is the question,
-- since the answer takes longer than the connection.
local function connect(name)
    lifecycle.read(name)
    local connected <const>, bus <const> = pcall(host.guest_bus, name)
    if connected then
        return bus
    elseif lifecycle.active_state(name) ~= "active" then
        fault.raise("ESRCH", "sdme start " .. name, "%s is not running", name)
    end
    error(bus, 0)
end

local function open_root(name)
    return function() return host.guest_root(name) end
end

-- A signal that comes while we wait is the command's, and then we go on waiting. The second one
-- ends us: the interpreter takes care of that.
local function persist(on_interrupt, wait, ...)
    local results <const> = table.pack(pcall(wait, ...))
    if not results[1] and fault.is(results[2], "EINTR") then
        on_interrupt()
        return persist(on_interrupt, wait, ...)
    elseif not results[1] then
        error(results[2], 0)
    end
    return table.unpack(results, 2, results.n)
end

local function ignore() end

-- A pending object that ends as soon as `is_over` says so, too.
local function unless(pending, is_over)
    return {
        poll = function()
            return pending:poll()
        end,
        step = function()
            if is_over() then
                return true
            end
            return pending:step()
        end,
    }
end

---How one stream of a command is connected: `passed` goes to the guest and is closed here once it
---is there, `work` runs beside the command.
---@class sdme.Connection
---@field passed any
---@field work (fun(is_over: fun(): boolean))?

-- A guest never gets a terminal of the host in its hands: it could type into it.
local function connect_input(from)
    if type(from) == "string" then
        local read_end, write_end = core.stream.pipe()
        return {
            passed = read_end,
            own = true,
            work = function(is_over)
                persist(ignore, task.await, unless(core.stream.writer(write_end, from), is_over))
                write_end:close()
            end,
        }
    elseif from and core.pty.isatty(from) then
        local read_end, write_end = core.stream.pipe()
        local relay <const> = core.stream.relay { from = from, to = write_end, close = true }
        return {
            passed = read_end,
            own = true,
            work = function(is_over)
                persist(ignore, task.await, unless(relay, is_over))
            end,
        }
    end
    return { passed = from }
end

local function connect_output(to, keep)
    if to and not core.pty.isatty(to) then
        return { passed = to }
    end
    local read_end, write_end = core.stream.pipe()
    local pending <const> = to and core.stream.relay { from = read_end, to = to }
        or core.stream.reader(read_end, { max = CAPTURE })
    return {
        passed = write_end,
        own = true,
        work = function()
            local read <const> = fault.check(persist(ignore, task.await, pending))
            if not to then
                keep(read)
            end
            read_end:close()
        end,
    }
end

-- Runs the command with the work of its streams beside it.
local function run_with(command, connections)
    local over = false
    local functions <const> = {
        function()
            local ok, result = pcall(persist, function()
                command:kill(core.interrupted() or "INT")
            end, command.wait, command)
            over = true
            if not ok then
                error(result, 0)
            end
            return result
        end,
    }
    for _, connection in ipairs(connections) do
        functions[#functions + 1] = connection.work and function()
            connection.work(function()
                return over
            end)
        end
    end
    return (task.all(table.unpack(functions)))
end

local function run_on_streams(bus, name, options)
    local captured <const> = {}
    local connections <const> = { connect_input(options.stdin) }
    for i = 2, 3 do
        connections[i] = connect_output(options[STREAMS[i]], function(output)
            captured[STREAMS[i]] = output
        end)
    end
    local command <close> = guest.start(bus, {
        argv = options.argv, env = options.env, cwd = options.cwd, user = options.user,
        pam = options.pam, properties = options.properties, root = open_root(name),
        stdin = connections[1].passed, stdout = connections[2].passed,
        stderr = connections[3].passed,
    })
    for _, connection in ipairs(connections) do
        if connection.own then
            connection.passed:close()
        end
    end
    local ended <const> = run_with(command, connections)
    return setmetatable({
        code = ended.code, signal = ended.signal, stdout = captured.stdout,
        stderr = captured.stderr,
    }, Result)
end

-- With a terminal of the guest's own, which is joined with the caller's.
local function run_on_terminal(bus, name, options)
    local master <close>, path = host.machines():open_pty(name)
    local env <const> = { TERM = os.getenv "TERM" or "dumb" }
    for key, value in pairs(options.env or {}) do
        env[key] = value
    end
    local forward <close> = fault.check(core.pty.forward {
        master = master, input = options.stdin or 0, output = options.stdout or 1,
        until_drained = true,
    })
    local command <close> = guest.start(bus, {
        argv = options.argv, env = env, cwd = options.cwd, user = options.user,
        pam = options.pam, properties = options.properties, root = open_root(name),
        tty_path = path,
    })
    local how
    local result <const> = task.all(function()
        local ended <const> = persist(ignore, command.wait, command)
        if not how then
            forward:drain()
        end
        return ended
    end, function()
        how = fault.check(persist(ignore, task.await, forward))
        if how == "escaped" then
            command:kill "HUP"
            task.sleep(GRACE)
            command:kill "KILL"
        end
    end)
    return setmetatable(how == "escaped" and { code = 0, left = true } or result, Result)
end

local function run(name, options, on_terminal)
    -- The guest's manager is about to move a process: what that waits for goes on meanwhile.
    local _ <close> = core.cgroup.expect_move()
    local bus <close> = connect(name)
    if options.app and #options.argv > 0 then
        options = app_command.inside(bus, lifecycle.read(name), options)
    else
        options.user = options.user or "root"
    end
    return setmetatable(shutdown.during(name, options.argv, function()
        return (on_terminal and run_on_terminal or run_on_streams)(bus, name, options)
    end), Result)
end

---Runs a command: its streams are captured unless descriptors are given for them.
---@param name string
---@param command table
---@return sdme.Result
function M.exec(name, command)
    local options <const> = read_command(command)
    local result <const> = run(name, options, options.tty)
    if options.check and result:status() ~= 0 then
        local said <const> = (result.stderr or ""):match "[^\n]+"
        fault.raise("EEXEC", nil, "%s in %s ended with status %d%s", options.argv[1], name,
            result:status(), said and ": " .. said or "")
    end
    return result
end

-- Who joins a clone of the host: the user who called sudo, because the clone knows them too.
local function default_user()
    local user <const> = os.getenv "SUDO_USER"
    return config.get "join_as_sudo_user" and user ~= "" and user or "root"
end

---@class sdme.ShellOptions
---@field user string? who; root without it, or `$SUDO_USER` in a clone of the host if the
---  configuration's `join_as_sudo_user` is on
---@field argv string[]? what runs instead of a login shell
---@field app string|true|nil a shell in an application, and no login session

---Opens a login session, on the caller's terminal if there is one.
---@param name string
---@param options sdme.ShellOptions
---@return sdme.Result
function M.shell(name, options)
    local given <const> = options.argv and #options.argv > 0 and options.argv
    local terminal <const> = core.pty.isatty(0) and core.pty.isatty(1)
    local session <const> = { app = options.app, stdin = 0, stdout = 1, stderr = 2 }
    if options.app then
        session.argv, session.user = given or SHELL, options.user
    else
        session.argv, session.user = given or LOGIN_SHELL, options.user or default_user()
        session.cwd, session.pam = "~", LOGIN
    end
    return run(name, session, terminal)
end

return M
