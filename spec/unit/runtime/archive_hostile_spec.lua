local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local tar <const> = require "spec.support.tar"
local task <const> = require "sdme.task"
local unpack <const> = require "spec.support.unpack"

local file <const> = core.file

local function read(path)
    local handle <close> = assert(io.open(path, "rb"))
    return handle:read "a"
end

local function names(directory)
    return shell.run("cd %s; find . -mindepth 1 | LC_ALL=C sort | tr '\n' ' '", directory)
end

-- One entry of a sparse file, in the form of GNU tar's version 1.0.
local function sparse(map, stored, size)
    local records <const> = tar.pax { { "GNU.sparse.major", "1" }, { "GNU.sparse.minor", "0" },
        { "GNU.sparse.name", "sparse" }, { "GNU.sparse.realsize", tostring(size) } }
    return records .. tar.entry { name = "other", data = tar.padded(map) .. stored }
end

-- A big-endian number of 12 bytes in a size field.
local function base256(bytes)
    return bytes .. ("\0"):rep(12 - #bytes)
end

local long <const> = ("x"):rep(255)

-- Each is an archive, the code of its failure and what the message must have.
local BROKEN <const> = {
    ["nothing at all"] = { "", "EFORMAT", "empty" },
    ["what is no archive"] = { ("garbage "):rep(200), "EFORMAT", "no tar archive" },
    ["a '..' in a name"] = { tar.archive { name = "a/../../x", data = "x" }, "EFORMAT",
        "entry 1 'a/%.%./%.%./x' at offset 0: its path has '%.%.'" },
    ["a '..' alone"] = { tar.archive { name = "..", type = "5" }, "EFORMAT", "'%.%.'" },
    ["a '..' in a hard link"] = { tar.archive({ name = "a", data = "" },
        { name = "x", type = "1", link = "../a" }), "EFORMAT",
        "entry 2 'x' at offset 512: a hard link to '%.%./a': its path has '%.%.'" },
    ["no name"] = { tar.archive { name = "", data = "x" }, "EFORMAT", "it has no name" },
    ["a NUL in a name"] = { tar.archive(tar.pax { { "path", "a\0b" } }, { name = "x" }),
        "EFORMAT", "'path' can't be" },
    ["a name of 256 bytes"] = { tar.archive(tar.pax { { "path", long .. "x" } }, { name = "x" }),
        "ENAMETOOLONG", "more than 255 bytes" },
    ["a path of 4096 bytes"] = { tar.archive(
        tar.pax { { "path", (long .. "/"):rep(15) .. long .. "/x" } }, { name = "x" }),
        "ENAMETOOLONG", "longer than 4095 bytes, the limit on paths" },
    ["a long name of a megabyte"] = { tar.archive(
        tar.entry { name = "long", type = "L", data = ("x"):rep(1 << 20) .. "\0" },
        { name = "x" }), "EFORMAT", "more than 1048576 bytes" },
    ["a path of 1025 directories"] = { tar.archive(
        tar.pax { { "path", ("a/"):rep(1025) .. "x" } }, { name = "x" }),
        "ENAMETOOLONG", "1024 directories deep" },
    ["the top as a symlink"] = { tar.archive { name = "/.", type = "2", link = "/etc" },
        "EFORMAT", "the top of the tree" },
    ["the top as a file"] = { tar.archive { name = "./", type = "7", data = "x" }, "EFORMAT",
        "the top of the tree" },
    ["the top as a hard link"] = { tar.archive { name = ".", type = "1", link = "x" }, "EFORMAT",
        "the top of the tree" },
    ["a hard link to what isn't there"] = { tar.archive {
        name = "x", type = "1", link = "/etc/passwd" }, "EFORMAT", "'etc/passwd', which isn't" },
    ["a hard link to a directory"] = { tar.archive({ name = "d/", type = "5" },
        { name = "x", type = "1", link = "d" }), "EFORMAT", "which is no file" },
    ["a hard link through a symlink out of the tree"] = { tar.archive(
        { name = "etc", type = "2", link = "../../../../../../etc" },
        { name = "x", type = "1", link = "etc/passwd" }), "EFORMAT", "which isn't there" },
    ["a symlink to nothing"] = { tar.archive { name = "x", type = "2", link = "" }, "EFORMAT",
        "symlink to 0 bytes" },
    ["a symlink to 4096 bytes"] = { tar.archive(
        tar.pax { { "linkpath", ("x"):rep(4096) } }, { name = "x", type = "2" }), "EFORMAT",
        "symlink to 4096 bytes" },
    ["what an overlay takes for a whiteout"] = { tar.archive { name = "x", type = "3" },
        "EFORMAT", "0:0" },
    ["a device that the kernel would take for 0:0"] = { tar.archive(
        tar.pax { { "SCHILY.devmajor", "4096" } }, { name = "x", type = "3" }), "EFORMAT",
        "4096:0 is no device" },
    ["a user beyond 32 bits"] = { tar.archive(
        tar.pax { { "uid", "4294967296" } }, { name = "x" }), "EFORMAT", "4294967296 is no user" },
    ["the user that chown takes for none"] = { tar.archive(
        tar.pax { { "uid", "4294967295" } }, { name = "x" }), "EFORMAT", "is no user" },
    ["a negative group"] = { tar.archive { name = "x", gid = "\255\255\255\255\255\255\255\254" },
        "EFORMAT", "-2 is no group" },
    ["an extended size that contradicts the header"] = { tar.archive(
        tar.pax { { "size", "1024" } }, { name = "x", size = 0 },
        { name = "hidden", data = "x" }), "EFORMAT",
        "it has 0 bytes, and its extended header that it has 1024" },
    ["an extended size of nothing where the header has some"] = { tar.archive(
        tar.pax { { "size", "0" } }, { name = "x", data = ("x"):rep(1024) }), "EFORMAT",
        "it has 1024 bytes, and" },
    ["a size in two forms"] = { tar.archive(tar.pax { { "size", "9000000000" } },
        { name = "x", size = base256 "\128\0\0\0\1" }), "EFORMAT", "and its extended header" },
    ["a size of all entries"] = { tar.archive(tar.pax({ { "size", "1" } }, "g"), { name = "x" }),
        "EFORMAT", "said of all entries" },
    ["a negative size"] = { tar.archive { name = "x", size = ("\255"):rep(12) }, "EFORMAT",
        "no valid size" },
    ["a size of 2^63"] = { tar.archive {
        name = "x", size = "\128\0\0\0\128\0\0\0\0\0\0\0" }, "EFORMAT", "no valid size" },
    ["a size of 2^63-1"] = { tar.archive {
        name = "x", size = "\128\0\0\0\127\255\255\255\255\255\255\255" }, "EFBIG",
        "the limit on the size" },
    ["an extended header of 2^62 bytes"] = { tar.archive {
        name = "x", type = "x", size = "\128\0\0\0\64\0\0\0\0\0\0\0" }, "EFORMAT",
        "more than 1048576 bytes" },
    ["a size that is no number"] = { tar.archive { name = "x", size = "12z4567\0" }, "EFORMAT",
        "no valid size" },
    ["a wrong checksum"] = { tar.archive({ name = "a" }, { name = "x", checksum = "0012345\0" }),
        "EFORMAT", "entry 2 at offset 512: no header with a valid checksum" },
    ["a type that nobody knows"] = { tar.archive { name = "x", type = "Z" }, "EFORMAT",
        "unknown type 0x5a" },
    ["a part of another volume"] = { tar.archive { name = "x", type = "M" }, "EFORMAT", "volume" },
    ["two extended headers"] = { tar.archive(tar.pax { { "path", "a" } },
        tar.pax { { "path", "b" } }, { name = "x" }), "EFORMAT", "two extended headers" },
    ["two long names"] = { tar.archive(tar.entry { type = "L", data = "a\0" },
        tar.entry { type = "L", data = "b\0" }, { name = "x" }), "EFORMAT", "two long names" },
    ["a record that is too short"] = { tar.archive(tar.pax "5 a=b\n", { name = "x" }), "EFORMAT",
        "no record at its byte 0" },
    ["a record that is too long"] = { tar.archive(tar.pax "60 a=b\n", { name = "x" }), "EFORMAT",
        "no record at its byte 0" },
    ["a record without a key"] = { tar.archive(tar.pax "5 ab\n", { name = "x" }), "EFORMAT",
        "no record at its byte 0" },
    ["a record of 2^64 bytes"] = { tar.archive(
        tar.pax "18446744073709551622 a=b\n", { name = "x" }), "EFORMAT", "no record" },
    ["a time that is no number"] = { tar.archive(
        tar.pax { { "mtime", "1.5e3" } }, { name = "x" }), "EFORMAT", "'mtime' can't be '1.5e3'" },
    ["an ACL that lacks somebody"] = { tar.archive(
        tar.pax { { "SCHILY.acl.access", "user::rwx" } }, { name = "x" }), "EFORMAT", "an ACL" },
    ["an ACL that isn't one"] = { tar.archive(
        tar.pax { { "SCHILY.acl.access", "user::rwz" } }, { name = "x" }), "EFORMAT",
        "can't have 'user::rwz'" },
    ["parts of a sparse file that overlap"] = { tar.archive(
        sparse("2\n0\n10\n5\n10\n", ("x"):rep(20), 100)), "EFORMAT", "part 2" },
    ["a part of a sparse file behind its end"] = { tar.archive(
        sparse("1\n95\n10\n", ("x"):rep(10), 100)), "EFORMAT", "part 1" },
    ["a part of a sparse file near 2^64"] = { tar.archive(
        sparse("1\n18446744073709551615\n10\n", ("x"):rep(10), 100)), "EFORMAT", "part 1" },
    ["a sparse file that stores more than its parts"] = { tar.archive(
        sparse("1\n0\n10\n", ("x"):rep(20), 100)), "EFORMAT", "have 10 bytes, but 20" },
    ["a sparse file of 2^60 parts"] = { tar.archive(
        sparse("1152921504606846976\n", "", 100)), "EFORMAT", "part of a sparse file" },
    ["a sparse file of 2^63 bytes"] = { tar.archive(
        sparse("0\n", "", "9223372036854775808")), "EFORMAT", "no valid size" },
    ["a sparse file of 2^62 bytes"] = { tar.archive(
        sparse("0\n", "", "4611686018427387904")), "EFBIG", "the limit on the size" },
    ["a single block of zeros"] = { tar.entry { name = "x" } .. ("\0"):rep(512)
        .. tar.entry { name = "hidden" } .. tar.END, "EFORMAT", "a single block of zeros" },
    ["an archive without an end"] = { tar.entry { name = "x" }, "EFORMAT",
        "no mark of its end" },
}

local WHITEOUTS <const> = {
    [".wh."] = "nothing that could be", [".wh.."] = "nothing that could be",
    [".wh..."] = "nothing that could be", [".wh.dir/file"] = "nothing that could be",
    ["a/.wh.x/../y"] = "'..'",
}

describe("core.archive", function()
    setup(needs.root)
    after_each(scratch.clean)

    describe("unpack refuses", function()
        for name, case in pairs(BROKEN) do
            it(name, function()
                local code <const>, message <const> = unpack.bad(case[1])
                assert.equal(case[2], code, message)
                assert.matches(case[3], message)
                assert.not_matches("\n", message)
            end)
        end

        for name, why in pairs(WHITEOUTS) do
            it("the whiteout " .. name, function()
                local code <const>, message <const> = unpack.bad(
                    tar.archive { name = name, data = "" }, { whiteouts = true })
                assert.equal("EFORMAT", code)
                assert.is_truthy(message:find(why, 1, true), message)
            end)
        end

        it("an archive that ends anywhere before its end", function()
            local whole <const> = tar.archive(tar.pax { { "path", "long/" .. long } },
                { name = "x", data = ("x"):rep(1000) }, { name = "dir/", type = "5" },
                tar.entry { type = "L", data = "also/" .. ("y"):rep(200) .. "\0" },
                { name = "y", data = ("y"):rep(600) }, sparse("1\n0\n10\n", ("x"):rep(10), 100))
            for size = 512, #whole - 1024, 512 do
                for _, cut in ipairs { size, size - 1, size - 511 } do
                    local code <const>, message <const> = unpack.bad(whole:sub(1, cut),
                        { compression = "none" })
                    assert.equal("EFORMAT", code, message)
                    assert.matches("truncated", message)
                end
            end
            unpack.good(whole:sub(1, -513))
        end)

        for _, name in ipairs { "gzip", "bzip2", "xz", "zstd", "lz4" } do
            it("what is cut or has garbage behind it: " .. name, function()
                needs.program(name)
                local path <const> = unpack.file(tar.archive { name = "x", data = ("x"):rep(5000) })
                shell.run(name .. " -c <%s >%s", path, path .. ".out")
                local whole <const> = read(path .. ".out")
                for _, cut in ipairs { 7, #whole // 2, #whole - 9, #whole - 1 } do
                    local code <const>, message <const> = unpack.bad(whole:sub(1, cut))
                    assert.equal("EFORMAT", code, message)
                    assert.matches(name, message)
                end
            end)
        end

        it("garbage behind gzip's and zstd's data, and takes zeros behind gzip's", function()
            needs.program("gzip", "zstd")
            local path <const> = unpack.file(tar.archive { name = "x" })
            shell.run("gzip -k %s; zstd -q %s", path, path)
            local gzip <const>, zstd <const> = read(path .. ".gz"), read(path .. ".zst")
            assert.equal(#gzip + 700, select(2, unpack.good(gzip .. ("\0"):rep(700))).consumed)
            for _, bytes in ipairs { gzip .. "garbage", gzip .. "\0\0x", zstd .. "garbage" } do
                assert.equal("EFORMAT", (unpack.bad(bytes)))
            end
        end)

        it("what gzip's checksum, or zstd's, isn't right of", function()
            needs.program("gzip", "zstd")
            local path <const> = unpack.file(tar.archive { name = "x", data = ("x"):rep(5000) })
            shell.run("gzip -k %s; zstd -q --check %s", path, path)
            local gzip <const>, zstd <const> = read(path .. ".gz"), read(path .. ".zst")
            local code, message = unpack.bad(gzip:sub(1, -6)
                .. string.char(gzip:byte(-5) ~ 1) .. gzip:sub(-4))
            assert.equal("EFORMAT", code)
            assert.matches("checksum", message)
            code, message = unpack.bad(zstd:sub(1, -2) .. string.char(zstd:byte(-1) ~ 1))
            assert.equal("EFORMAT", code)
            assert.matches("checksum", message)
        end)

        it("what is compressed twice", function()
            needs.program("xz", "bzip2")
            local path <const> = unpack.file(tar.archive { name = "x" })
            shell.run("xz -c %s | xz -c >%s; bzip2 -c %s | gzip -c >%s", path, path .. ".xz", path,
                path .. ".gz")
            for _, suffix in ipairs { ".xz", ".gz" } do
                assert.equal("EFORMAT", (unpack.bad(read(path .. suffix))))
            end
        end)

        for _, name in ipairs { "gzip", "bzip2", "xz", "zstd", "lz4" } do
            it("a bomb: " .. name, function()
                needs.program(name)
                local path <const> = scratch.directory() .. "/bomb"
                local header <const> = unpack.file(tar.header { name = "x", size = 100 << 20 })
                shell.run("{ cat %s; head -c 68M /dev/zero; } | " .. name .. " -c >%s", header,
                    path)
                local _, result <const>, message <const>, code <const> = unpack.path(path,
                    { limits = { ratio = 100 } })
                assert.is_nil(result)
                assert.equal("EFBIG", code)
                assert.matches("more than 100 times its size, the limit on the ratio", message)
            end)
        end

        it("more than the limits allow", function()
            local archive <const> = tar.archive({ name = "a/b/c", data = "12345" },
                { name = "d", data = "67890" })
            for message, limits in pairs {
                ["entry 2 'd' at offset 1024: with its 5 bytes the files have more than 9"] =
                    { size = 9 },
                ["entry 2 'd': more than 1 entries, the limit"] = { entries = 1 },
                ["longer than 4 bytes, the limit on paths"] = { path = 4 },
                ["more than 2 directories deep, the limit on depth"] = { depth = 2 },
            } do
                local code <const>, said <const> = unpack.bad(archive, { limits = limits })
                assert.is_true(code == "EFBIG" or code == "ENAMETOOLONG")
                assert.is_truthy(said:find(message, 1, true), said)
            end
            unpack.good(archive,
                { limits = { size = 10, entries = 2, path = 5, depth = 3, ratio = 1 } })
        end)

        it("what a full disk has no room for", function()
            local disk <const> = scratch.filesystem("ext4", "8M")
            assert(file.mkdir(disk .. "/to"))
            local input <close> = assert(io.open(unpack.file(
                tar.archive { name = "x", data = ("x"):rep(20 << 20) })))
            local _, message <const>, code <const> = task.await(assert(core.archive.unpack {
                input = input, directory = disk .. "/to",
            }))
            assert.equal("ENOSPC", code)
            assert.matches("^entry 1 'x' at offset 0: write: ", message)
        end)
    end)

    describe("unpack puts nothing outside", function()
        local outside

        before_each(function()
            outside = scratch.directory()
            shell.run("echo old >%s; mkdir %s", outside .. "/file", outside .. "/dir")
        end)

        local function unharmed()
            assert.equal("old\n", read(outside .. "/file"))
            assert.equal("./dir ./file ", names(outside))
            assert.equal("0 0", shell.run("stat -c '%%u %%g' %s | uniq", outside .. "/file"))
        end

        it("by an absolute name", function()
            local directory <const> = unpack.good(tar.archive(
                { name = outside .. "/file", data = "new" }, { name = "//x", data = "x" }))
            assert.equal("new", read(directory .. outside .. "/file"))
            assert.equal("x", read(directory .. "/x"))
            unharmed()
        end)

        it("through a symlink", function()
            for _, link in ipairs { outside, ("../"):rep(10) .. outside, "/proc/self/cwd/..",
                "/proc/1/root" .. outside } do
                local directory <const> = unpack.good(tar.archive(
                    { name = "link", type = "2", link = link }, { name = "link/new", data = "x" },
                    { name = "link/dir", type = "2", link = "/" },
                    { name = "link/dir/", type = "5", mode = 511, uid = 7 },
                    { name = "link/file", data = "new", uid = 7 }))
                assert.is_truthy(names(directory):find("/file ", 1, true))
                unharmed()
            end
        end)

        it("by writing, linking or changing the owner of a symlink's target", function()
            local target <const> = outside .. "/file"
            local directory <const> = unpack.good(tar.archive(
                { name = "a", type = "2", link = target, uid = 7 },
                { name = "b", type = "1", link = "a" }, { name = "b", data = "new", uid = 7 },
                { name = "c", type = "2", link = target }, { name = "c", type = "3", major = 1,
                    minor = 3, uid = 7 }, { name = "d", type = "2", link = outside },
                { name = "d", type = "5", uid = 7, mode = 511 }))
            assert.equal("symlink", file.stat(directory .. "/a").type)
            assert.equal("new", read(directory .. "/b"))
            unharmed()
        end)

        it("by an extended attribute or a whiteout through a symlink", function()
            unpack.good(tar.archive(
                { name = "d", type = "2", link = outside .. "/dir" },
                { name = "d/.wh..wh..opq", data = "" }, { name = "d/.wh.file", data = "" },
                tar.pax { { "SCHILY.xattr.trusted.x", "y" } },
                { name = "l", type = "2", link = outside .. "/file" }), { whiteouts = true })
            unharmed()
            assert.same({}, file.list_attributes(outside .. "/file"))
            assert.same({}, file.list_attributes(outside .. "/dir"))
        end)
    end)

    describe("unpack", function()
        it("doesn't take what steers an overlay from an archive", function()
            local directory <const> = unpack.good(tar.archive(
                tar.pax { { "SCHILY.xattr.trusted.overlay.opaque", "y" },
                    { "SCHILY.xattr.trusted.overlay.redirect", "/etc" },
                    { "SCHILY.xattr.user.overlay.redirect", "/etc" },
                    { "SCHILY.xattr.trusted.sdme.shift", "y" },
                    { "SCHILY.xattr.trusted.SGI_ACL_FILE", "y" },
                    { "SCHILY.xattr.security.ima", "x" }, { "SCHILY.xattr.trusted.fine", "x" } },
                { name = "d/", type = "5" }))
            assert.same({ "trusted.fine" }, file.list_attributes(directory .. "/d"))
        end)

        it("keeps the bytes of names, whatever they are", function()
            local odd <const> = { "\255\254", "\27[31m", "new\nline", "back\\slash", " ", "-f",
                "\u{202e}", "~", "a:b" }
            local entries <const> = {}
            for i, name in ipairs(odd) do
                entries[i] = { name = name, data = name }
            end
            local directory <const> = unpack.good(tar.archive(table.unpack(entries)))
            for _, name in ipairs(odd) do
                assert.equal(name, read(directory .. "/" .. name))
            end
        end)

        it("doesn't pass control characters on in a message", function()
            local _, message <const> = unpack.bad(
                tar.archive { name = "\27[31m\n/../x", data = "" })
            assert.not_matches("%c", message)
        end)

        it("takes an entry that links to itself for what is there", function()
            local directory <const> = unpack.good(tar.archive({ name = "x", data = "x" },
                { name = "x", type = "1", link = "./x" }))
            assert.equal("x", read(directory .. "/x"))
        end)

        it("refuses a hard link in a directory that it replaces", function()
            local code <const> = unpack.bad(tar.archive({ name = "d/x", data = "x" },
                { name = "d", type = "1", link = "d/x" }))
            assert.equal("ENOENT", code)
        end)

        it("takes 100000 empty files in one directory", function()
            local path <const> = scratch.directory() .. "/many"
            shell.run([[perl -e %s >%s]], [[
                my $zero = "\0" x 512;
                for my $i (1..100000) {
                    my $h = pack "a100a8a8a8a12a12A8a1a100a8a32a32a8a8a155x12", "f$i", "0000644",
                        "0000000", "0000000", "00000000000", "00000000000", "", "0", "",
                        "ustar\00000", "", "", "", "", "";
                    my $s = unpack "%32C*", $h;
                    substr $h, 148, 8, sprintf "%06o\0 ", $s;
                    print $h;
                }
                print $zero x 2]], path)
            local directory <const>, result <const> = unpack.path(path)
            assert.equal(100000, result.entries)
            assert.equal("100000", shell.run("ls %s | wc -l", directory))
        end)

        for form, header in pairs {
            ["0.0"] = tar.pax { { "GNU.sparse.size", "1000000" }, { "GNU.sparse.numblocks", "2" },
                { "GNU.sparse.offset", "1000" }, { "GNU.sparse.numbytes", "3" },
                { "GNU.sparse.offset", "999997" }, { "GNU.sparse.numbytes", "3" } },
            ["0.1"] = tar.pax { { "GNU.sparse.size", "1000000" },
                { "GNU.sparse.numblocks", "2" }, { "GNU.sparse.name", "x" },
                { "GNU.sparse.map", "1000,3,999997,3" } },
        } do
            it("makes the holes of sparse files of the version " .. form, function()
                local directory <const> = unpack.good(tar.archive(header,
                    { name = "x", data = "abcdef" }))
                local content <const> = read(directory .. "/x")
                assert.equal(("\0"):rep(1000) .. "abc" .. ("\0"):rep(998994) .. "def", content)
                assert.is_true(tonumber(shell.run("stat -c %%b %s", directory .. "/x")) < 100)
            end)
        end

        for _, version in ipairs { "0.0", "0.1", "1.0", "old" } do
            it("makes the holes that GNU tar stores in its version " .. version, function()
                local from <const> = scratch.directory()
                shell.run([[cd %s; for i in $(seq 60); do
                    printf x | dd of=f bs=1 seek=$((i * 20000)) conv=notrunc 2>/dev/null; done
                    truncate -s 5M f; truncate -s 1M hole; : >empty; touch -d @1 f hole empty .]],
                    from)
                local form <const> = version == "old" and "--format=gnu"
                    or "--format=posix --sparse-version=" .. version
                shell.run("tar --sparse " .. form .. " -C %s -cf %s .", from, from .. ".tar")
                scratch.finally(function() os.remove(from .. ".tar") end)
                local to <const> = unpack.path(from .. ".tar")
                assert.equal("", unpack.differences(from, to))
            end)
        end

        it("inflates with zlib where ISA-L can't be loaded", function()
            needs.program "gzip"
            local path <const> = unpack.file(tar.archive { name = "x", data = ("x"):rep(99999) })
            shell.run("{ gzip -c %s; gzip -c %s; } >%s", path, path, path .. ".gz")
            local directory <const> = scratch.directory()
            local broken <const> = scratch.directory()
            shell.run("touch %s; mkdir %s", broken .. "/libisal.so.2", directory .. "/to")
            local output <const> = shell.lua(([[
                local core = require "sdme.core"
                local task = require "sdme.task"
                local input = assert(io.open(%q))
                local result = assert(task.await(assert(core.archive.unpack {
                    input = input, directory = %q,
                })))
                print(result.consumed)
            ]]):format(path .. ".gz", directory .. "/to"), "LD_LIBRARY_PATH=" .. broken)
            assert.equal(shell.run("stat -c %%s %s", path .. ".gz"), output)
            assert.equal(99999, file.stat(directory .. "/to/x").size)
        end)
    end)
end)
