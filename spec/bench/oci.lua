-- The budgets of images, each measured against what a user would take instead.
-- usage: sdme run spec/bench/oci.lua SDME [RUNS [PART]], a part being gzip, zstd or applications

package.path = "./?.lua;" .. package.path

local core <const> = require "sdme.core"
local layouts <const> = require "spec.support.oci_layout"
local measure <const> = require "spec.bench.measure"
local registries <const> = require "spec.support.registry"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local time <const>, sdme <const> = measure.time, measure.sdme
local report <const>, report_limit <const> = measure.report, measure.report_limit

-- These take long, so that fewer turns have to do.
local RUNS <const> = math.min(measure.runs, 3)

local WORK <const> = measure.datadir .. "/bench"

-- What the layers are made of, and how often.
local PARTS <const> = { "bin sbin libexec", "lib", "share" }
local COPIES <const> = 3

local registry

-- Tar archives of the host's own /usr, in other places, so that no layer is like another.
local function make_archives()
    local archives <const> = {}
    for copy = 1, COPIES do
        for i, part in ipairs(PARTS) do
            local path <const> = ("%s/%d-%d.tar"):format(WORK, copy, i)
            shell.run("cd /usr && tar -cf %s --ignore-failed-read --transform %s $(ls -d " .. part
                .. " 2>/dev/null)", path, ("s,^,usr/%d/,S"):format(copy))
            archives[#archives + 1] = path
        end
    end
    return archives
end

local function start_registry()
    registry = registry or registries.start()
    shell.run("mkdir -p %s", WORK)
end

local function push_image(compression)
    start_registry()
    local archives <const> = make_archives()
    print(("%d layers, %s MB unpacked"):format(#archives, shell.run("du -cm %s/*.tar | tail -n 1 |"
        .. "cut -f 1", WORK)))
    local layout <const> = layouts.new(scratch.directory() .. "/layout")
    local layers <const> = {}
    for i, archive in ipairs(archives) do
        layers[i] = layout:layer(archive, { compression = compression })
    end
    layout:tag(layout:image(layers), "latest")
    print(("%s: %s MB packed"):format(compression, shell.run("du -sm %s | cut -f 1",
        layout.directory)))
    registry:push(layout.directory, "library/" .. compression)
    shell.run("rm -r %s %s/*.tar", layout.directory, WORK)
end

-- What is on its way to the disk is waited for before the clock starts.
local function quiet()
    shell.run "sync"
end

local function image(compression)
    return ("%s/library/%s"):format(registry.host, compression)
end

local function import(compression)
    return function()
        quiet()
        local seconds <const> = sdme("fs", "import", image(compression), "--name", "bench",
            "--install-packages=no", "--oci-mode=base")
        sdme("fs", "rm", "bench")
        return seconds
    end
end

local UMOCI <const> = "skopeo copy -q --src-tls-verify=false docker://%s oci:%s/layout:latest &&"
    .. " umoci unpack --image %s/layout:latest %s/bundle"

local function unpack_by_hand(compression)
    return function()
        quiet()
        local seconds <const> = time("sh", "-c", UMOCI:format(image(compression), WORK, WORK, WORK))
        shell.run("rm -rf %s/layout %s/bundle", WORK, WORK)
        return seconds
    end
end

local PODMAN <const> = "podman --root %s/podman --storage-driver overlay pull -q --tls-verify=false"
    .. " %s"

local function pull_by_hand(compression)
    return function()
        quiet()
        local seconds <const> = time("sh", "-c", PODMAN:format(WORK, image(compression)))
        shell.run("rm -rf %s/podman", WORK)
        return seconds
    end
end

-- The sum of what all processes have of their own, as it was at most.
local PEAK <const> = [[
local sdme = require "sdme"
local peak, over = 0, false
local function look(pid)
    local status <close> = io.open(("/proc/%s/smaps_rollup"):format(pid))
    return status and tonumber((status:read("a") or ""):match "\nPss:%s+(%d+)") or 0
end
sdme.all(function()
    sdme.fs.import(arg[1], { name = "peak", quiet = true, install_packages = "no",
        oci_mode = "base" }):remove()
    over = true
end, function()
    while not over do
        local sum = look "self"
        for name in io.popen("pgrep -P $PPID"):lines() do
            sum = sum + look(name)
        end
        peak = math.max(peak, sum)
        sdme.task.sleep(0.05)
    end
end)
print(peak)]]

