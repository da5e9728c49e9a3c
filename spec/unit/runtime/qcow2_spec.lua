local core <const> = require "sdme.core"
local digest <const> = require "sdme.digest"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local await <const>, qcow2 <const> = task.await, core.qcow2

local MEGABYTE <const> = 1024 * 1024

local function open_image(path, options)
    local file <close> = assert(io.open(path, "rb"))
    local settings <const> = { file = file, name = path:match "[^/]+$" }
    for key, value in pairs(options or {}) do
        settings[key] = value
    end
    return qcow2.open(settings)
end

-- Expands an image, or a part of it, to a new file.
local function extract(image, output_path, options)
    local output <close> = assert(io.open(output_path, "wb"))
    local settings <const> = { output = output }
    for key, value in pairs(options or {}) do
        settings[key] = value
    end
    local conversion <close> = assert(image:extract(settings))
    return await(conversion)
end

local function create(input_path, output_path, options)
    local input <close> = assert(io.open(input_path, "rb"))
    local output <close> = assert(io.open(output_path, "wb"))
    local settings <const> = { input = input, output = output }
    for key, value in pairs(options or {}) do
        settings[key] = value
    end
    local conversion <close> = assert(qcow2.create(settings))
    return await(conversion)
end

local function allocated(path)
    return tonumber(shell.run("stat -c %%b %s", path)) * 512
end

local function assert_same_content(expected_path, path)
    assert.equal("", shell.run("cmp %s %s || true", expected_path, path))
end

-- A disk with what disks have: data that compresses, data that doesn't, zeros that are stored,
-- holes, and an end within a cluster.
local function make_disk(path)
    shell.run("truncate -s 5242880 %s && " ..
        "dd if=/dev/urandom of=%s bs=64k count=3 seek=1 conv=notrunc status=none && " ..
        "seq 200000 | dd of=%s bs=64k seek=16 conv=notrunc iflag=fullblock status=none && " ..
        "dd if=/dev/zero of=%s bs=64k count=4 seek=40 conv=notrunc status=none && " ..
        "printf lonely | dd of=%s bs=1 seek=3500001 conv=notrunc status=none && " ..
        "seq 9000 | tail -c 5000 | dd of=%s bs=1k seek=5120 conv=notrunc status=none && " ..
        "truncate -s 5248512 %s", path, path, path, path, path, path, path)
end

-- The options of qemu-img convert, for each kind of image that there is.
local FORMATS <const> = {
    "-o compat=0.10", "-o compat=0.10,cluster_size=512", "-o compat=0.10,cluster_size=2M",
    "-c -o compat=0.10", "-c -o compat=0.10,cluster_size=512",
    "-o compat=1.1", "-o cluster_size=512", "-o cluster_size=4k", "-o cluster_size=1M",
    "-o cluster_size=2M", "-c", "-c -W -m 16", "-c -o cluster_size=512", "-c -o cluster_size=4k",
    "-c -o cluster_size=2M",
    "-c -o compression_type=zstd", "-c -W -m 16 -o compression_type=zstd",
    "-c -o compression_type=zstd,cluster_size=512", "-c -o compression_type=zstd,cluster_size=4k",
    "-c -o compression_type=zstd,cluster_size=2M", "-o compression_type=zstd",
    "-o refcount_bits=1", "-o refcount_bits=2", "-o refcount_bits=4", "-o refcount_bits=8",
    "-o refcount_bits=32", "-o refcount_bits=64", "-c -o refcount_bits=64,cluster_size=512",
    "-o extended_l2=on", "-o extended_l2=on,cluster_size=16k", "-o extended_l2=on,cluster_size=2M",
    "-c -o extended_l2=on", "-c -o extended_l2=on,compression_type=zstd,cluster_size=16k",
    "-o preallocation=metadata", "-o preallocation=falloc", "-o preallocation=full",
    "-o preallocation=metadata,extended_l2=on", "-o lazy_refcounts=on", "-S 0", "-S 0 -c",
}

-- Where qemu-io writes: across clusters, into subclusters, zeros with and without data below.
local WRITES <const> = {
    "write -P 0x11 1000k 70000", "write -P 0x22 2M 512", "write -P 0x33 2101248 2048",
    "write -z 1M 64k", "write -z 1500k 3000", "write -z -u 1200k 128k", "discard 320k 64k",
}

