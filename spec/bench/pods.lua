-- The budgets of pods, each measured against what a user would take instead.
-- usage: sdme run spec/bench/pods.lua SDME [RUNS [PART]]

package.path = "./?.lua;" .. package.path

local core <const> = require "sdme.core"
local measure <const> = require "spec.bench.measure"

local RUNS <const>, part <const> = measure.runs, measure.part
local time <const>, sdme <const>, report <const> = measure.time, measure.sdme, measure.report

local function measure_new()
    local ours, theirs = measure.measure(RUNS * 3, function()
        return sdme("pod", "new", "bench") + sdme("pod", "rm", "bench")
    end, function()
        return time("ip", "netns", "add", "bench") + time("ip", "netns", "del", "bench")
    end)
    report("pod new and rm, against ip netns add and del", ours, theirs, 1.5)
end

local function start(...)
    sdme("create", "--name", "bench", ...)
    local seconds <const> = sdme("start", "bench")
    sdme("rm", "--force", "bench")
    return seconds
end

local function measure_start()
    sdme("pod", "new", "bench")
    local inside, outside = measure.measure(RUNS, function()
        return start("--pod", "bench")
    end, start)
    report("start in a pod, against without", inside, outside, 1.05)
    sdme("pod", "rm", "bench")
end

local SHOP <const> = [[
return require "sdme".pod {
    name = "bench",
    containers = {
        db = { memory = "512M", ready = { unit = "dbus.service" } },
        front = { after = { "db" }, ready = { exec = { "true" } } },
    },
}
]]

local function measure_again()
    local script <const> = os.tmpname()
    assert(core.file.write(script, SHOP))
    sdme("run", script)
    local seconds <const> = measure.measure(measure.runs, function()
        return sdme("run", script)
    end)
    measure.report_limit("second run of a described pod", seconds, 0.2, measure.milliseconds)
    sdme("pod", "rm", "bench")
    os.remove(script)
end

measure.use_memory()
measure.run(part("new", measure_new), part("start", measure_start), part("again", measure_again))