local function measure_memory(compression)
    assert(core.file.write(WORK .. "/peak.lua", PEAK))
    local kilobytes <const> = tonumber(shell.run("SDME_DATADIR=%s %s run %s/peak.lua %s",
        measure.datadir, measure.sdme_program, WORK, image(compression)))
    report_limit("peak memory of pulling it (" .. compression .. ")", kilobytes, 128 << 10,
        function(value) return ("%.0f MB"):format(value / 1024) end)
end

local function measure_pulls(compression)
    return function()
        push_image(compression)
        local what <const> = "pull of a large image (" .. compression .. ")"
        if compression ~= "zstd" then -- which umoci 0.4 doesn't know
            local ours <const>, theirs <const> = measure.measure(RUNS, import(compression),
                unpack_by_hand(compression))
            report(what .. ", against skopeo copy and umoci unpack", ours, theirs, 0.2)
        end
        if shell.succeeds "command -v podman" then
            local again <const>, podmans <const> = measure.measure(RUNS, import(compression),
                pull_by_hand(compression))
            report(what .. ", against podman pull", again, podmans, 0.3)
        end
        measure_memory(compression)
    end
end

local function measure_present()
    start_registry()
    registry:push_images("base", "nginx")
    sdme("fs", "import", image "base", "--name", "base")
    sdme("fs", "import", image "nginx", "--base-fs", "base", "--name", "nginx")
    local seconds <const> = measure.measure(measure.runs, function()
        local taken <const> = sdme("fs", "import", image "nginx", "--base-fs", "base", "--name",
            "again")
        sdme("fs", "rm", "again")
        return taken
    end)
    report_limit("import of an application that is here", seconds, 0.2, measure.milliseconds)
end

-- Seconds until a container has booted, and the web server in it answers, if it has one.
local function first_answer(fs, url)
    local ask <const> = url
        and ("until curl -fso /dev/null %s; do sleep 0.01; done"):format(url) or "true"
    local command <const> = ("%s new -r %s --name bench -p 8080:80 -- true && %s"):format(
        measure.sdme_program, fs, ask)
    return function()
        quiet()
        local seconds <const> = time("sh", "-c", command)
        sdme("rm", "--force", "bench")
        return seconds
    end
end

local function measure_answer()
    local app <const>, base <const> = measure.measure(measure.runs,
        first_answer("nginx", "http://127.0.0.1:8080"), first_answer "base")
    report_limit("first answer of nginx, after the boot of its base alone", app - base, 0.3,
        measure.milliseconds)
end

local function used(path)
    return tonumber(shell.run("du -sk %s | cut -f 1", path))
end

-- Five containers with applications of three images on one base, before they write a journal.
local function measure_disk()
    registry:push_images("redis", "postgresql")
    for _, name in ipairs { "redis", "postgresql" } do
        sdme("fs", "import", image(name), "--base-fs", "base", "--name", name)
    end
    local layers <const> = used(measure.datadir .. "/layers")
    for i, name in ipairs { "nginx", "redis", "postgresql", "nginx", "redis" } do
        sdme("create", "-r", name, "--name", "app-" .. i)
    end
    local all <const> = used(measure.datadir .. "/layers") + used(measure.datadir .. "/containers")
    report_limit("disk of five containers with applications, against that of the layers",
        all / layers, 1.05, function(ratio)
            return ("%.3f"):format(ratio)
        end)
    sdme("rm", "--all", "--force")
end

local function measure_applications()
    measure_present()
    measure_answer()
    measure_disk()
end

measure.use_memory()
measure.run(measure.part("gzip", measure_pulls "gzip"), measure.part("zstd", measure_pulls "zstd"),
    measure.part("applications", measure_applications))
scratch.clean()
