-- Commands in a running container: each is a transient unit of its manager, which is given the
-- caller's own descriptors (systemd.exec(5), systemd-run(1)).
--
-- Everything is sent before anything is waited for: the subscriptions, then the unit, so that its
-- end can't come unseen.

local core <const> = require "sdme.core"
local executable <const> = require "sdme.executable"
local fault <const> = require "sdme.fault"
local systemd <const> = require "sdme.systemd"
local task <const> = require "sdme.task"

local M <const> = {}

-- How a process ended: waitid(2).
local EXITED <const> = 1

-- What a shell's status says when the command itself never ran (POSIX, "Exit Status for Commands").
local NOT_EXECUTABLE <const> = 126
local NOT_FOUND <const> = 127

-- The exit statuses of systemd.exec(5), "Process Exit Codes", by which systemd tells that it did
-- not get as far as the command, with the option without which that can't be. What it could be
-- for no reason of ours is not here: then the status is more likely the command's own.
local EXEC <const> = 203
local REASONS <const> = {
    [200] = { "ENOENT", "can't enter the directory '%s'", "cwd" },
    [208] = { "EIO", "can't read from the terminal '%s'", "tty_path" },
    [209] = { "EIO", "can't write to the terminal '%s'", "tty_path" },
    [216] = { "ENOENT", "can't take on the groups of '%s'", "user" },
    [217] = { "ENOENT", "there is no user '%s'", "user" },
    [222] = { "EIO", "can't write to the terminal '%s'", "tty_path" },
    [224] = { "EACCES", "PAM service '%s' refuses a session", "pam" },
}

local STREAMS <const> = { "Input", "Output", "Error" }
local STREAM_OPTIONS <const> = { "stdin", "stdout", "stderr" }
local ELSEWHERE <const> = { stdin = "null", stdout = "journal", stderr = "journal" }

-- D-Bus carries nothing but UTF-8, and sd-bus no noncharacters.
local function check_text(what, text)
    local fine = type(text) == "string" and utf8.len(text) and not text:find("\0", 1, true)
    if fine then
        for _, code in utf8.codes(text) do
            fine = fine and code & 0xFFFE ~= 0xFFFE and not (code >= 0xFDD0 and code <= 0xFDEF)
        end
    end
    if not fine then
        fault.usage("%s is not text in UTF-8", what)
    end
end

local function program_path(options)
    local program <const> = options.argv[1]
    if program:find("^/") or not program:find("/", 1, true) then
        return program
    end
    return (options.cwd or "/"):gsub("/+$", "") .. "/" .. program
end

