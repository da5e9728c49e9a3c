-- What a container is limited to, it doesn't get; and those around it don't notice.

local vm <const> = require "spec.support.vm"

local GROUP <const> = "/sys/fs/cgroup/machine.slice/sdme@web.service/"

-- A cgroup's file has a value, or a line for each of several.
local function read(file, key)
    local text <const> = vm.run("cat %s", GROUP .. file)
    return key and tonumber(("\n" .. text):match("\n" .. key .. " (%d+)")) or text
end

-- Takes memory: tail keeps all of what has no lines.
local function take(size)
    return vm.attempt("sdme exec web sh -c %s",
        ("head -c %s /dev/zero | tail >/dev/null"):format(size))
end

local function fork(count)
    return vm.attempt("sdme exec web sh -c %s",
        ("for i in $(seq %d); do sleep 60 >/dev/null 2>&1 & done"):format(count))
end

-- The share of a processor that a busy loop gets, by the kernel's own counters: those of time that
-- was used, and of the quota's periods in which there was something to do.
local function busy_share()
    local period <const> = tonumber(read "cpu.max":match "%d+$")
    local used <const>, periods <const> = read("cpu.stat", "usage_usec"), read("cpu.stat",
        "nr_periods")
    vm.attempt "sdme exec web timeout 8 sh -c 'while :; do :; done'"
    return (read("cpu.stat", "usage_usec") - used)
        / ((read("cpu.stat", "nr_periods") - periods) * period)
end

describe("a limit", function()
    setup(function()
        vm.run "sdme create --name web --started --enable -t 300 --memory 200M --tasks 100"
    end)
    teardown(vm.clean)

    it("of memory ends the process that takes more, and nothing else", function()
        local leader <const> = vm.run "machinectl show web -p Leader"
        assert.not_equal(0, (take "400M"))
        assert.is_true(read("memory.events", "oom_kill") > 0)
        assert.equal("0", read "memory.swap.max")
        assert.equal("running", vm.run "sdme exec web systemctl is-system-running || true")
        assert.equal(leader, vm.run "machinectl show web -p Leader")
    end)

    it("of tasks lets no more be started, and all else go on", function()
        local status <const>, output <const> = fork(200)
        assert.equal(2, status)
        assert.matches("[Cc]annot fork", output)
        assert.equal("100", read "pids.max")
        assert.equal(0, (vm.attempt "sdme exec web true"))
        assert.equal(0, (vm.attempt "for i in $(seq 200); do true & done; wait"))
    end)

    it("of processors slows down what is busy", function()
        vm.run "sdme set web --cpus 0.25"
        local share <const> = busy_share()
        assert.is_true(share > 0.1 and share < 0.35, "a share of " .. share)
        assert.is_true(read("cpu.stat", "nr_throttled") > 0)
    end)

    it("holds at once when it is changed, or taken away", function()
        vm.run "sdme set web --memory 700M --tasks 400 --cpus ''"
        assert.equal(0, (take "400M"))
        assert.equal(0, (fork(200)))
        assert.matches("^max ", read "cpu.max")
        vm.run "sdme set web --memory 150M --tasks 90 --cpus 1.5"
        assert.not_equal(0, (take "400M"))
        assert.equal(2, (fork(200)))
        assert.equal("150000 100000", read "cpu.max")
    end)

    it("is there again after a reboot of the host", function()
        vm.reboot()
        vm.wait_running "web"
        assert.equal(tostring(150 << 20), read "memory.max")
        assert.equal("0", read "memory.swap.max")
        assert.equal("90", read "pids.max")
        assert.equal("150000 100000", read "cpu.max")
        assert.not_equal(0, (take "400M"))
    end)
end)
