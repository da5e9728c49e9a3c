local core <const> = require "sdme.core"
local image <const> = require "spec.support.image"
local needs <const> = require "spec.support.needs"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local disk <const> = core.disk

local ROOT_X86_64 <const> = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
local LINUX_DATA <const> = "0fc63daf-8483-4772-8e79-3d69d8477de4"

local function probe(path, options)
    local file <close> = assert(io.open(path, "rb"))
    return disk.probe(file, options)
end

local function code_of(...)
    local result, message, code = ...
    assert.is_nil(result)
    return code, message
end

-- A sector with a partition table: { type, start, sectors }, ...
local function boot_record(...)
    local entries = ""
    for _, entry in ipairs { ... } do
        entries = entries .. ("<xxxxBxxxI4I4"):pack(table.unpack(entry))
    end
    return ("\0"):rep(446) .. entries .. ("\0"):rep(64 - #entries) .. "\x55\xaa"
end

local CRC <const> = {}
for i = 0, 255 do
    local value = i
    for _ = 1, 8 do
        value = value & 1 == 1 and value >> 1 ~ 0xedb88320 or value >> 1
    end
    CRC[i] = value
end

local function add_crc32(value, bytes)
    for i = 1, #bytes do
        value = CRC[(value ~ bytes:byte(i)) & 0xff] ~ value >> 8
    end
    return value
end

local function crc32(bytes)
    return add_crc32(0xffffffff, bytes) ~ 0xffffffff
end

-- What pvcreate(8) puts into the second sector; the sum begins with a number of LVM's own.
local function lvm_label()
    local content <const> = ("<I4c8c32c448"):pack(32, "LVM2 001", ("p"):rep(32), "")
    return ("<c8I8I4"):pack("LABELONE", 1, add_crc32(0xf597a6cf, content)) .. content
end

-- A GPT with its header's sums right, whatever it says.
local function put_gpt(path, entries, claimed)
    local last <const> = 16 * 2048 - 1
    local array = table.concat(entries)
    array = array .. ("\0"):rep(128 * 128 - #array)
    local function header(sum)
        return ("<c8I4I4I4I4I8I8I8I8c16I8I4I4I4"):pack("EFI PART", 0x10000, 92, sum, 0, 1, last, 34,
            last - 34, ("g"):rep(16), 2, claimed or 128, 128, crc32(array))
    end
    image.poke(path, 0, boot_record { 0xee, 1, 0xffffffff })
    image.poke(path, 512, header(crc32(header(0))))
    image.poke(path, 1024, array)
end

local function gpt_entry(first, last, name)
    local utf16 = name:gsub(".", "%0\0")
    return ("<c16c16I8I8I8c72"):pack(("t"):rep(16), ("u"):rep(16), first, last, 0, utf16)
end

describe("core.disk.probe", function()
    after_each(scratch.clean)

    it("reads a GPT with names, types and attributes", function()
        needs.root()
        local path <const> = image.make(64, ("label: gpt\n"
            .. "label-id: 11111111-2222-3333-4444-555555555555\n"
            .. "size=16M, type=%s, name=\"root å\", uuid=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee, "
            .. "attrs=\"GUID:60\"\nsize=8M\n"):format(ROOT_X86_64))
        local found <const> = assert(probe(path))
        assert.equal("gpt", found.table)
        assert.equal("11111111-2222-3333-4444-555555555555", found.id)
        assert.equal(512, found.sector_size)
        assert.is_nil(found.filesystem)
        assert.same({
            { number = 1, offset = image.mib(1), size = image.mib(16), type = ROOT_X86_64,
                name = "root å", uuid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
                flags = 1 << 60 },
            { number = 2, offset = image.mib(17), size = image.mib(8), type = LINUX_DATA,
                uuid = found.partitions[2].uuid, flags = 0 },
        }, found.partitions)
    end)

    it("reads a GPT of 4096 byte sectors", function()
        needs.root()
        local path <const> = image.make(64, "label: gpt\nstart=512, size=2048, name=four\n", 4096)
        local found <const> = assert(probe(path))
        assert.equal(4096, found.sector_size)
        assert.equal("four", found.partitions[1].name)
        assert.equal(image.mib(2), found.partitions[1].offset)
        assert.equal(image.mib(8), found.partitions[1].size)
        assert.is_nil(probe(path, { sector_size = 512 }).table)
    end)

    it("reads a DOS table and its logical partitions, and says where their records are", function()
        needs.root()
        local path <const> = image.make(64, "label: dos\nlabel-id: 0xabcdef01\n"
            .. "size=8M, type=83\nsize=40M, type=5\nsize=8M, type=82\n5: size=4M\n6: size=4M\n")
        local found <const> = assert(probe(path))
        assert.equal("dos", found.table)
        assert.equal("abcdef01", found.id)
        local seen <const> = {}
        for i, partition in ipairs(found.partitions) do
            seen[i] = ("%d %x %s"):format(partition.number, partition.type, partition.uuid)
        end
        assert.same({ "1 83 abcdef01-01", "3 82 abcdef01-03", "5 83 abcdef01-05",
            "6 83 abcdef01-06" }, seen)
        assert.equal(2, #found.records)
        assert.equal(image.mib(9), found.records[1])
        assert.equal(image.mib(1), found.partitions[3].offset - found.records[1])
    end)

    it("finds the filesystems of partitions, and of a disk without a table", function()
        needs.root()
        needs.program("mkfs.ext4", "mkfs.btrfs")
        local path <const> = image.make(256, "label: gpt\nsize=16M\nsize=128M\nsize=1M\n")
        local found = assert(probe(path))
        image.format(path, found.partitions[1], "ext4", nil,
            "-L label -U 01234567-89ab-cdef-0123-456789abcdef")
        image.format(path, found.partitions[2], "btrfs")
        found = assert(probe(path))
        assert.same({ type = "ext4", usage = "filesystem", label = "label",
            uuid = "01234567-89ab-cdef-0123-456789abcdef" }, found.partitions[1].filesystem)
        assert.equal("btrfs", found.partitions[2].filesystem.type)
        assert.is_nil(found.partitions[3].filesystem)
        assert.is_nil(probe(path, { filesystems = false }).partitions[1].filesystem)
        local range <const> = found.partitions[1]
        local inner <const> = assert(probe(path,
            { offset = range.offset, size = range.size, table = false }))
        assert.equal("label", inner.filesystem.label)
        assert.same({}, inner.partitions)
    end)

    it("names what no filesystem is", function()
        local path <const> = image.make(16)
        image.poke(path, 0, "LUKS\xba\xbe\0\1" .. ("\0"):rep(160) .. "uuid")
        assert.equal("crypto_LUKS", probe(path).filesystem.type)
        assert.equal("crypto", probe(path).filesystem.usage)
        image.poke(path, 0, ("\0"):rep(1024))
        image.poke(path, 512, lvm_label())
        assert.equal("LVM2_member", probe(path).filesystem.type)
        image.poke(path, 0, ("\0"):rep(1024))
        assert.same({ sector_size = 512, partitions = {}, records = {} }, probe(path))
    end)

    it("doesn't move the position of the file", function()
        local path <const> = image.make(16)
        local file <close> = assert(io.open(path, "rb"))
        file:seek("set", 12345)
        assert(disk.probe(file))
        assert.equal(12345, file:seek())
    end)

    it("finds nothing in nothing", function()
        local empty <const> = { sector_size = 512, partitions = {}, records = {} }
        local path <const> = image.make(0)
        assert.same(empty, probe(path))
        for _, size in ipairs { 1, 511, 512, 513, 4095, 70000 } do
            shell.run("truncate -s %s %s", tostring(size), path)
            assert.same(empty, probe(path), size)
        end
    end)

    it("refuses a partition that ends beyond the disk, and names it", function()
        local path <const> = image.make(16)
        image.poke(path, 0, boot_record({ 0x83, 2048, 2048 }, { 0x83, 4096, 16 * 2048 }))
        local code <const>, message <const> = code_of(probe(path))
        assert.equal("EFORMAT", code)
        assert.equal("partition 2 (sectors 4096+32768) ends beyond the end of the disk at sector "
            .. "32768", message)
        put_gpt(path, { gpt_entry(64, 127, "a"), gpt_entry(128, 1 << 40, "b") })
        assert.equal(1, #probe(path).partitions) -- libblkid leaves it out already
        put_gpt(path, { gpt_entry(64, 127, "a"), gpt_entry(200, 100, "b"),
            gpt_entry(1 << 63, (1 << 63) + 10, "c") })
        assert.equal(1, #probe(path).partitions)
    end)

    it("refuses a GPT that claims to be huge, before it is read", function()
        local path <const> = image.make(16)
        shell.run("truncate -s 8G %s", path)
        put_gpt(path, {}, 31 << 20)
        local code, message = code_of(probe(path))
        assert.equal("EFORMAT", code)
        assert.equal("the GPT header in sector 1 has 32505856 entries of 128 bytes: 1 MiB in all "
            .. "expected at most", message)
        image.poke(path, 512, ("\0"):rep(512))
        image.poke(path, (8 << 30) - 512, ("<c8I4I4I4I4I8I8I8I8c16I8I4I4I4"):pack("EFI PART",
            0x10000, 92, 0, 0, 1, 1, 34, 99, "", 2, 0xffffffff, 0xffffffff, 0))
        code, message = code_of(probe(path))
        assert.equal("EFORMAT", code)
        assert.matches("sector 16777215 has 4294967295 entries", message)
    end)

    it("refuses boot records that lead in a circle, or nowhere", function()
        local path <const> = image.make(16)
        local function put(sector, ...)
            image.poke(path, sector * 512, boot_record(...))
        end
        put(0, { 0x05, 4096, 16384 })
        put(4096, { 0x83, 1, 10 }, { 0x05, 1000, 100 })
        put(5096, { 0x83, 1, 10 }, { 0x05, 2000, 100 })
        put(6096, { 0x83, 1, 10 }, { 0x05, 1000, 100 })
        local code, message = code_of(probe(path))
        assert.equal("EFORMAT", code)
        assert.equal("the boot records of logical partitions lead in a circle, back to byte "
            .. 5096 * 512, message)
        put(6096, { 0x83, 1, 10 }, { 0x05, 0xffffffff, 100 })
        code, message = code_of(probe(path))
        assert.equal("EFORMAT", code)
        assert.matches("boot record at byte %d+, beyond the end of the disk", message)
        for i = 0, 300 do
            put(4096 + 2 * i, { 0x83, 1, 1 }, { 0x05, 2 * i + 2, 2 })
        end
        assert.equal("the partition table has more than 256 logical partitions",
            select(2, code_of(probe(path))))
    end)

    it("refuses what is no disk", function()
        local directory <close> = assert(core.file.open_directory "/")
        assert.equal("a disk is a regular file or a block device",
            select(2, code_of(disk.size(directory))))
        assert.is_nil((disk.probe(directory)))
        local path <const> = image.make(1)
        assert.equal("EINVAL", code_of(probe(path, { offset = 1 << 21 })))
        assert.equal("EINVAL", code_of(probe(path, { offset = 1, size = 1 << 20 })))
        assert.equal(1 << 20, assert(disk.size(assert(io.open(path)))))
        assert.matches("neither 512 nor 4096", raised(probe, path, { sector_size = 1024 }))
        assert.matches("less than nothing", raised(probe, path, { offset = -1 }))
        assert.matches("unknown option 'whole'", raised(probe, path, { whole = true }))
    end)
end)

describe("core.disk.attach", function()
    after_each(scratch.clean)

    -- Somebody's udev may look at a device for a moment after we are done with it.
    local function devices(path)
        local list <const> = shell.run "losetup --list --noheadings --output BACK-FILE"
        return select(2, list:gsub(path:match "[^/.]+/disk.img$", ""))
    end

    it("makes part of a file a device, which ends with its handle", function()
        needs.root()
        local path <const> = image.make(4)
        image.poke(path, image.mib(1), "here")
        local file <close> = assert(io.open(path, "rb"))
        local loop <const> = assert(disk.attach { file = file, offset = image.mib(1),
            size = image.mib(2) })
        local device <const> = assert(loop:path())
        assert.equal(image.mib(2), disk.size(loop))
        assert.equal("here", shell.run("head -c 4 %s", device))
        assert.is_false(shell.succeeds("printf x > %s", device))
        assert.is_true(devices(path) > 0)
        loop:close()
        loop:close()
        wait.until_equal(0, function() return devices(path) end)
        assert.matches("the loop device is closed", raised(loop.path, loop))
    end)

    it("writes to the file if it shall", function()
        needs.root()
        local path <const> = image.make(4)
        local file <close> = assert(io.open(path, "r+b"))
        do
            local loop <close> = assert(disk.attach { file = file, read_only = false,
                sector_size = 4096 })
            assert.equal("4096", shell.run("blockdev --getss %s", (loop:path())))
            shell.run("printf written | dd of=%s conv=fsync 2>/dev/null", (loop:path()))
        end
        assert.equal("written", shell.run("head -c 7 %s", path))
    end)

    it("finds a device of its own beside others who look for one", function()
        needs.root()
        local path <const> = image.make(4)
        assert.equal("", shell.lua(([[
            local core = require "sdme.core"
            local file = io.open %q
            for _ = 1, 30 do
                local loop <close> = assert(core.disk.attach { file = file })
                local other <close> = assert(core.disk.attach { file = file })
                assert(loop:path() ~= other:path())
            end
        ]]):format(path), "many() { for i in 1 2 3; do \"$@\" & done; wait; }; many"))
        wait.until_equal(0, function() return devices(path) end)
    end)

    it("says why it can't", function()
        needs.root()
        local directory <close> = assert(core.file.open_directory "/")
        local code <const>, message <const> = code_of(disk.attach { file = directory })
        assert.equal("EINVAL", code)
        assert.matches("^set up /dev/loop%d+: Invalid argument$", message)
        assert.matches("no file", raised(disk.attach, {}))
    end)
end)

describe("core.disk.needs_replay", function()
    after_each(scratch.clean)

    local function needs_replay(path, type, size)
        local file <close> = assert(io.open(path, "rb"))
        return disk.needs_replay(file, { type = type, size = size or disk.size(file) })
    end

    -- The disk as it is while a filesystem on it is mounted and has been written to.
    local function copy_in_use(path)
        shell.run([[PATH=$PATH:/sbin:/usr/sbin; cd %s && mount -o loop disk.img disk.img.mnt &&
            echo new >disk.img.mnt/new && sync disk.img.mnt/new disk.img.mnt &&
            cp --sparse=always disk.img copy; status=$?; umount disk.img.mnt; exit $status]],
            path:match "^(.*)/")
        return path:gsub("[^/]*$", "copy")
    end

    for type, size in pairs { ext3 = 16, ext4 = 16, xfs = 320, btrfs = 128 } do
        it(("tells an %s that was in use from one that was unmounted"):format(type), function()
            needs.root()
            needs.program("mkfs." .. type, "losetup")
            local path <const> = image.make(size)
            image.format(path, nil, type)
            assert.is_false(needs_replay(path, type))
            assert.is_true(needs_replay(copy_in_use(path), type))
            assert.is_false(needs_replay(path, type))
        end)
    end

    it("reads the log of an xfs round its end", function()
        needs.root()
        needs.program("mkfs.xfs", "losetup")
        local path <const> = image.make(320)
        image.format(path, nil, "xfs", [[for round in 1 2 3 4 5 6 7 8; do
            mkdir d && (cd d && seq 4000 | xargs touch) && sync -f . && rm -r d && sync -f .
            done]])
        for _ = 1, 3 do
            assert.is_false(needs_replay(path, "xfs"))
            assert.is_true(needs_replay(copy_in_use(path), "xfs"))
        end
    end)

    it("is false of what has no journal", function()
        local path <const> = image.make(1)
        assert.is_false(needs_replay(path, "squashfs"))
        assert.is_false(needs_replay(path, "vfat"))
    end)

    it("fails where there is no such filesystem, or not all of it", function()
        local path <const> = image.make(1)
        for _, type in ipairs { "ext2", "ext4", "xfs", "btrfs" } do
            assert.matches("no " .. (type == "ext2" and "ext4" or type),
                select(2, code_of(needs_replay(path, type))))
            assert.equal("EFORMAT", code_of(needs_replay(path, type, 512 * 1024 * 1024 * 1024)))
            assert.equal("EFORMAT", code_of(needs_replay(path, type, 100)))
        end
        -- An xfs whose log is behind the end: XFSB, blocks of 4096, a log at block 2^40.
        image.poke(path, 0, (">c4I4xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxI8"):pack("XFSB", 4096,
            1 << 40))
        image.poke(path, 84, (">I4I4I4I4"):pack(1 << 31, 1, 0, 1000))
        image.poke(path, 124, "\31")
        local code <const>, message <const> = code_of(needs_replay(path, "xfs"))
        assert.same({ "EFORMAT", true }, { code, message:find "beyond its partition" ~= nil })
    end)
end)
