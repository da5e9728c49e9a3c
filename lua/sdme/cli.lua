-- The command line: finds the command, reads its arguments, runs it, and tells what went wrong.

local arguments <const> = require "sdme.arguments"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local lazy <const> = require "sdme.lazy"
local listing <const> = require "sdme.listing"
local observe <const> = require "sdme.observe"

local text <const> = lazy.module "sdme.text"

local M <const> = {}

---The command that all others are subcommands of.
---@type sdme.Command
M.root = {
    name = "sdme",
    summary = "boot and edit systemd containers",
    options = {
        { long = "config", value = "FILE", kind = kind.file,
            help = "configuration file (default: /etc/sdme.conf)" },
        { long = "datadir", value = "DIR", kind = kind.directory,
            help = "where everything is kept (default: /var/lib/sdme)" },
        { long = "version", short = "V", help = "show the version" },
    },
    subcommands = require "sdme.command",
}

---The command behind an entry of `subcommands`, loaded if need be.
---@param entry table
---@return sdme.Command
function M.load(entry)
    return entry.module and require(entry.module) or entry
end

local function nearest(command, word)
    local names = {}
    for _, entry in ipairs(command.subcommands) do
        if not arguments.is_hidden(entry) then
            names[#names + 1] = entry.name
        end
    end
    return text.nearest(word, names)
end

local function find(command, path, word)
    for _, entry in ipairs(command.subcommands) do
        if entry.name == word then
            return M.load(entry)
        end
    end
    local meant <const> = nearest(command, word)
    return fault.raise("EUSAGE", ("see `%s --help`"):format(path),
        "unknown command '%s'%s", word, meant and ("; did you mean %s?"):format(meant) or "")
end

-- A command with subcommands takes options of its own up to the name of one.
local function read_branch(command, path, words)
    return arguments.parse({
        name = command.name,
        options = command.options,
        operands = {
            { name = "COMMAND", optional = true }, { name = "REST", many = true, optional = true },
        },
        stop_at_operand = "COMMAND",
    }, words, path)
end

---The help of a command.
---@param names string[] its name, and that of a subcommand; none for sdme itself
---@return string
function M.help(names)
    local command, path = M.root, "sdme"
    for _, name in ipairs(names) do
        if not command.subcommands then
            fault.usage("%s has no commands of its own", path)
        end
        command = find(command, path, name)
        path = path .. " " .. command.name
    end
    return require("sdme.help").text(command, path, M.load)
end

-- The user that the kernel checks.
local function is_root()
    local _, effective <const> = core.process.uid()
    return effective == 0
end

local function check_root(command, path)
    if not command.anyone and not is_root() then
        fault.raise("EPERM", "run it with sudo", "%s needs root", path)
    end
end

local function show_help(command, path)
    listing.write(require("sdme.help").text(command, path, M.load))
end

-- `context` is what the levels of a command line share: whether to be verbose.
local function run(command, path, words, context)
    local given <const> = arguments.parse(command, words, path)
    if given.help then
        return show_help(command, path)
    end
    check_root(command, path)
    context.verbose = context.verbose or given.verbose
    given.verbose = context.verbose
    return command.run(given)
end

-- What the options of sdme itself ask for; true if that is all.
local function apply_globals(given)
    if given.version then
        listing.write("sdme ", core.version, "\n")
    elseif given.config or given.datadir then
        require("sdme.config").select { file = given.config, datadir = given.datadir }
    end
    return given.version
end

-- Goes down from a command to the subcommand that the words name.
local function descend(command, path, words, context)
    if not command.subcommands then
        return run(command, path, words, context)
    end
    local given <const> = read_branch(command, path, words)
    context.verbose = context.verbose or given.verbose
    if given.help then
        return show_help(command, path)
    elseif command == M.root and apply_globals(given) then
        return nil
    elseif not given.command then
        fault.raise("EUSAGE", ("see `%s --help`"):format(path), "%s needs a command", path)
    end
    local subcommand <const> = find(command, path, given.command)
    return descend(subcommand, path .. " " .. subcommand.name, given.rest, context)
end

---Prints what was raised on stderr.
---@param raised any
---@param verbose boolean?
function M.report(raised, verbose)
    io.stderr:write(fault.report(raised, verbose), "\n")
end

---Asks before something is lost. Where nobody can answer it fails and names the flag to give.
---@param question string
---@param flag string
---@return boolean
function M.confirm(question, flag)
    if not listing.is_terminal(0) then
        fault.raise("EUSAGE", ("give %s"):format(flag), "%s: nobody to ask, stdin is no terminal",
            question)
    end
    io.stderr:write(text.printable(question), "? [y/N] ")
    local answer <const> = io.read "l"
    return answer ~= nil and answer:lower():find "^%s*y" ~= nil
end

---Runs a command line.
---@param words string[] what follows the name of the program
---@return integer status
function M.main(words)
    local context = {}
    observe.set(observe.terminal)
    local ok, result = xpcall(descend, fault.catch, M.root, "sdme", words, context)
    local flushed, unwritten = xpcall(listing.flush, fault.catch)
    if ok and not flushed then
        ok, result = false, unwritten
    end
    if ok then
        return math.type(result) == "integer" and result or 0
    end
    if not listing.is_unread(result) then
        M.report(result, context.verbose)
    end
    return fault.status(result)
end

return M
