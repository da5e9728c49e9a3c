-- The budgets of confinement: what a start costs more.
-- usage: sdme run spec/bench/security.lua SDME [RUNS]

package.path = "./?.lua;" .. package.path

local debian <const> = require "spec.support.debian"
local measure <const> = require "spec.bench.measure"

local sdme <const> = measure.sdme

-- A new container of an imported rootfs, started and taken down again: the seconds of the start.
local function start(...)
    local flags <const> = { ... }
    return function()
        sdme("create", "--name", "bench", "-r", "debian", table.unpack(flags))
        local seconds <const> = sdme("start", "bench")
        sdme("rm", "--force", "bench")
        return seconds
    end
end

local function measure_start()
    sdme("fs", "import", debian.path "debian.tar", "--name", "debian")
    local strict, plain = measure.measure(measure.runs, start "--strict", start())
    measure.report("start of an imported rootfs with --strict, against without", strict, plain,
        1.1)
    sdme("fs", "rm", "debian")
end

measure.run(measure_start)
