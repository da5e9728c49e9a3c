-- The budgets of sdme, each measured against what a user would take instead: the same work, in
-- the same run, one and the other in turn, and the medians compared.
-- usage: sdme run spec/bench/bench.lua SDME [RUNS]

package.path = "./?.lua;" .. package.path

local core <const> = require "sdme.core"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local SDME <const>, RUNS <const> = arg[1], tonumber(arg[2]) or 9
local DATADIR <const> = shell.run "mktemp -d /var/tmp/sdme-bench.XXXXXX"
local ENV <const> = { SDME_DATADIR = DATADIR, PATH = os.getenv "PATH" }

-- Runs a program to its end and returns the seconds that took.
local function time(...)
    local argv <const> = { ... }
    local began <const> = core.poll.now()
    local process <close> = assert(core.process.spawn {
        argv = argv, env = ENV, stdin = "null", stdout = "null",
    })
    local ended <const> = task.await(process:wait())
    local seconds <const> = core.poll.now() - began
    if ended.code ~= 0 then
        error(table.concat(argv, " ") .. ": status " .. tostring(ended.code or ended.signal))
    end
    return seconds
end

local function sdme(...)
    return time(SDME, ...)
end

local function median(values)
    table.sort(values)
    return values[(#values + 1) // 2]
end

-- The medians of functions that return seconds, called in turn; the first turn isn't counted.
local function measure(runs, ...)
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

local function milliseconds(seconds)
    return (seconds < 0.1 and "%.1f ms" or "%.0f ms"):format(seconds * 1000)
end

print("| what | sdme | against | ratio | at most |")
print("|---|---|---|---|---|")

local function report(what, ours, theirs, budget)
    local ratio <const> = ours / theirs
    print(("| %s | %s | %s | %.2f | %.2f %s |"):format(what, milliseconds(ours),
        milliseconds(theirs), ratio, budget, ratio <= budget and "" or "**missed**"))
end

local function report_limit(what, value, limit, format)
    print(("| %s | %s | – | – | %s %s |"):format(what, format(value), format(limit),
        value <= limit and "" or "**missed**"))
end

-- A new clone, started, and taken down again: the seconds of the start.
local function start_clone(...)
    sdme("create", "--name", "bench", ...)
    local seconds <const> = sdme("start", "bench")
    sdme("rm", "--force", "bench")
    return seconds
end

-- Ended as systemd-nspawn wants to be: one that is killed leaves mounts in /run/systemd/nspawn, and
-- none of that name could be started again.
local function end_by_hand(root)
    shell.run("systemctl stop bench-hand 2>&1 || true; umount %s/merged; "
        .. "rm -rf --one-file-system %s", root, root)
end

-- The same by hand: what `sdme create` makes of an upper layer, overlaid and booted.
local function start_by_hand()
    local root <const> = DATADIR .. "/hand"
    local _ <close> = setmetatable({}, { __close = function() end_by_hand(root) end })
    sdme("create", "--name", "bench")
    shell.run("mkdir -p %s/merged && cp -a %s/containers/bench/upper %s && mkdir %s/work", root,
        DATADIR, root, root)
    sdme("rm", "bench")
    shell.run("mount -t overlay -o lowerdir=/,upperdir=%s/upper,workdir=%s/work overlay %s/merged",
        root, root, root)
    return time("systemd-run", "--quiet", "--unit=bench-hand", "--collect",
        "--property=Type=notify", "--property=Delegate=yes", "--property=KillMode=mixed",
        "--slice=machine.slice", "systemd-nspawn", "--quiet", "--keep-unit", "--boot",
        "--notify-ready=yes", "--settings=no", "--link-journal=no", "--machine=bench-hand",
        "--directory=" .. root .. "/merged")
end

local function measure_start()
    local ours, by_hand, userns = measure(RUNS, start_clone, start_by_hand, function()
        return start_clone "--userns"
    end)
    report("start of a host clone until ready, against systemd-nspawn by hand", ours, by_hand, 1.05)
    report("the same with --userns, against without", userns, ours, 1.05)
    sdme("create", "--name", "bench", "--userns", "--started")
    local kilobytes <const> = tonumber(
        shell.run("du -sk %s/containers/bench/upper | cut -f1", DATADIR))
    report_limit("its upper layer", kilobytes, 1024, function(value)
        return ("%d KB"):format(value)
    end)
    sdme("rm", "--force", "bench")
end

local function measure_exec()
    sdme("create", "--name", "bench", "--started")
    local ours, theirs = measure(RUNS * 3, function()
        return sdme("exec", "bench", "true")
    end, function()
        return time("systemd-run", "--machine=bench", "--quiet", "--pipe", "--wait", "--collect",
            "true")
    end)
    report("exec of true, against systemd-run -M --pipe --wait", ours, theirs, 0.5)
    sdme("rm", "--force", "bench")
end

local function measure_ten()
    local names <const> = {}
    for i = 1, 10 do
        names[i] = "bench" .. i
        sdme("create", "--name", names[i])
    end
    local function kill()
        sdme("stop", "--kill", "--all")
    end
    local at_once, in_turn = measure(3, function()
        local seconds <const> = sdme("start", table.unpack(names))
        kill()
        return seconds
    end, function()
        local seconds = 0
        for _, name in ipairs(names) do
            seconds = seconds + sdme("start", name)
        end
        kill()
        return seconds
    end)
    report("10 containers by one start, against one after another", at_once, in_turn, 0.6)
    sdme("rm", "--all", "--force")
end

local function measure_small()
    local create <const> = measure(RUNS, function()
        local seconds <const> = sdme("create", "--name", "bench")
        sdme("rm", "bench")
        return seconds
    end)
    report_limit("create of a host clone", create, 0.030, milliseconds)
    report_limit("sdme --version", measure(RUNS * 3, function()
        return sdme "--version"
    end), 0.015, milliseconds)
    local made <const> = DATADIR .. "/containers/bench-1"
    sdme("create", "--name", "bench-1")
    for i = 2, 1000 do
        shell.run("cp -a %s %s/containers/bench-%s", made, DATADIR, tostring(i))
    end
    report_limit("ps with 1,000 stopped containers", measure(RUNS, function()
        return sdme "ps"
    end), 0.100, milliseconds)
    sdme("rm", "bench-1")
    shell.run("rm -rf %s/containers/*", DATADIR)
end

local PEAK <const> = [[
local sdme = require "sdme"
sdme.container("bench"):start()
for line in io.lines "/proc/self/status" do
    print(line:match "^VmHWM:%s+(%d+) kB")
end]]

local function measure_memory()
    sdme("create", "--name", "bench")
    local said <const> = shell.run("SDME_DATADIR=%s sh -c 'echo \"$1\" | %s run -' sh %s", DATADIR,
        SDME, PEAK)
    local kilobytes <const> = tonumber(said:match "%d+")
    report_limit("peak memory of start", kilobytes, 16384, function(value)
        return ("%.1f MB"):format(value / 1024)
    end)
    sdme("rm", "--force", "bench")
end

local ok, why = pcall(function()
    measure_start()
    measure_exec()
    measure_ten()
    measure_small()
    measure_memory()
end)
-- What went wrong first is what counts.
local cleaned <const>, left = pcall(shell.run, "SDME_DATADIR=%s %s rm --all --force; rm -rf %s",
    DATADIR, SDME, DATADIR)
assert(ok, why)
assert(cleaned, left)
