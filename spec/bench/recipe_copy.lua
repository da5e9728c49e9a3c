-- The budget of recipes that copy: 10,000 small files, of which one changed since the last time.
-- usage: sdme run spec/bench/recipe_copy.lua SDME [RUNS]

package.path = "./?.lua;" .. package.path

local measure <const> = require "spec.bench.measure"
local shell <const> = require "spec.support.shell"

local DIRECTORY <const> = measure.datadir .. "/source"

-- Seconds.
local BUDGET <const> = 0.5

local function prepare()
    shell.run([[mkdir -p %s; cd %s
        for d in $(seq 100); do
            mkdir -p files/$d
            for f in $(seq 100); do echo "file $f of directory $d" > files/$d/$f; done
        done]], DIRECTORY, DIRECTORY)
    local recipe <close> = assert(io.open(DIRECTORY .. "/copy.lua", "w"))
    recipe:write [[
        return require "sdme".recipe { name = "copy", from = "scratch", build = function(b)
            b:copy("files/", "/srv/files")
        end }]]
end

local function build(...)
    return measure.sdme("fs", "build", "copy", DIRECTORY .. "/copy.lua", "--force", ...)
end

local changes = 0

local function build_changed()
    changes = changes + 1
    shell.run("echo %s > %s/files/7/7", "change " .. changes, DIRECTORY)
    return build()
end

local function measure_copy()
    prepare()
    local changed, unchanged = measure.measure(measure.runs, build_changed, build)
    measure.report_limit("build that copies 10,000 files, one changed", changed, BUDGET,
        measure.milliseconds)
    measure.report_limit("the same, nothing changed", unchanged, BUDGET, measure.milliseconds)
end

measure.use_memory()
measure.run(measure_copy)
