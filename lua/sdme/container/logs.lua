-- What a container has logged: the guest's journal while it runs, and what is left of it.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local lazy <const> = require "sdme.lazy"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"
local text <const> = require "sdme.text"

local app <const> = lazy.module "sdme.app"
local app_unit <const> = lazy.module "sdme.unit.app"
local lifecycle <const> = lazy.module "sdme.container.lifecycle"
local session <const> = lazy.module "sdme.container.session"
local settle <const> = lazy.module "sdme.container.settle"
local unit <const> = lazy.module "sdme.unit.container"
local view <const> = lazy.module "sdme.view"

local M <const> = {}

-- Where a guest's journal is if it is kept (journald.conf(5), Storage=).
local JOURNAL <const> = "/var/log/journal"

-- More lines than one run of a container writes on its console.
local ALL <const> = 10000

-- Lines that `--follow` begins with, as in journalctl(1).
local SOME <const> = 10

-- The guest's own journalctl reads its journal: nothing of it is parsed by us.
local function guest_journal(name, options)
    local argv <const> = { "journalctl", "--no-pager" }
    if options.follow then
        argv[#argv + 1] = "--follow"
    end
    if options.app then
        local one <const> = app.find(lifecycle.read(name), options.app)
        argv[#argv + 1] = "--unit=" .. app_unit.name(one.name)
    end
    if options.lines then
        argv[#argv + 1] = ("--lines=%d"):format(options.lines)
    end
    table.move(options.argv or {}, 1, #(options.argv or {}), #argv + 1, argv)
    return session.exec(name, { argv = argv, stdin = "", stdout = options.stdout or 1,
        stderr = not options.stdout and 2 or nil })
end

local function write_entry(entry, output)
    local line <const> = os.date("%b %d %H:%M:%S ", math.floor(entry.time))
        .. text.printable((entry.message:gsub("\r", ""))) .. "\n"
    if output then
        fault.check(task.await(core.stream.writer(output, line)))
    else
        io.stdout:write(line)
    end
end

-- Ends only by an interruption.
local function follow_journal(name, lines, output)
    local journal <close> = fault.check(core.journal.open { unit = unit.name(name), lines = lines })
    while true do
        write_entry(fault.check(task.await(journal:next())), output)
        io.stdout:flush()
    end
end

-- What an application has said in a container that doesn't run, if that keeps its journal. Nobody
-- starts it meanwhile: its journald could shorten a file that is mapped here.
local function left_journal(name, options)
    local _ <close> = store.lock("container", name)
    if lifecycle.is_running(name) then
        fault.raise("EBUSY", nil, "logs %s: it is about to start or stop", name)
    end
    local description <const> = settle.read(name)
    local one <const> = app.find(description, options.app)
    local root <close> = view.container(description)
    local directory <close> = core.file.open_directory(JOURNAL, { root = root })
    if not directory or #fault.check(core.file.list(".", { root = directory })) == 0 then
        fault.raise("ENOENT", "sdme start " .. name,
            "logs %s: it keeps no journal while it doesn't run", name)
    end
    return fault.check(core.journal.tail {
        directory = directory, unit = app_unit.name(one.name), lines = options.lines or ALL,
    })
end

local function refuse_stopped(name, what)
    fault.raise("EUSAGE", "sdme start " .. name, "logs %s: %s a running container", name, what)
end

local function host_journal(name, options)
    if options.argv and #options.argv > 0 then
        refuse_stopped(name, "arguments for journalctl need")
    elseif options.app and options.follow then
        refuse_stopped(name, "to follow an application takes")
    elseif options.follow then
        follow_journal(name, options.lines or SOME, options.stdout)
    end
    local entries <const> = options.app and left_journal(name, options)
        or lifecycle.journal(name, options.lines or ALL)
    for _, entry in ipairs(entries) do
        write_entry(entry, options.stdout)
    end
    return session.DONE
end

---@class sdme.LogsOptions
---@field lines integer? how many of the latest; all without
---@field follow boolean? whether it goes on with what comes
---@field argv string[]? arguments for the guest's `journalctl`
---@field app string|true|nil only what an application says
---@field stdout sdme.AnyDescriptor? where it goes; our stdout without

---Writes the journal to stdout: the guest's while it runs, else what its unit left in the host's;
---of an application what is left in the guest's.
---@param name string
---@param options sdme.LogsOptions
---@return sdme.Result
function M.logs(name, options)
    lifecycle.read(name)
    if lifecycle.active_state(name) == "active" then
        return guest_journal(name, options)
    end
    return host_journal(name, options)
end

return M