describe("core.qcow2", function()
    local directory, disk

    before_each(function()
        needs.program "qemu-img"
        directory = scratch.directory()
        disk = directory .. "/disk"
        make_disk(disk)
    end)

    after_each(scratch.clean)

    for _, format in ipairs(FORMATS) do
        it("reads what qemu-img writes with " .. format, function()
            local path <const>, raw <const> = directory .. "/image", directory .. "/raw"
            shell.run("qemu-img convert -O qcow2 " .. format .. " %s %s", disk, path)
            local image <close> = assert(open_image(path))
            local result <const> = assert(extract(image, raw))
            assert_same_content(disk, raw)
            assert.equal(image:info().size, result.written + result.holes)
            assert.is_true(allocated(raw) <= allocated(disk))
        end)
    end

    for _, format in ipairs { "compat=0.10", "compat=1.1", "extended_l2=on",
        "extended_l2=on,cluster_size=16k", "cluster_size=512", "cluster_size=2M",
        "lazy_refcounts=on" } do
        it("reads an image that was written to, and its snapshots' clusters, with " .. format,
            function()
                local path <const>, raw <const> = directory .. "/image", directory .. "/raw"
                shell.run("qemu-img convert -O qcow2 -o " .. format .. " %s %s", disk, path)
                for i, write in ipairs(WRITES) do
                    if i == 3 then
                        shell.run("qemu-img snapshot -c before %s", path)
                    end
                    shell.run("qemu-io -c %s %s", write, path)
                end
                shell.run("qemu-img convert -O raw %s %s", path, directory .. "/expected")
                local image <close> = assert(open_image(path))
                assert.equal(1, image:info().snapshots)
                assert(extract(image, raw))
                assert_same_content(directory .. "/expected", raw)
            end)
    end

    it("tells what an image is", function()
        local path <const> = directory .. "/image"
        shell.run("qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=128k," ..
            "compression_type=zstd,lazy_refcounts=on,refcount_bits=8 %s 3G", path)
        local image <close> = assert(open_image(path))
        assert.same({
            version = 3, size = 3 * 1024 * MEGABYTE, cluster_size = 128 * 1024, refcount_bits = 8,
            compression = "zstd", snapshots = 0, dirty = false, corrupt = false,
            lazy_refcounts = true, extended_l2 = true,
        }, image:info())
    end)

    it("reads an image whose reference counts are stale", function()
        local path <const>, raw <const> = directory .. "/image", directory .. "/raw"
        shell.run("qemu-img convert -O qcow2 -o lazy_refcounts=on %s %s", disk, path)
        shell.run("qemu-io -c 'write -P 7 0 64k' -c abort %s 2>/dev/null || true", path)
        local image <close> = assert(open_image(path))
        assert.is_true(image:info().dirty)
        assert(extract(image, raw))
        shell.run("head -c 65536 /dev/zero | tr '\\0' '\\7' | dd of=%s conv=notrunc status=none",
            disk)
        assert_same_content(disk, raw)
    end)

    it("reads small parts", function()
        local path <const> = directory .. "/image"
        shell.run("qemu-img convert -O qcow2 -c %s %s", disk, path)
        local image <close> = assert(open_image(path))
        local file <close> = assert(io.open(disk, "rb"))
        local content <const> = file:read "a"
        for _, part in ipairs { { 0, 512 }, { 65530, 20 }, { 3500001, 6 }, { 1048570, 200000 },
            { 5248000, 512 }, { 0, 0 }, { 5248000, 4096 }, { 5248512, 1 }, { 1 << 62, 10 } } do
            assert.equal(content:sub(part[1] + 1, part[1] + part[2]),
                image:read(part[1], part[2]), part[1])
        end
    end)

    it("expands a part of the disk to where it is told", function()
        local path <const>, raw <const> = directory .. "/image", directory .. "/raw"
        shell.run("qemu-img convert -O qcow2 -c %s %s", disk, path)
        local image <close> = assert(open_image(path))
        assert(extract(image, raw, { offset = 1000448, size = 1500000, output_offset = 0 }))
        assert.equal("1500000", shell.run("stat -c %%s %s", raw))
        assert.equal("", shell.run("cmp -i 1000448:0 -n 1500000 %s %s", disk, raw))
        assert(extract(image, raw, { offset = 1000448, size = 1500000 }))
        assert.equal("2500448", shell.run("stat -c %%s %s", raw))
        assert.equal("", shell.run("cmp -i 1000448 -n 1500000 %s %s", disk, raw))
        assert.equal("EINVAL", select(3, extract(image, raw, { offset = 5248512, size = 1 })))
        assert.equal("EINVAL", select(3, extract(image, raw, { offset = 5, size = 1 << 62 })))
    end)

    it("expands two parts into one file, but nothing over data", function()
        local path <const>, raw <const> = directory .. "/image", directory .. "/raw"
        shell.run("qemu-img convert -O qcow2 -c %s %s", disk, path)
        local image <close> = assert(open_image(path))
        local output <close> = assert(io.open(raw, "wb"))
        local half <const> = 40 * 65536
        assert(await(image:extract { output = output, offset = half }))
        assert(await(image:extract { output = output, size = half }))
        assert_same_content(disk, raw)
        assert.equal("EEXIST", select(3, await(image:extract { output = output, size = half })))
        assert_same_content(disk, raw)
    end)

    for _, threads in ipairs { 1, 2, 8 } do
        it("expands the same with any number of threads: " .. threads, function()
            local path <const>, raw <const> = directory .. "/image", directory .. "/raw"
            shell.run("qemu-img convert -O qcow2 -c -o compression_type=zstd %s %s", disk, path)
            local image <close> = assert(open_image(path))
            assert(extract(image, raw, { threads = threads }))
            assert_same_content(disk, raw)
        end)
    end

    it("tells how far it is", function()
        local path <const>, raw <const> = directory .. "/image", directory .. "/raw"
        shell.run("qemu-img convert -O qcow2 %s %s", disk, path)
        local image <close> = assert(open_image(path))
        local output <close> = assert(io.open(raw, "wb"))
        local conversion <const> = assert(image:extract { output = output })
        assert(await(conversion))
        assert.same({ 5248512, 5248512 }, { conversion:progress() })
    end)

    it("leaves nothing when it is given up, nor when the image is closed meanwhile", function()
        local path <const>, raw <const> = directory .. "/image", directory .. "/raw"
        shell.run("truncate -s 200M %s", disk)
        shell.run("qemu-img convert -O qcow2 -S 0 -c %s %s", disk, path)
        local output <close> = assert(io.open(raw, "wb"))
        local before <const> = #core.file.list "/proc/self/fd"
        local image <const> = assert(open_image(path))
        local conversion <const> = assert(image:extract { output = output })
        image:close()
        conversion:close()
        conversion:close()
        assert.equal("0 0", shell.run("stat -c '%%s %%b' %s", raw))
        assert.equal(before, #core.file.list "/proc/self/fd")
        assert.error_matches(function() conversion:step() end, "the conversion is closed")
        assert.error_matches(function() image:read(0, 1) end, "the image is closed")
    end)

    it("refuses an output that is none", function()
        local path <const> = directory .. "/image"
        shell.run("qemu-img convert -O qcow2 %s %s", disk, path)
        local image <close> = assert(open_image(path))
        local appended <close> = assert(io.open(directory .. "/appended", "ab"))
        assert.equal("EINVAL", select(3, await(image:extract { output = appended })))
        local _, writing <close> = core.stream.pipe()
        assert.equal("EINVAL", select(3, await(image:extract { output = writing })))
        local reading <close> = assert(io.open(disk, "rb"))
        assert.equal("EEXIST", select(3, await(image:extract { output = reading })))
    end)

    it("says that the filesystem is full, and gives back what it took", function()
        local small <const> = scratch.filesystem("ext4", "4M")
        local path <const>, raw <const> = directory .. "/image", small .. "/raw"
        shell.run("dd if=/dev/urandom of=%s bs=64k count=90 status=none", disk)
        shell.run("qemu-img convert -O qcow2 -c %s %s", disk, path)
        local image <close> = assert(open_image(path))
        local result <const>, message <const>, code <const> = extract(image, raw)
        assert.same({ nil, "write the expanded disk: No space left on device", "ENOSPC" },
            { result, message, code })
        assert.equal("0 0", shell.run("stat -c '%%s %%b' %s", raw))
        local made <const>, told <const>, reason <const> =
            create(disk, raw, { name = "web.qcow2", compression = "zstd" })
        assert.same({ nil, "write web.qcow2: No space left on device", "ENOSPC" },
            { made, told, reason })
        assert.equal("0 0", shell.run("stat -c '%%s %%b' %s", raw))
    end)

    it("shares the data with the image where the filesystem can", function()
        local shared <const> = scratch.filesystem("btrfs", "256M")
        local path <const>, raw <const> = shared .. "/image", shared .. "/raw"
        shell.run("dd if=/dev/urandom of=%s bs=1M count=40 iflag=fullblock status=none", disk)
        local function free()
            shell.run("sync -f %s", shared)
            return assert(core.file.statfs(shared)).free
        end
        shell.run("qemu-img convert -O qcow2 %s %s", disk, path)
        local before <const> = free()
        local image <close> = assert(open_image(path))
        assert.equal(40 * MEGABYTE, assert(extract(image, raw)).written)
        assert.is_true(before - free() < 4 * MEGABYTE)
        assert_same_content(disk, raw)
    end)

    describe("with a backing file", function()
        local function make_overlay(name, backing, format, options)
            shell.run("cd %s && qemu-img create -q -f qcow2 -b %s -F %s " .. (options or "") ..
                " %s", directory, backing, format, name)
            return directory .. "/" .. name
        end

        local function assert_expanded(path)
            local root <close> = assert(core.file.open_directory(directory))
            local image <close> = assert(open_image(path, { backing = root }))
            assert(extract(image, directory .. "/raw"))
            shell.run("qemu-img convert -O raw %s %s", path, directory .. "/expected")
            assert_same_content(directory .. "/expected", directory .. "/raw")
        end

        it("refuses it unless it is allowed", function()
            local path <const> = make_overlay("top", "disk", "raw")
            local _, message <const>, code <const> = open_image(path)
            assert.equal("top: it needs a backing file, 'disk', which is not allowed", message)
            assert.equal("EPERM", code)
        end)

        it("reads it where the image has nothing", function()
            for _, options in ipairs { "", "-o cluster_size=512", "-o extended_l2=on",
                "-o cluster_size=2M" } do
                local path <const> = make_overlay("top", "disk", "raw", options)
                for _, write in ipairs(WRITES) do
                    shell.run("qemu-io -c %s %s", write, path)
                end
                assert_expanded(path)
            end
        end)

        it("reads a chain of images with clusters of any size", function()
            shell.run("qemu-img convert -O qcow2 -c -o cluster_size=2M %s %s", disk,
                directory .. "/base")
            local middle <const> = make_overlay("middle", "base", "qcow2", "-o extended_l2=on")
            shell.run("qemu-io -c 'write -P 5 700k 300000' -c 'write -z 64k 4k' %s", middle)
            local top <const> = make_overlay("top", "middle", "qcow2", "-o cluster_size=512")
            for _, write in ipairs(WRITES) do
                shell.run("qemu-io -c %s %s", write, top)
            end
            assert_expanded(top)
        end)

        it("reads zeros behind its end", function()
            shell.run("qemu-img convert -O qcow2 %s %s", disk, directory .. "/base")
            local top <const> = make_overlay("top", "base", "qcow2")
            shell.run("qemu-img resize -q %s 9M", top)
            assert_expanded(top)
        end)

        it("takes it from the directory only, and never follows it around", function()
            local root <close> = assert(core.file.open_directory(directory))
            local function refused(name, backing, format)
                shell.run("cd %s && qemu-img create -q -u -f qcow2 -b %s " ..
                    (format and "-F " .. format or "") .. " %s 1M", directory, backing, name)
                return select(2, open_image(directory .. "/" .. name, { backing = root }))
            end
            assert.equal("a: backing file '/etc/passwd': only a file beside the image is allowed",
                refused("a", "/etc/passwd", "raw"))
            assert.equal("a: backing file '..': only a file beside the image is allowed",
                refused("a", "..", "raw"))
            assert.equal("a: backing file 'disk' is of format 'vmdk': raw or qcow2 expected",
                refused("a", "disk", "vmdk"))
            shell.run("ln -s /etc/passwd %s", directory .. "/link")
            assert.equal("a: backing file: open link: No such file or directory",
                refused("a", "link", "raw"))
            refused("b", "a", "qcow2")
            assert.equal("a: its backing files lead to 'a' again", refused("a", "b", "qcow2"))
            for i = 1, 17 do
                refused("n" .. i, i == 17 and "disk" or "n" .. i + 1, i == 17 and "raw" or "qcow2")
            end
            assert.equal("n1: more than 16 images back one another",
                refused("n1", "n2", "qcow2"))
        end)
    end)

    describe("writes", function()
        for _, options in ipairs {
            {}, { compression = "zlib" }, { compression = "zstd" },
            { cluster_size = 512 }, { compression = "zstd", cluster_size = 512 },
            { compression = "zlib", cluster_size = 4096, level = 1 },
            { compression = "zstd", cluster_size = 2 * MEGABYTE, level = 19 },
            { cluster_size = 2 * MEGABYTE }, { compression = "zlib", size = 3 * MEGABYTE },
            { compression = "zstd", size = 70 * MEGABYTE },
        } do
            local title <const> = ("%s, clusters of %d, %s bytes"):format(
                options.compression or "plain", options.cluster_size or 65536,
                options.size or "all")
            it("what qemu-img finds right and the same: " .. title, function()
                local path <const>, raw <const> = directory .. "/image", directory .. "/raw"
                local result <const> = assert(create(disk, path, options))
                assert.equal(shell.run("stat -c %%s %s", path), tostring(result.size))
                assert.matches("No errors were found", shell.run("qemu-img check %s", path))
                shell.run("cp %s %s", disk, raw)
                if options.size then
                    shell.run("truncate -s " .. options.size .. " %s", raw)
                end
                assert.equal("Images are identical.",
                    shell.run("qemu-img compare -f qcow2 -F raw %s %s", path, raw))
                local image <close> = assert(open_image(path))
                assert(extract(image, directory .. "/back"))
                assert_same_content(raw, directory .. "/back")
            end)
        end

        it("the same image with any number of threads", function()
            local digests <const> = {}
            for _, threads in ipairs { 1, 2, 8 } do
                local path <const> = directory .. "/image" .. threads
                assert(create(disk, path, { compression = "zstd", threads = threads }))
                digests[#digests + 1] = digest.file(path)
            end
            assert.same({ digests[1], digests[1], digests[1] }, digests)
        end)

        it("a small image of a large empty disk", function()
            shell.run("truncate -s 1T %s && truncate -s 0 %s", disk, directory .. "/nothing")
            local path <const> = directory .. "/image"
            assert(create(disk, path, { compression = "zstd", size = 1 << 40 }))
            assert.matches("No errors were found", shell.run("qemu-img check %s", path))
            assert.is_true(allocated(path) < 8 * MEGABYTE)
            local result <const> = assert(create(directory .. "/nothing", path, {}))
            assert.matches("No errors were found", shell.run("qemu-img check %s", path))
            assert.equal(4 * 65536, result.size)
        end)

        it("nothing when it is given up, or can't be", function()
            local path <const> = directory .. "/image"
            local input <close> = assert(io.open(disk, "rb"))
            local output <close> = assert(io.open(path, "w+b"))
            local conversion <const> = assert(qcow2.create { input = input, output = output,
                compression = "zlib", size = 5248512 })
            conversion:close()
            assert.equal("0", shell.run("stat -c %%s %s", path))
            for _, wrong in ipairs { { cluster_size = 1000 }, { cluster_size = 256 },
                { cluster_size = 4 * MEGABYTE }, { compression = "zlib", level = 10 },
                { compression = "zstd", level = 100 } } do
                assert.equal("EINVAL", select(3, create(disk, path, wrong)))
                assert.equal("0", shell.run("stat -c %%s %s", path))
            end
            assert.equal("EFBIG", select(3, create(disk, path, { cluster_size = 512,
                size = 1 << 40 })))
            assert.error_matches(function()
                create(disk, path, { compression = "lzma" })
            end, "zlib or zstd expected, got lzma")
            output:write "x"
            output:flush()
            assert.equal("EINVAL", select(3, await(qcow2.create { input = input,
                output = output })))
            assert.equal("1", shell.run("stat -c %%s %s", path))
        end)
    end)

    it("raises for misuse", function()
        assert.error_matches(function() qcow2.open {} end, "option 'file': descriptor expected")
        assert.error_matches(function() qcow2.open { path = "x" } end, "unknown option 'path'")
        local path <const> = directory .. "/image"
        shell.run("qemu-img convert -O qcow2 %s %s", disk, path)
        local image <close> = assert(open_image(path))
        assert.error_matches(function() image:read(-1, 1) end, "it is negative")
        assert.error_matches(function() image:read(0, 1 << 30) end, "not in 0..16777216")
        assert.error_matches(function() image:extract { output = 1, size = -1 } end,
            "option 'size' is negative")
    end)
end)