local function environment(env)
    local list <const>, search = {}, nil
    for name, value in pairs(env or {}) do
        check_text(("the environment's '%s'"):format(name), value)
        if not name:find("^[%a_][%w_]*$") then
            fault.usage("'%s' is no name for an environment variable", name)
        end
        list[#list + 1] = name .. "=" .. value
    end
    if env and env.PATH then
        search = {}
        for folder in env.PATH:gmatch "[^:]+" do
            search[#search + 1] = folder:find("^/") and folder or nil
        end
    end
    return list, search and #search > 0 and search or nil
end

local function properties(options)
    local list <const>, search <const> = environment(options.env)
    local argv <const> = table.move(options.argv, 1, #options.argv, 1, {})
    local unit <const> = {
        Description = table.concat(argv, " "):gsub("%c", " "),
        Type = "exec",
        AddRef = true,
        CollectMode = "inactive-or-failed",
        -- When the guest goes down, it is ended before the bus, which has yet to tell us how.
        After = { "dbus.service" },
        IgnoreSIGPIPE = false,
        ExecStartEx = { { program_path(options), argv, { "no-env-expand" } } },
        Environment = list,
        User = options.user,
        WorkingDirectory = options.cwd,
        PAMName = options.pam,
    }
    for i, option in ipairs(STREAM_OPTIONS) do
        local name <const> = "Standard" .. STREAMS[i]
        if options[option] ~= nil then
            unit[name .. "FileDescriptor"] = options[option]
            -- Two streams with the same setting are one to systemd, whatever their descriptors.
            unit[name] = "null"
        else
            unit[name] = options.tty_path and "tty" or ELSEWHERE[option]
        end
    end
    table.move(options.properties or {}, 1, #(options.properties or {}), 1, unit)
    if search then
        unit[#unit + 1] = { "ExecSearchPath", "as", search }
    end
    if options.tty_path then
        unit.TTYPath = options.tty_path
        unit.SendSIGHUP = true
    end
    return unit
end

local function check(options)
    if type(options.argv) ~= "table" or #options.argv == 0 then
        fault.usage "there is no command to run"
    end
    for i, argument in ipairs(options.argv) do
        check_text(i == 1 and "the command" or ("argument %d"):format(i - 1), argument)
    end
    if options.argv[1] == "" then
        fault.usage "the command's name is empty"
    end
    if options.cwd and options.cwd ~= "~" and not options.cwd:find("^/") then
        fault.usage("the directory '%s' is not an absolute path", options.cwd)
    end
end

---@class sdme.guest.Options
---@field argv string[]
---@field env table<string, string>?
---@field cwd string? "/" without
---@field user string? root without
---@field pam string? the PAM service of a session to open
---@field stdin any
---@field stdout any
---@field stderr any
---@field tty_path string?
---@field properties table[]? of its unit besides: { name, signature, value }
---@field root (fun(): any)?

---A command in a container.
---@class sdme.guest.Command
local Command <const> = {}
Command.__index = Command

---Starts a command. Nothing is waited for, so that several may be started at once.
---
---`argv` is the command; a name without a slash is looked for in env.PATH, else where systemd
---does. `stdin`, `stdout` and `stderr` are descriptors, /dev/null and the container's journal
---without; with `tty_path` (a terminal in the container) those not given are that terminal.
---`root` is called when the command could not be executed, and returns a descriptor of the
---container's root directory, to find out why.
---@param bus userdata the container's, of core.bus
---@param options sdme.guest.Options
---@return sdme.guest.Command
function M.start(bus, options)
    check(options)
    local unit <const> = ("sdme-%016x.service"):format((("I8"):unpack(core.digest.random(8))))
    local manager <const> = systemd.manager(bus)
    local match <const> = fault.check(bus:match {
        sender = "org.freedesktop.systemd1",
        path = systemd.unit_path(unit),
        interface = "org.freedesktop.DBus.Properties",
        member = "PropertiesChanged",
    })
    return setmetatable({
        bus = bus,
        manager = manager,
        unit = unit,
        options = options,
        match = match,
        changes = match:next(),
        job = manager:start_transient(unit, properties(options)),
    }, Command)
end

local function refuse(options, code, status, why)
    error(fault.new {
        message = ("%s: %s"):format(options.argv[1], why), code = code, status = status,
    }, 0)
end

-- systemd has not executed the command, or the command ended with just that status: says which.
local function explain_exec(options, ended)
    local root <close> = options.root and options.root() or nil
    if not root then
        refuse(options, "ENOENT", NOT_FOUND, "not found, or it can't be executed")
    end
    local obstacle <const>, found <const> = executable.obstacle(root, program_path(options), {
        search = options.env and options.env.PATH, user = options.user,
    })
    if obstacle and found then
        refuse(options, "EACCES", NOT_EXECUTABLE, obstacle)
    elseif obstacle then
        refuse(options, "ENOENT", NOT_FOUND, obstacle)
    end
    return ended
end

local function ending(service)
    if not service.ExecMainCode or service.ExecMainCode == 0 then
        return nil
    end
    return { [service.ExecMainCode == EXITED and "code" or "signal"] = service.ExecMainStatus }
end

-- Whether an option can be why systemd gave up.
local function can_be_why(options, option)
    local value <const> = options[option]
    if option == "cwd" and value and value ~= "~" and options.root then
        local root <close> = options.root()
        local directory <const> = root and core.file.stat(value, { root = root, follow = true })
        return not directory or directory.type ~= "directory"
    end
    return value ~= nil and not (option == "user" and value == "root")
end

-- The start job has failed: tells how the command ended, or raises why it never ran. A command
-- that ends at once looks the same, so a status that nothing of ours explains is its own.
function Command:failed_start(result)
    local service <const> = self.manager:unit_properties(self.unit, "Service")
    local options <const> = self.options
    local ended <const> = ending(service)
    if not ended then
        fault.raise(result == "canceled" and "ECANCELED" or "EIO", nil,
            "%s: its start job ended with '%s' (%s)", options.argv[1], result, service.Result)
    elseif ended.code == EXEC then
        return explain_exec(options, ended)
    end
    local reason <const> = REASONS[ended.code]
    if not reason or not can_be_why(options, reason[3]) then
        return ended
    end
    refuse(options, reason[1], NOT_EXECUTABLE, reason[2]:format(options[reason[3]]))
end

function Command:await_end()
    local result
    repeat
        local signal, message, code = task.await(self.changes)
        if signal then
            result = ending(signal.arguments[2])
        elseif code == "EOVERFLOW" then
            result = ending(self.manager:unit_properties(self.unit, "Service"))
        else
            fault.raise(code, nil, "%s", message)
        end
    until result
    return result
end

---Waits until the command has ended. After an interruption it may be called again.
---@return { code: integer?, signal: integer? }
function Command:wait()
    if not self.result then
        local started <const> = self.job:wait()
        self.started = true
        if self.early then
            self:kill(self.early)
        end
        self.result = started == "done" and self:await_end() or self:failed_start(started)
        self:close()
    end
    return self.result
end

---Sends a signal to all processes of the command, as a terminal does. One that comes before it has
---been started is sent again then.
---@param signal string|integer
---@return boolean whether there was one
function Command:kill(signal)
    self.early = not self.started and signal or nil
    local number <const> = math.type(signal) and signal or fault.check(core.process.signal(signal))
    local fine <const>, raised <const> =
        pcall(self.manager.kill_unit, self.manager, self.unit, "all", number)
    if fine or fault.is(raised, "ENOENT") or fault.is(raised, "ESRCH") then
        return fine
    end
    error(raised, 0)
end

---Lets the manager forget the unit. The command goes on if it hasn't ended.
function Command:close()
    if self.match then
        self.match:close()
        self.match = nil
        self.manager:call("UnrefUnit", "s", { self.unit })
    end
end

Command.__close = Command.close

---Runs a command to its end: `start` and `wait`.
---@return { code: integer?, signal: integer? }
function M.run(bus, options)
    local command <close> = M.start(bus, options)
    return command:wait()
end

return M
