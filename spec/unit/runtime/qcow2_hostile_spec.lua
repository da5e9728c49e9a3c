local core <const> = require "sdme.core"
local make <const> = require "spec.support.qcow2_image"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local qcow2 <const> = core.qcow2

local ZSTD <const>, EXTENDED <const> = 1 << 3, 1 << 4
local EMPTY <const> = ("\0"):rep(512)

-- What becomes of bytes as an image: the whole disk, or nil, message, code.
local function read(bytes)
    local path <const> = scratch.directory() .. "/image"
    local file <close> = assert(io.open(path, "w+b"))
    assert(file:write(bytes))
    file:flush()
    local image <close>, message <const>, code <const> = qcow2.open { file = file, name = "x" }
    if not image then
        return nil, message, code
    end
    return image:read(0, math.min(image:info().size, 1 << 24))
end

local function assert_refused(expected, options, code)
    local bytes <const> = type(options) == "string" and options or make.make(options)
    local content <const>, message <const>, found <const> = read(bytes)
    assert.same({ nil, "x: " .. expected, code or "EFORMAT" }, { content, message, found })
end

describe("core.qcow2 of an image made by hand", function()
    after_each(scratch.clean)

    it("reads the images that the others are variations of", function()
        local data <const> = ("x"):rep(512)
        assert.equal(data .. EMPTY:rep(3), read(make.make {}))
        assert.equal(data .. EMPTY:rep(3), read(make.make { version = 2 }))
        assert.equal(data .. data .. EMPTY .. data,
            read(make.make { l2 = { make.DATA, make.DATA | make.COPIED, 0, make.DATA } }))
        assert.equal(("\0"):rep(4 * 16384), read(make.make {
            cluster_bits = 14, incompatible = EXTENDED, l2 = { 5 * 16384, 0 } }))
    end)

    it("reads compressed clusters, however they lie", function()
        local stored <const> = make.stored(("y"):rep(512))
        assert.equal(("y"):rep(1024) .. EMPTY:rep(2), read(make.make {
            data = "..." .. stored,
            l2 = { make.compressed(9, make.DATA + 3, 1), make.compressed(9, make.DATA + 3, 1) },
        }))
        local frame <const> = make.repeated(512, "z")
        assert.equal(("z"):rep(512) .. EMPTY:rep(3), read(make.make {
            data = frame, incompatible = ZSTD, compression = 1,
            l2 = { make.compressed(9, make.DATA, 0) },
        }))
        assert.equal(("z"):rep(256) .. ("w"):rep(256), read(make.make {
            data = make.repeated(256, "z") .. make.repeated(256, "w") .. "behind it",
            incompatible = ZSTD, compression = 1, size = 512,
            l2 = { make.compressed(9, make.DATA, 1) },
        }))
    end)

    it("is done with one that is cut off anywhere", function()
        local whole <const> = make.make {
            l2 = { make.DATA, 1, make.compressed(9, make.DATA + 512, 1) },
            data = ("x"):rep(512) .. make.stored(("y"):rep(512)),
        }
        local path <const> = scratch.directory() .. "/image"
        for size = 0, #whole - 1 do
            local file <close> = assert(io.open(path, "w+b"))
            file:write(whole:sub(1, size))
            file:flush()
            local image <close>, message, code = qcow2.open { file = file, name = "x" }
            local content
            if image then
                content, message, code = image:read(0, 2048)
            end
            assert.same({ size, nil, "EFORMAT" }, { size, content, code })
            assert.matches("^x: ", message)
        end
        assert.equal(("x"):rep(512) .. EMPTY .. ("y"):rep(512) .. EMPTY, read(whole))
    end)

    it("refuses what is no image", function()
        assert_refused("header at offset 0x0: beyond the end of the file (0 bytes)", "")
        assert_refused("no QCOW2 image: it doesn't begin with QFI\\xfb", EMPTY)
        assert_refused("QCOW version 1: 2 or 3 expected", { version = 1 }, "EUNSUPPORTED")
        assert_refused("QCOW version 4: 2 or 3 expected", { version = 4 }, "EUNSUPPORTED")
        local directory <close> = assert(core.file.open_directory(scratch.directory()))
        assert.equal("EINVAL", select(3, qcow2.open { file = directory }))
    end)

    it("refuses clusters of any size but those from 512 bytes to 2 MiB", function()
        for bits = 0, 31 do
            if bits < 9 or bits > 21 then
                assert_refused(("cluster_bits %d: 9 to 21 expected"):format(bits),
                    { cluster_bits = bits })
            end
        end
        assert_refused("cluster_bits 4294967295: 9 to 21 expected", { cluster_bits = 0xffffffff })
        assert_refused("cluster_bits 13: 14 to 21 expected",
            { cluster_bits = 13, incompatible = EXTENDED })
    end)

    it("refuses a header of a length that can't be", function()
        for _, length in ipairs { 0, 72, 96, 103, 105, 111, 113, 520, 0xffffffff } do
            assert_refused(
                ("header_length %d: a multiple of 8 from 104 to 512 expected"):format(length),
                { header_length = length })
        end
        assert.is_string(read(make.make { header_length = 104 }))
        assert.is_string(read(make.make { header_length = 512 }))
    end)

    it("refuses a disk that the L1 table can't describe", function()
        assert_refused("the L1 table has 1 entries: a disk of 32769 bytes needs 2",
            { size = 32769 })
        assert_refused("the L1 table has 0 entries: a disk of 1 bytes needs 1",
            { size = 1, l1_size = 0 })
        assert_refused("the L1 table has 1 entries: a disk of 9223372036854775807 bytes needs "
            .. "281474976710656", { size = math.maxinteger })
        assert_refused("a disk of 0x8000000000000000 bytes: less than 2^63 expected",
            { size = math.mininteger })
        assert_refused("a disk of 0xffffffffffffffff bytes: less than 2^63 expected", { size = -1 })
        assert_refused("the L1 table has 4294967295 entries: at most 4194304 expected",
            { l1_size = 0xffffffff })
        assert_refused("L1 table at offset 0x600: beyond the end of the file (3072 bytes)",
            { l1_size = 4194304 })
        assert_refused("L1 table at offset 0x8000000000000000: beyond the end of the file "
            .. "(3072 bytes)", { l1_offset = math.mininteger })
        assert_refused("L1 table at offset 0xfffffffffffffe00: beyond the end of the file "
            .. "(3072 bytes)", { l1_offset = -512 })
        assert_refused("L1 table at offset 0x601: not at the start of a cluster",
            { l1_offset = 0x601 })
        assert.equal("", read(make.make { size = 0, l1_size = 0 }))
    end)

    it("refuses a refcount table that can't be, and needs no refcounts", function()
        assert_refused("refcount table at offset 0xe00: beyond the end of the file (3072 bytes)",
            { refcount_offset = 0xe00 })
        assert_refused("refcount table at offset 0x200: beyond the end of the file (3072 bytes)",
            { refcount_clusters = 0xffffffff })
        assert_refused("refcount table at offset 0x1: not at the start of a cluster",
            { refcount_offset = 1 })
        assert_refused("refcount_order 7: 0 to 6 expected", { refcount_order = 7 })
        assert_refused("refcount_order 4294967295: 0 to 6 expected",
            { refcount_order = 0xffffffff })
        local bytes <const> = make.make { incompatible = 3 }
        assert.is_string(read(bytes:sub(1, 512) .. ("\xff"):rep(1024) .. bytes:sub(1537)))
    end)

    it("refuses encryption by its name", function()
        assert_refused("it is encrypted with AES, which is not supported", { crypt_method = 1 },
            "EUNSUPPORTED")
        assert_refused("it is encrypted with LUKS, which is not supported",
            { crypt_method = 2, version = 2 }, "EUNSUPPORTED")
        assert_refused("encryption method 3: 0 to 2 expected", { crypt_method = 3 })
    end)

    it("refuses features that it doesn't know by their names", function()
        local function feature(kind, bit, name)
            return string.char(kind, bit) .. name .. ("\0"):rep(46 - #name)
        end
        local names <const> = make.extension(0x6803f857, feature(1, 5, "not this one") ..
            feature(0, 5, "holograms") .. feature(0, 63, ("n"):rep(46)) .. "cut off")
        assert_refused("it needs a feature that is not supported: holograms",
            { incompatible = 1 << 5, extensions = names }, "EUNSUPPORTED")
        assert_refused("it needs a feature that is not supported: " .. ("n"):rep(46),
            { incompatible = 1 << 63, extensions = names }, "EUNSUPPORTED")
        assert_refused("it needs a feature that is not supported: bit 6",
            { incompatible = 1 << 6, extensions = names }, "EUNSUPPORTED")
        assert_refused("it needs a feature that is not supported: bit 5",
            { incompatible = 1 << 5 }, "EUNSUPPORTED")
        assert_refused("its data is in another file, 'data.raw', which is not supported",
            { incompatible = 1 << 2, extensions = make.extension(0x44415441, "data.raw") },
            "EUNSUPPORTED")
        assert_refused("its data is in another file, '(no name)', which is not supported",
            { incompatible = 1 << 2 }, "EUNSUPPORTED")
        assert.is_string(read(make.make { compatible = -1, autoclear = -1, incompatible = 3 }))
    end)

    it("refuses a compression that it doesn't know, or that is stated in half", function()
        assert_refused(
            "compression type 2 is not supported: 0 (zlib) or 1 (zstd) expected",
            { compression = 2, incompatible = ZSTD }, "EUNSUPPORTED")
        assert_refused("compression type 1 with its feature bit clear", { compression = 1 })
        assert_refused("compression type 0 with its feature bit set", { incompatible = ZSTD })
        assert_refused("compression type 0 with its feature bit set",
            { incompatible = ZSTD, compression = 1, header_length = 104 })
    end)

    it("refuses header extensions that don't fit", function()
        assert_refused("header extension 0x12345678 at offset 0x78: it has 393 bytes where 392 " ..
            "are left", { extensions = make.extension(0x12345678, "", 393) })
        assert_refused("header extension 0x12345678 at offset 0x90: it has 4294967295 bytes where "
            .. "368 are left", { extensions = make.extension(0x12345678, "some data")
                .. make.extension(0x12345678, "", 0xffffffff) })
        assert_refused("the backing format has 0 bytes: 1 to 1023 expected",
            { extensions = make.extension(0xe2792aca, "") })
        assert_refused("a NUL byte in the backing format",
            { extensions = make.extension(0xe2792aca, "r\0w") })
        assert.is_string(read(make.make { extensions = make.extension(0x12345678, "", 392) }))
    end)

    it("refuses the name of a backing file that isn't where names are", function()
        assert_refused("the backing file's name has 0 bytes: 1 to 1023 expected",
            { backing_offset = 200, backing_size = 0 })
        assert_refused("backing file's name at offset 0xc8: 313 bytes of it are not in the first "
            .. "cluster", { backing_offset = 200, backing_size = 313 })
        assert_refused("backing file's name at offset 0xffffffffffffffff: 2 bytes of it are not "
            .. "in the first cluster", { backing_offset = -1, backing_size = 2 })
        assert_refused("a NUL byte in the backing file's name",
            { backing_offset = 300, backing_size = 5 })
        assert_refused("the backing file's name has 1024 bytes: 1 to 1023 expected",
            { backing_offset = 200, backing_size = 1024, cluster_bits = 12 })
    end)

    it("refuses L2 tables that aren't there", function()
        assert_refused("L2 table 0 at offset 0x10000: beyond the end of the file (3072 bytes)",
            { l1 = { 0x10000 } })
        assert_refused("L2 table 0 at offset 0xfffffffffffe00: beyond the end of the file "
            .. "(3072 bytes)", { l1 = { 0xfffffffffffe00 } })
        assert_refused("entry 0 of the L1 table: reserved bits are set (0x801)",
            { l1 = { 0x801 } })
        assert_refused("entry 0 of the L1 table: reserved bits are set (0x4000000000000800)",
            { l1 = { 1 << 62 | 0x800 } })
        assert_refused("L2 table 0 at offset 0x5200: not at the start of a cluster",
            { l1 = { 0x5200 }, cluster_bits = 12 })
        assert_refused("L2 table 3 at offset 0x10000: beyond the end of the file (3072 bytes)",
            { l1 = { 0, 0, make.L2, 0x10000 }, l1_size = 4, size = 4 * 32768 })
    end)

    it("refuses data that isn't there", function()
        assert_refused("data cluster at offset 0xc00 (entry 1 of L2 table 0): beyond the end of "
            .. "the file (3072 bytes)", { l2 = { make.DATA, make.DATA + 512 } })
        assert_refused("data cluster at offset 0xfffffffffffe00 (entry 0 of L2 table 0): beyond "
            .. "the end of the file (3072 bytes)", { l2 = { 0xfffffffffffe00 } })
        assert_refused("data cluster at offset 0xa00 (entry 0 of L2 table 0): beyond the end of "
            .. "the file (3071 bytes)", { data = ("x"):rep(511) })
        assert_refused("compressed cluster at offset 0xc00 (entry 0 of L2 table 0): beyond the "
            .. "end of the file (3072 bytes)", { l2 = { make.compressed(9, 0xc00, 0) } })
        assert_refused("compressed cluster at offset 0xffffffffffffff (entry 0 of L2 table 0): "
            .. "beyond the end of the file (3072 bytes)",
            { l2 = { make.compressed(9, (1 << 56) - 1, 1) } })
    end)

    it("refuses entries that contradict themselves", function()
        local entry <const> = "entry 0 of L2 table 0 at offset 0x%x: %s (0x%x)"
        assert_refused(entry:format(0x800, "reserved bits are set", 0xa02), { l2 = { 0xa02 } })
        assert_refused(entry:format(0x800, "reserved bits are set", 1 << 60), { l2 = { 1 << 60 } })
        assert_refused(entry:format(0x800, "reserved bits are set", make.COMPRESSED | 1 << 57),
            { l2 = { make.COMPRESSED | 1 << 57 } })
        assert_refused(entry:format(0x800, "a zero cluster, which version 2 hasn't", 1),
            { l2 = { 1 }, version = 2 })
        assert_refused(entry:format(0x800, "a cluster at offset 0", 0), { l2 = { make.COPIED } })
        assert_refused(entry:format(0x4000, "data that is not at the start of a cluster", 0x5200),
            { l2 = { 0x5200 }, cluster_bits = 12 })
        local function extended(l2)
            return { cluster_bits = 14, incompatible = EXTENDED, l2 = l2 }
        end
        assert_refused(entry:format(0x10000, "reserved bits are set", 1), extended { 1, 0 })
        assert_refused(entry:format(0x10000, "subclusters with data that read as zeros",
            1 | 1 << 32), extended { 5 * 16384, 1 | 1 << 32 })
        assert_refused(entry:format(0x10000, "a cluster at offset 0", 0), extended { 0, 1 })
    end)

    it("reads tables that are their own data, and ends", function()
        assert.is_string(read(make.make { l2 = { make.L2, make.L1, make.REFCOUNTS } }))
        assert.equal(512, #read(make.make { l1 = { make.L1 }, size = 512 }))
        local _, _, code <const> = read(make.make { l1 = { make.REFCOUNTS } })
        assert.is_nil(code)
        assert.equal("EFORMAT", select(3, read(make.make { l1 = { make.BLOCK | make.COPIED } })))
    end)

    it("refuses compressed clusters that lie", function()
        local function refuses(why, data, size, options)
            local fields <const> = options or {}
            fields.data, fields.l2 = data, { make.compressed(9, make.DATA, size) }
            assert_refused("compressed cluster at offset 0xa00, of the disk 0x0: " .. why, fields)
        end
        refuses("it expands to less than a cluster", make.stored(("y"):rep(511)), 1)
        refuses("it expands to more than a cluster", make.stored(("y"):rep(513)), 1)
        refuses("no deflate stream, or one that is cut off", make.stored(("y"):rep(512)), 0)
        refuses("no deflate stream, or one that is cut off",
            make.stored(("y"):rep(512)):sub(1, 300), 1)
        refuses("no deflate stream, or one that is cut off", ("\xff"):rep(512), 0)
        local function refuses_zstd(why, data)
            refuses(why, data, 1, { incompatible = ZSTD, compression = 1 })
        end
        refuses_zstd("it expands to less than a cluster", make.repeated(511, "z"))
        refuses_zstd("Destination buffer is too small", make.repeated(513, "z"))
        refuses_zstd("Src size is incorrect", make.repeated(512, "z"):sub(1, -2))
        refuses_zstd("Unknown frame descriptor", ("\xff"):rep(512))
        refuses_zstd("it expands to less than a cluster", "\x50\x2a\x4d\x18\x00\x00\x00\x00")
    end)

    it("takes no more room than the disk, however often data is shown", function()
        local directory <const> = scratch.directory()
        local raw <const> = directory .. "/raw"
        local l1 <const>, l2 <const> = {}, {}
        for i = 1, 64 do
            l1[i], l2[i] = make.L2, make.compressed(9, make.DATA, 1)
        end
        local input <close> = assert(io.open(directory .. "/image", "w+b"))
        input:write(make.make { l1 = l1, l1_size = 64, l2 = l2, size = 64 * 32768,
            data = make.stored(("y"):rep(512)) })
        input:flush()
        local image <close> = assert(qcow2.open { file = input, name = "x" })
        local output <close> = assert(io.open(raw, "wb"))
        local result <const> = assert(task.await(image:extract { output = output }))
        assert.same({ written = 2097152, holes = 0 }, result)
        assert.equal("2097152", shell.run("tr -cd y < %s | wc -c", raw))
    end)

    it("passes over petabytes that aren't there", function()
        local directory <const> = scratch.directory()
        local input <close> = assert(io.open(directory .. "/image", "w+b"))
        local cluster <const> = 1 << 21
        input:write((make.make { cluster_bits = 21, size = 1 << 54, l1_size = 1 << 15, l1 = {},
            l2 = {} }))
        input:flush()
        local image <close> = assert(qcow2.open { file = input, name = "x" })
        local output <close> = assert(io.open(directory .. "/raw", "wb"))
        assert.same({ written = 0, holes = 1 << 54 },
            assert(task.await(image:extract { output = output })))
        assert.equal(cluster, image:info().cluster_size)
    end)

    it("gives up an extraction that finds damage, and leaves nothing of it", function()
        local directory <const> = scratch.directory()
        local input <close> = assert(io.open(directory .. "/image", "w+b"))
        input:write(make.make { l1 = { make.L2, make.L2, 0x10000 }, l1_size = 3, size = 3 * 32768 })
        input:flush()
        local image <close> = assert(qcow2.open { file = input, name = "x" })
        local output <close> = assert(io.open(directory .. "/raw", "wb"))
        assert.same({ nil,
            "x: L2 table 2 at offset 0x10000: beyond the end of the file (3072 bytes)", "EFORMAT" },
            { task.await(image:extract { output = output }) })
        assert.equal("0 0", shell.run("stat -c '%%s %%b' %s", directory .. "/raw"))
    end)
end)
