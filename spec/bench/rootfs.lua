-- The budgets of root filesystems, each measured against what a user would take instead.
-- usage: sdme run spec/bench/rootfs.lua SDME [RUNS [PART]], where a part is gzip, zstd, plain,
-- directory, qcow2, memory or layers

package.path = "./?.lua;" .. package.path

local core <const> = require "sdme.core"
local measure <const> = require "spec.bench.measure"
local shell <const> = require "spec.support.shell"

local time <const>, sdme <const> = measure.time, measure.sdme
local report <const>, report_limit <const> = measure.report, measure.report_limit

-- These take long, so that fewer turns have to do.
local RUNS <const> = math.min(measure.runs, 3)

local WORK <const> = measure.datadir .. "/bench"

-- The host's own /usr, twice, and what makes it a root: 300 MB at least.
local function make_tree()
    if core.file.stat(WORK) then
        return
    end
    shell.run([[mkdir -p %s/tree/usr && cd %s/tree && cp -a /usr/. usr && cp -a /usr usr/again &&
        mkdir -p etc && cp -a /etc/os-release etc]], WORK, WORK)
    shell.run("cd %s && tar -C tree -cf a.tar . && gzip -k a.tar && zstd -q -k a.tar", WORK)
end

-- What is on its way to the disk is waited for before the clock starts.
local function quiet()
    shell.run "sync"
end

local function import(source)
    return function()
        quiet()
        local seconds <const> = sdme("fs", "import", source, "--name", "bench",
            "--install-packages=no")
        sdme("fs", "rm", "bench")
        return seconds
    end
end

local function by_hand(command)
    return function()
        quiet()
        shell.run("mkdir %s/hand", WORK)
        local seconds <const> = time("sh", "-c", ("cd %s && %s"):format(WORK, command))
        shell.run("rm -rf %s/hand", WORK)
        return seconds
    end
end

-- Neither waits for the disk: an import has that done in the background.
local function compare(what, source, command, budget)
    local ours <const>, theirs <const> = measure.measure(RUNS, import(source), by_hand(command))
    report(what, ours, theirs, budget)
end

local function measure_archive(name, extract, budget)
    return function()
        make_tree()
        compare(("import of %s, against GNU tar"):format(name), WORK .. "/" .. name,
            ("tar -C hand %s %s"):format(extract, name), budget)
    end
end

local function measure_directory()
    make_tree()
    compare("import of a directory, against cp -a", WORK .. "/tree", "cp -a tree hand", 0.8)
end

-- A disk of 4 GiB with the tree on an ext4 that is all of it.
local function make_disk()
    make_tree()
    if core.file.stat(WORK .. "/disk") then
        return
    end
    shell.run([[cd %s && truncate -s 4G disk && mkfs.ext4 -q disk && mkdir mnt && mount disk mnt &&
        cp -a tree/. mnt && umount mnt]], WORK)
    for _, type in ipairs { "zlib", "zstd" } do
        shell.run("cd %s && qemu-img convert -c -O qcow2 -o compression_type=%s disk disk.%s", WORK,
            type, type)
    end
end

local CONVERT <const> = "qemu-img convert -O raw -W -m 8 %s raw && mount -o ro,noload raw mnt &&"
    .. " cp -a mnt/. hand; umount mnt; rm raw"

local DECODE <const> = [[
local core, task = require "sdme.core", require "sdme.task"
local input <close> = assert(io.open(arg[1], "rb"))
local output <close> = assert(io.open(arg[2], "w+b"))
local image <close> = assert(core.qcow2.open { file = input })
assert(task.await(assert(image:extract { output = output })))]]

local function decode(path)
    return function()
        quiet()
        local seconds <const> = sdme("run", WORK .. "/decode.lua", path, WORK .. "/out")
        shell.run("rm %s/out", WORK)
        return seconds
    end
end

local function decode_by_hand(path)
    return function()
        quiet()
        local seconds <const> = time("qemu-img", "convert", "-O", "raw", "-W", "-m", "16", path,
            WORK .. "/out")
        shell.run("rm %s/out", WORK)
        return seconds
    end
end

local function measure_qcow2()
    make_disk()
    assert(core.file.write(WORK .. "/decode.lua", DECODE))
    for type, budget in pairs { zlib = 0.5, zstd = 0.6 } do
        local path <const> = WORK .. "/disk." .. type
        compare(("import of a qcow2 (%s), against qemu-img, mount and cp -a"):format(type), path,
            CONVERT:format("disk." .. type), 0.6)
        local ours <const>, theirs <const> = measure.measure(RUNS * 3, decode(path),
            decode_by_hand(path))
        report(("decoding it (%s), against qemu-img convert"):format(type), ours, theirs, budget)
    end
end

local PEAK <const> = [[
local sdme = require "sdme"
local peak = 0
local function look(pid)
    local status <close> = io.open(("/proc/%s/status"):format(pid))
    return status and tonumber(status:read("a"):match "VmHWM:%s+(%d+)") or 0
end
local over = false
sdme.all(function()
    sdme.fs.import(arg[1], { name = "peak", quiet = true, install_packages = "no" }):remove()
    over = true
end, function()
    while not over do
        local sum = look "self"
        for name in io.popen("pgrep -P $PPID"):lines() do
            sum = sum + look(name)
        end
        peak = math.max(peak, sum)
        sdme.task.sleep(0.1)
    end
end)
print(math.max(peak, look "self"))]]

local function measure_memory()
    make_disk()
    assert(core.file.write(WORK .. "/peak.lua", PEAK))
    for _, name in ipairs { "a.tar.gz", "a.tar.zst", "tree", "disk.zlib" } do
        local kilobytes <const> = tonumber(shell.run("SDME_DATADIR=%s %s run %s/peak.lua %s/%s",
            measure.datadir, measure.sdme_program, WORK, WORK, name))
        report_limit("peak memory of importing " .. name, kilobytes, 64 << 10, function(value)
            return ("%.0f MB"):format(value / 1024)
        end)
    end
end

local function measure_layers()
    make_tree()
    sdme("fs", "import", WORK .. "/a.tar", "--name", "one", "--install-packages=no")
    sdme("create", "-r", "one", "--name", "many")
    for _ = 2, 50 do
        sdme("snapshot", "many", "layers", "--force")
    end
    local function create(fs)
        return function()
            quiet()
            local seconds <const> = sdme("create", "-r", fs, "--name", "bench")
            sdme("rm", "bench")
            return seconds
        end
    end
    local many, one = measure.measure(measure.runs * 3, create "layers", create "one")
    report("create from 50 layers, against one", many, one, 1.2)
    shell.run("head -c 1G /dev/urandom >%s/containers/many/upper/large", measure.datadir)
    quiet()
    report_limit("snapshot of a stopped container with 1 GB", sdme("snapshot", "many", "large"),
        0.050, measure.milliseconds)
end

measure.use_memory()
local part <const> = measure.part
measure.run(
    part("gzip", measure_archive("a.tar.gz", "-xzf", 0.5)),
    part("zstd", measure_archive("a.tar.zst", "--zstd -xf", 0.8)),
    part("plain", measure_archive("a.tar", "-xf", 0.9)),
    part("directory", measure_directory), part("qcow2", measure_qcow2),
    part("memory", measure_memory), part("layers", measure_layers)
)
