-- The budgets of builds, each measured against what a user would take instead.
-- usage: sdme run spec/bench/recipe.lua SDME [RUNS]

package.path = "./?.lua;" .. package.path

local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local measure <const> = require "spec.bench.measure"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local sdme <const>, time <const> = measure.sdme, measure.time
local report <const>, report_limit <const> = measure.report, measure.report_limit

-- Building by hand takes long, so that fewer turns have to do.
local RUNS <const> = math.min(measure.runs, 3)

local WORK <const> = scratch.directory()

-- What runs a build of buildah with its images in our own directory.
local BUILDAH <const> = "buildah --root %s/buildah --runroot %s/run --storage-driver overlay"

local function write(name, text)
    local path <const> = WORK .. "/" .. name
    assert(core.file.write(path, text, { sync = false }))
    return path
end

-- The same steps for both: a line of the shell each.
local function recipe(name, count, command)
    local lines <const>, file <const> = {}, { "FROM localhost/debian" }
    for i = 1, count do
        lines[i] = ("b:run(%q)"):format(command:format(i))
        file[#file + 1] = "RUN " .. command:format(i)
    end
    write(name .. ".containerfile", table.concat(file, "\n") .. "\n")
    return write(name .. ".lua", ([[
        return require("sdme").recipe { name = %q, from = "debian", build = function(b)
            %s
        end }]]):format(name, table.concat(lines, "\n")))
end

local function buildah(...)
    return time("sh", "-c", (BUILDAH .. " bud -q --isolation chroot --layers%s -t %s -f %s/%s"
        .. ".containerfile %s"):format(measure.datadir, measure.datadir, ...))
end

local function by_buildah(name, options)
    return function()
        return buildah(options or "", name, WORK, name, WORK)
    end
end

local has_buildah <const> = shell.succeeds "command -v buildah"

local function prepare()
    sdme("fs", "import", debian.path "debian.tar", "--name", "debian")
    if has_buildah then
        write("debian.containerfile", ("FROM scratch\nADD debian.tar /\n"))
        shell.run("ln %s %s/debian.tar 2>/dev/null || cp %s %s", debian.path "debian.tar", WORK,
            debian.path "debian.tar", WORK)
        buildah("", "localhost/debian", WORK, "debian", WORK)
    end
end

-- With nothing to compare it with, it's only said how long it takes.
local function compare(what, ours, theirs, budget, limit)
    local own, other
    if has_buildah then
        own, other = measure.measure(RUNS, ours, theirs)
        report(what .. ", against buildah bud --layers", own, other, budget)
    else
        own = measure.measure(RUNS, ours)
    end
    if limit then
        report_limit(what, own, limit, measure.milliseconds)
    end
end

local function measure_hits()
    local path <const> = recipe("hits", 20, "echo %d >>/etc/steps")
    compare("rebuild of 20 steps that are all cached", function()
        return sdme("run", path)
    end, by_buildah "hits", 0.1, 0.1)
end

local function measure_first()
    local path <const> = recipe("first", 10, "true")
    compare("first build of 10 steps `true`", function()
        return sdme("run", "--force", "--no-cache", path)
    end, by_buildah("first", " --no-cache"), 0.5)
end

-- From the end of the command to the next line of the recipe.
local COMMIT <const> = [[
    local core <const>, step <const> = require "sdme.core", require "sdme.step"
    local run <const>, ended = step.run, nil
    step.run = function(...)
        run(...)
        ended = core.poll.now()
    end
    local made <const> = require("sdme").recipe { name = "large", from = "debian",
        build = function(b)
            b:run "head -c 1G /dev/zero >/large"
            print(core.poll.now() - ended)
        end }
    made:build { force = true, no_cache = true, quiet = true }]]

local function measure_commit()
    local path <const> = write("large.lua", COMMIT)
    local seconds <const> = measure.measure(RUNS, function()
        return tonumber(shell.run("SDME_DATADIR=%s %s run %s", measure.datadir,
            measure.sdme_program, path))
    end)
    report_limit("committing a step that wrote 1 GB", seconds, 0.05, measure.milliseconds)
end

measure.use_memory()
measure.run(prepare, measure_hits, measure_first, measure_commit)
scratch.clean()
