local core <const> = require "sdme.core"
local hostile <const> = require "spec.support.hostile_tar"
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

describe("core.archive", function()
    setup(needs.root)
    after_each(scratch.clean)

    describe("unpack refuses", function()
        for name, case in pairs(hostile.BROKEN) do
            it(name, function()
                local code <const>, message <const> = unpack.bad(case[1])
                assert.equal(case[2], code, message)
                assert.matches(case[3], message)
                assert.not_matches("\n", message)
            end)
        end

        for name, why in pairs(hostile.WHITEOUTS) do
            it("the whiteout " .. name, function()
                local code <const>, message <const> = unpack.bad(
                    tar.archive { name = name, data = "" }, { whiteouts = true })
                assert.equal("EFORMAT", code)
                assert.is_truthy(message:find(why, 1, true), message)
            end)
        end

        it("an archive that ends anywhere before its end", function()
            local whole <const> = tar.archive(tar.pax { { "path", "long/" .. ("x"):rep(255) } },
                { name = "x", data = ("x"):rep(1000) }, { name = "dir/", type = "5" },
                tar.entry { type = "L", data = "also/" .. ("y"):rep(200) .. "\0" },
                { name = "y", data = ("y"):rep(600) },
                hostile.sparse("1\n0\n10\n", ("x"):rep(10), 100))
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

        it("an archive that ends in an entry, even if it needs no mark of its end", function()
            local options <const> = { compression = "none", unmarked_end = true }
            local whole <const> = tar.archive({ name = "x", data = ("x"):rep(700) },
                tar.entry { type = "L", data = ("y"):rep(200) .. "\0" },
                { name = "y", data = ("y"):rep(100) })
            local x <const>, y <const> = 512 + 700, 3 * 512 + 2 * 512 + 512 + 100
            for _, cut in ipairs { 100, 512, x - 1, 3 * 512 + 1, 4 * 512, 5 * 512, y - 1 } do
                local code <const>, message <const> = unpack.bad(whole:sub(1, cut), options)
                assert.equal("EFORMAT", code, message)
                assert.matches("truncated", message)
            end
            for _, cut in ipairs { x, x + 1, 3 * 512, y, y + 411, y + 412, #whole - 512 } do
                unpack.good(whole:sub(1, cut), options)
            end
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

        it("what zstd would need more memory for than it may have", function()
            needs.program "zstd"
            local path <const> = unpack.file(tar.archive { name = "x", data = ("x"):rep(5 << 20) })
            for log = 20, 22 do
                shell.run("zstd -q -f --no-check --long=" .. log .. " %s -o %s <%s", path,
                    path .. ".zst", "/dev/null")
                local limits <const> = { window = 1 << 21 }
                local _, result <const>, message <const>, code <const> =
                    unpack.path(path .. ".zst", { limits = limits })
                assert.equal(log <= 21, result ~= nil, message)
                if log > 21 then
                    assert.equal("ENOBUFS", code)
                    assert.matches("2097152 bytes, the limit on the window", message)
                end
            end
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
