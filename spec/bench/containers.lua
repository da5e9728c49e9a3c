-- The budgets of containers, each measured against what a user would take instead.
-- usage: sdme run spec/bench/containers.lua SDME [RUNS [PART]]

package.path = "./?.lua;" .. package.path

local core <const> = require "sdme.core"
local measure <const> = require "spec.bench.measure"
local shell <const> = require "spec.support.shell"

local SDME <const>, RUNS <const>, DATADIR <const> =
    measure.sdme_program, measure.runs, measure.datadir
local part <const> = measure.part
local time <const>, sdme <const> = measure.time, measure.sdme
local report <const>, report_limit <const> = measure.report, measure.report_limit
local milliseconds <const> = measure.milliseconds

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
    local ours, by_hand, userns = measure.measure(RUNS, start_clone, start_by_hand, function()
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
    -- Right after another command both are quicker: the kernel has moved processes just now.
    local function pause()
        core.poll.wait({}, 0.3)
    end
    local ours, theirs = measure.measure(RUNS * 3, function()
        pause()
        return sdme("exec", "bench", "true")
    end, function()
        pause()
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
    local at_once, in_turn = measure.measure(3, function()
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
    local create <const> = measure.measure(RUNS, function()
        local seconds <const> = sdme("create", "--name", "bench")
        sdme("rm", "bench")
        return seconds
    end)
    report_limit("create of a host clone", create, 0.030, milliseconds)
    report_limit("sdme --version", measure.measure(RUNS * 3, function()
        return sdme "--version"
    end), 0.015, milliseconds)
    local made <const> = DATADIR .. "/containers/bench-1"
    sdme("create", "--name", "bench-1")
    for i = 2, 1000 do
        shell.run("cp -a %s %s/containers/bench-%s", made, DATADIR, tostring(i))
    end
    report_limit("ps with 1,000 stopped containers", measure.measure(RUNS, function()
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

measure.run(part("start", measure_start), part("exec", measure_exec), part("ten", measure_ten),
    part("small", measure_small), part("memory", measure_memory))
