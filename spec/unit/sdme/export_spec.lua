local core <const> = require "sdme.core"
local export <const> = require "sdme.export"
local needs <const> = require "spec.support.needs"
local program <const> = require "spec.support.program"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local tree <const> = require "spec.support.tree"

local file <const> = core.file

-- How other programs read each archive.
local READERS <const> = {
    ["tar"] = "cat", ["tar.gz"] = "gzip -dc", ["tar.bz2"] = "bzip2 -dc", ["tar.xz"] = "xz -dc",
    ["tar.zst"] = "zstd -dc", ["tar.lz4"] = "lz4 -dc",
}

-- How other programs make a raw disk of an image.
local CONVERTERS <const> = {
    raw = "cp --sparse=always %s %s", qcow2 = "qemu-img convert -O raw %s %s",
}

-- What a disk image shows when it is mounted.
local function describe_image(path, format)
    needs.program(CONVERTERS[format]:match "^%S+")
    shell.run(CONVERTERS[format] .. "; mkdir %s; mount -o loop,ro %s %s", path, path .. ".disk",
        path .. ".mnt", path .. ".disk", path .. ".mnt")
    local _ <close> = setmetatable({}, { __close = function()
        shell.run("umount %s; rm -r %s %s", path .. ".mnt", path .. ".mnt", path .. ".disk")
    end })
    return tree.describe(path .. ".mnt"), shell.run("findmnt -no FSTYPE %s", path .. ".mnt")
end

local function unpack(path, format, directory)
    needs.program(READERS[format]:match "^%S+")
    shell.run("mkdir %s && " .. READERS[format] .. " < %s | tar --xattrs --xattrs-include='*' "
        .. "--acls --numeric-owner --same-owner --warning=no-unknown-keyword -xpf - -C %s",
        directory, path, directory)
end

