-- How the benches measure: the same work in the same run, one and the other in turn, and the
-- medians compared; and how they say it.

local core <const> = require "sdme.core"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local M <const> = {}

M.sdme_program, M.runs = arg[1], tonumber(arg[2]) or 9
M.datadir = shell.run "mktemp -d /var/tmp/sdme-bench.XXXXXX"
local ENV <const> = { SDME_DATADIR = M.datadir, PATH = os.getenv "PATH" }

-- Where it is, so that it's not the speed of this machine's disk that is measured.
local IMAGE <const> = "/dev/shm/sdme-bench.ext4"

---Puts the data directory on an ext4 in memory, all of which is there from the beginning: as on a
---disk, what is written for the first time takes no longer than later.
function M.use_memory()
    shell.run([[fallocate -l 10G %s &&
        mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0,nodiscard %s &&
        mount -o loop %s %s]], IMAGE, IMAGE, IMAGE, M.datadir)
end

-- Runs a program to its end and returns the seconds that took.
function M.time(...)
    local argv <const> = { ... }
    local began <const> = core.poll.now()
    local process <close> = assert(core.process.spawn {
        argv = argv, env = ENV, stdin = "null", stdout = "null", stderr = "null",
    })
    local ended <const> = task.await(process:wait())
    local seconds <const> = core.poll.now() - began
    if ended.code ~= 0 then
        error(table.concat(argv, " ") .. ": status " .. tostring(ended.code or ended.signal))
    end
    return seconds
end

function M.sdme(...)
    return M.time(M.sdme_program, ...)
end

local function median(values)
    table.sort(values)
    return values[(#values + 1) // 2]
end

-- The medians of functions that return seconds, called in turn; the first turn isn't counted.
function M.measure(runs, ...)
    local functions <const>, values, medians = { ... }, {}, {}
    for turn = 0, runs do
        for i, f in ipairs(functions) do
            values[i] = values[i] or {}
            local seconds <const> = f()
            if turn > 0 then
                table.insert(values[i], seconds)
            end
        end
    end
    for i in ipairs(functions) do
        medians[i] = median(values[i])
    end
    return table.unpack(medians)
end

function M.milliseconds(seconds)
    return (seconds < 0.1 and "%.1f ms" or "%.0f ms"):format(seconds * 1000)
end

function M.head()
    print("| what | sdme | against | ratio | at most |")
    print("|---|---|---|---|---|")
end

function M.report(what, ours, theirs, budget)
    local ratio <const> = ours / theirs
    local verdict <const> = not budget and "–" or ratio <= budget and ("%.2f"):format(budget)
        or ("%.2f **missed**"):format(budget)
    print(("| %s | %s | %s | %.2f | %s |"):format(what, M.milliseconds(ours),
        M.milliseconds(theirs), ratio, verdict))
end

function M.report_limit(what, value, limit, format)
    print(("| %s | %s | – | – | %s %s |"):format(what, format(value), format(limit),
        value <= limit and "" or "**missed**"))
end

---A part that is left out where the third argument names another one; it needs no part before it.
---@param name string
---@param measure fun()
---@return fun()
function M.part(name, measure)
    return (arg[3] or name) == name and measure or function() end
end

---Runs parts, and takes away what is left then.
---@param ... fun()
function M.run(...)
    local ok, why = true, nil
    M.head()
    for _, part in ipairs { ... } do
        ok, why = pcall(part)
        if not ok then
            break
        end
    end
    -- What went wrong first is what counts.
    local cleaned <const>, left = pcall(shell.run,
        "export SDME_DATADIR=%s; %s rm --all --force; %s prune --force >/dev/null;"
            .. "umount %s 2>/dev/null; rm -rf %s %s",
        M.datadir, M.sdme_program, M.sdme_program, M.datadir, M.datadir, IMAGE)
    assert(ok, why)
    assert(cleaned, left)
end

return M