describe("export", function()
    local dir

    before_each(function()
        dir = scratch.directory()
        shell.run("mkdir -p %s; echo content > %s; touch -d @1000.5 %s", dir .. "/from/sub",
            dir .. "/from/sub/x", dir .. "/from/sub")
    end)
    after_each(scratch.clean)

    local function write(destination, options)
        local view <close> = assert(file.open_directory(dir .. "/from"))
        return export.write(view, destination, options)
    end

    it("goes by the format's name, or else by the destination's suffix", function()
        local expected <const> = {
            ["x.tar"] = "tar", ["a/x.tar.gz"] = "tar.gz", ["x.tgz"] = "tar.gz",
            ["x.tar.bz2"] = "tar.bz2", ["x.tbz2"] = "tar.bz2", ["x.tar.xz"] = "tar.xz",
            ["x.txz"] = "tar.xz", ["x.tar.zst"] = "tar.zst", ["x.tzst"] = "tar.zst",
            ["x.tar.lz4"] = "tar.lz4", ["x.raw"] = "raw", ["x.img"] = "raw",
            ["x.qcow2"] = "qcow2", ["-"] = "tar", ["x"] = "dir", ["a.b/x"] = "dir",
            ["x.tar/"] = "dir", ["/"] = "dir", ["."] = "dir", [".."] = "dir", [".tar"] = "dir",
        }
        for destination, format in pairs(expected) do
            assert.equal(format, export.format(destination).name, destination)
            assert.equal("tar.xz", export.format(destination, "tar.xz").name)
        end
    end)

    it("asks for the format where nothing tells it", function()
        for _, destination in ipairs { "x.zip", "debian-12.5", "a/x.gz" } do
            local why <const> = raised(export.format, destination)
            assert.equal("EUSAGE", why.code)
            assert.equal("the name " .. destination .. " doesn't tell the format", why.message)
            assert.matches("^say it with %-%-fmt: dir, tar, tar.gz, ", why.hint)
        end
        assert.equal("no such format: rar", raised(export.format, "x.tar", "rar").message)
    end)

    it("keeps everything, as a directory and in every archive", function()
        local disk <const> = scratch.filesystem("ext4", "600M")
        tree.make(disk .. "/from")
        local view <close> = assert(file.open_directory(disk .. "/from"))
        local before <const> = tree.describe(disk .. "/from")
        for format in pairs(READERS) do
            local path <const>, back <const> = disk .. "/to." .. format, disk .. "/back"
            assert.equal(path, export.write(view, path, { format = format }).path)
            unpack(path, format, back)
            assert.equal("", tree.differences(before, tree.describe(back)), format)
            assert(core.tree.remove(back))
        end
        export.write(view, disk .. "/directory")
        assert.equal("", tree.differences(before, tree.describe(disk .. "/directory")))
    end)

    it("keeps everything in a disk image of each filesystem", function()
        needs.program("mkfs.ext4", "mkfs.btrfs")
        local disk <const> = scratch.filesystem("ext4", "600M")
        tree.make(disk .. "/from")
        local view <close> = assert(file.open_directory(disk .. "/from"))
        local before <const> = tree.describe(disk .. "/from")
        for i, options in ipairs {
            { format = "raw" }, { format = "raw", filesystem = "btrfs" },
            { format = "qcow2" }, { format = "qcow2", compression = "zlib", level = 1 },
            { format = "qcow2", compression = "none", filesystem = "btrfs" },
        } do
            local path <const> = ("%s/%d"):format(disk, i)
            local result <const> = export.write(view, path, options)
            assert.equal(file.stat(path).size, result.size)
            local after <const>, filesystem <const> = describe_image(path, options.format)
            assert.equal(options.filesystem or "ext4", filesystem)
            assert.equal("", tree.differences(before, after))
            assert(file.remove(path))
        end
        assert.same({ "from", "lost+found" }, file.list(disk))
    end)

    it("gives a user namespace's tree the ids that its guest sees", function()
        needs.root()
        shell.run("chown -R 524288:525288 %s", dir .. "/from")
        for _, name in ipairs { "/tar.tar", "/directory", "/disk.raw" } do
            write(dir .. name, { base = 524288 })
        end
        unpack(dir .. "/tar.tar", "tar", dir .. "/back")
        for _, path in ipairs { "/directory", "/back" } do
            assert.equal("0 1000", shell.run("stat -c '%%u %%g' %s", dir .. path .. "/sub/x"))
        end
        local found <const> = describe_image(dir .. "/disk.raw", "raw")
        assert.same({ 0, 1000 }, { found["sub/x"].uid, found["sub/x"].gid })
    end)

    it("takes no option that the format doesn't have", function()
        for format, option in pairs { dir = "level", tar = "level", raw = "compression",
            ["tar.gz"] = "filesystem" } do
            local why <const> = raised(write, dir .. "/x", { format = format, [option] = 1 })
            assert.equal("EUSAGE", why.code)
            assert.equal(("the format %s has no %s"):format(format, option), why.message)
        end
        assert.equal("no such filesystem: xfs",
            raised(write, dir .. "/x.raw", { filesystem = "xfs" }).message)
        assert.equal("no such compression: xz",
            raised(write, dir .. "/x.qcow2", { compression = "xz" }).message)
        assert.same({ "from" }, file.list(dir))
    end)

    it("leaves nothing of a disk image where there is no room for it", function()
        local small <const> = scratch.filesystem("ext4", "64M")
        shell.run("head -c 60M /dev/urandom > %s", dir .. "/from/big")
        for _, name in ipairs { "/x.raw", "/x.qcow2" } do
            local why <const> = raised(write, small .. name)
            assert.equal("ENOSPC", why.code)
            assert.equal("no space left for " .. small .. name, why.message)
            assert.same({ "lost+found" }, file.list(small))
        end
    end)

    it("makes archives that are their owner's alone", function()
        write(dir .. "/x.tar")
        assert.equal(tonumber("600", 8), file.stat(dir .. "/x.tar").mode)
    end)

    it("replaces only what it is told to, when the new one is complete", function()
        shell.run("cd %s; echo old > x.tar; mkdir -p old; touch old/file; ln -s x.tar link.tar",
            dir)
        for _, name in ipairs { "/x.tar", "/old", "/old/", "/link.tar" } do
            local why <const> = raised(write, dir .. name)
            assert.equal("EEXIST", why.code)
            assert.equal("--force replaces it", why.hint)
            assert.equal(dir .. name:gsub("/$", "") .. " exists", why.message)
        end
        assert.equal("old\n", file.read(dir .. "/x.tar"))
        write(dir .. "/link.tar", { force = true })
        assert.equal("file", file.stat(dir .. "/link.tar").type)
        assert.equal("old\n", file.read(dir .. "/x.tar"))
        write(dir .. "/x.tar", { force = true })
        write(dir .. "/old", { force = true })
        assert.same({ "sub" }, file.list(dir .. "/old"))
        assert.same({ "from", "link.tar", "old", "x.tar" }, file.list(dir))
    end)

    it("replaces no directory by a file, and no device at all", function()
        needs.root()
        shell.run("mkdir %s; mknod %s c 1 3; mkfifo %s", dir .. "/a.tar", dir .. "/null",
            dir .. "/fifo.tar")
        for name, type in pairs { ["/a.tar"] = "directory", ["/null"] = "character",
            ["/fifo.tar"] = "fifo" } do
            local why <const> = raised(write, dir .. name, { force = true })
            assert.equal("EEXIST", why.code)
            assert.matches("is a " .. type .. ", and not replaced$", why.message)
        end
    end)

    it("leaves what was there, and nothing else, when it fails", function()
        needs.root()
        shell.run("cd %s; mkdir small; mount -t tmpfs -o size=1m none small; "
            .. "echo old > small/x.tar; mkdir small/y; head -c 2000000 /dev/urandom > from/big",
            dir)
        scratch.finally(function() shell.run("umount -l %s", dir .. "/small") end)
        for _, name in ipairs { "x.tar", "y", "z.tar.gz", "z" } do
            local why <const> = raised(write, dir .. "/small/" .. name, { force = true })
            assert.equal("ENOSPC", why.code)
            assert.same({ "x.tar", "y" }, file.list(dir .. "/small"))
        end
        assert.equal("old\n", file.read(dir .. "/small/x.tar"))
        assert.equal("ENOENT", raised(write, dir .. "/missing/x.tar").code)
    end)

    -- Writes in a process that is killed before what it has written gets a name.
    local function write_killed(destination)
        local command <const>, path <const> = program.lua_command(([[
            local function die() os.execute "kill -KILL $PPID" end
            core.file.link, core.file.rename = die, die
            local view <close> = assert(core.file.open_directory %q)
            require("sdme.export").write(view, %q, { force = true })]]):format(dir .. "/from",
            destination))
        scratch.finally(function() os.remove(path) end)
        shell.run("sh -c %s 2>/dev/null; test $? = 137", "exec " .. command)
    end

    it("leaves nothing of a file when it is killed", function()
        needs.root()
        assert(file.write(dir .. "/old.tar", "old"))
        for _, name in ipairs { "/x.tar", "/old.tar", "/x.tar.gz", "/x.raw", "/x.qcow2" } do
            write_killed(dir .. name)
            assert.same({ "from", "old.tar" }, file.list(dir), name)
        end
        assert.equal("old", file.read(dir .. "/old.tar"))
    end)

    it("does without files that have no name where the filesystem has none", function()
        local nameless <const> = file.nameless
        file.nameless = function() return nil, "Operation not supported", "EOPNOTSUPP" end
        local _ <close> = setmetatable({}, { __close = function() file.nameless = nameless end })
        for _ = 1, 2 do
            write(dir .. "/x.tar", { force = true })
            assert.same({ "from", "x.tar" }, file.list(dir))
        end
        unpack(dir .. "/x.tar", "tar", dir .. "/back")
        assert.same(tree.describe(dir .. "/from"), tree.describe(dir .. "/back"))
    end)

    it("takes no time later than SOURCE_DATE_EPOCH", function()
        local function export_with(epoch)
            return program.lua(([[
                local view <close> = assert(core.file.open_directory %q)
                local ok, why = pcall(require "sdme.export".write, view, %q, { force = true })
                print(ok or why)]]):format(dir .. "/from", dir .. "/x.tar"),
                "SOURCE_DATE_EPOCH=" .. epoch)
        end
        assert.equal("true\n", export_with "999")
        unpack(dir .. "/x.tar", "tar", dir .. "/back")
        assert.equal("999.000000000", shell.run("stat -c %%.9Y %s", dir .. "/back/sub"))
        assert.equal("SOURCE_DATE_EPOCH is no number of seconds: 12x\n", export_with "12x")
    end)

    it("tells how far it is", function()
        shell.run("head -c 3000000 /dev/urandom > %s", dir .. "/from/big")
        local told <const> = {}
        write(dir .. "/x.tar.gz", { progress = function(done) told[#told + 1] = done end })
        for i = 2, #told do
            assert.is_true(told[i] >= told[i - 1])
        end
        assert.is_true(told[#told] > 3000000)
        needs.root()
        local total
        write(dir .. "/x.qcow2", { progress = function(done, all) told[1], total = done, all end })
        assert.is_true(total > 3000000 and told[1] <= total)
    end)

    describe("to the standard output", function()
        local function export_to(stdout, format)
            local command <const>, path <const> = program.lua_command(([[
                local view <close> = assert(core.file.open_directory %q)
                local ok, why = pcall(require "sdme.export".write, view, "-", { format = %s })
                if not ok then io.stderr:write(tostring(why)) end]]):format(dir .. "/from",
                format and ("%q"):format(format)))
            scratch.finally(function() os.remove(path) end)
            return program.shell("exec " .. command .. " 2> " .. shell.quote(dir .. "/stderr"),
                { stdout = stdout })
        end

        it("writes archives", function()
            local content <const> = export_to(nil, "tar.gz")
            assert(file.write(dir .. "/x", content))
            unpack(dir .. "/x", "tar.gz", dir .. "/back")
            assert.same(tree.describe(dir .. "/from"), tree.describe(dir .. "/back"))
            assert.equal("", file.read(dir .. "/stderr"))
        end)

        it("writes no directory, and no disk", function()
            for _, format in ipairs { "dir", "raw", "qcow2" } do
                assert.equal("", export_to(nil, format))
                assert.equal(format .. " can't be written to the standard output",
                    file.read(dir .. "/stderr"))
            end
        end)

        it("writes nothing to a terminal", function()
            local master <const>, slave <const> = assert(core.pty.open())
            export_to(slave)
            assert.equal("the standard output is a terminal", file.read(dir .. "/stderr"))
            master:close()
            slave:close()
        end)
    end)
end)
