local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local wait <const> = require "spec.support.wait"

local file <const> = core.file

describe("core.file", function()
    local dir

    before_each(function()
        dir = scratch.directory()
    end)
    after_each(scratch.clean)

    local function put(name, content)
        local handle <close> = assert(io.open(dir .. "/" .. name, "w"))
        assert(handle:write(content))
    end

    local function get(name)
        local handle <close> = assert(io.open(dir .. "/" .. name))
        return handle:read("a")
    end

    local function mode_of(name)
        return shell.run("stat -c %%a %s", dir .. "/" .. name)
    end

    local function code_of(...)
        local result, message, code = ...
        assert.is_nil(result)
        assert.is_string(message)
        return code, message
    end

    describe("read", function()
        it("gives all bytes of a file", function()
            local data <const> = ("\0\255\n"):rep(100000)
            put("x", data)
            assert.equal(data, file.read(dir .. "/x"))
            put("empty", "")
            assert.equal("", file.read(dir .. "/empty"))
        end)

        it("reads files that don't tell their size", function()
            assert.matches("VmPeak", file.read("/proc/self/status"))
        end)

        it("stops at a limit, 1 MiB unless told otherwise", function()
            put("x", ("a"):rep(1024 * 1024))
            assert.equal(1024 * 1024, #file.read(dir .. "/x"))
            put("x", ("a"):rep(1024 * 1024 + 1))
            local code, message = code_of(file.read(dir .. "/x"))
            assert.equal("EFBIG", code)
            assert.matches("/x: more than 1048576 bytes", message)
            assert.equal(1024 * 1024 + 1, #file.read(dir .. "/x", { max = 1024 * 1024 + 1 }))
            assert.equal("EFBIG", code_of(file.read("/proc/self/status", { max = 10 })))
        end)

        it("refuses whatever is no regular file, and never waits for a fifo", function()
            shell.run("mkfifo %s", dir .. "/fifo")
            local code, message = code_of(file.read(dir .. "/fifo"))
            assert.equal("EINVAL", code)
            assert.matches("/fifo: not a regular file", message)
            assert.equal("EINVAL", code_of(file.read("/dev/null")))
            assert.equal("EISDIR", code_of(file.read(dir)))
            assert.equal("ENOENT", code_of(file.read(dir .. "/missing")))
        end)

        it("follows a symlink only if it may", function()
            put("x", "content")
            shell.run("ln -s x %s", dir .. "/link")
            assert.equal("content", file.read(dir .. "/link"))
            assert.equal("ELOOP", code_of(file.read(dir .. "/link", { follow = false })))
        end)

        it("raises for what it doesn't know", function()
            assert.error_matches(function() file.read(dir, { folow = true }) end,
                "unknown option 'folow'")
            assert.error_matches(function() file.read(dir .. "\0x") end, "NUL byte")
        end)
    end)

    describe("inside a root", function()
        local root, inside

        before_each(function()
            root = dir .. "/root"
            shell.run("mkdir -p %s", root .. "/etc")
            put("secret", "outside")
            put("root/etc/hostname", "inside")
            inside = { root = assert(file.open_directory(root)) }
        end)
        after_each(function()
            inside.root:close()
        end)

        it("a path begins there, absolute or not", function()
            assert.equal("inside", file.read("/etc/hostname", inside))
            assert.equal("inside", file.read("etc/hostname", inside))
        end)

        it("dots and symlinks don't lead out", function()
            shell.run("ln -s %s %s", dir .. "/secret", root .. "/absolute")
            shell.run("ln -s ../secret %s", root .. "/relative")
            shell.run("ln -s %s %s", dir, root .. "/up")
            for _, path in ipairs { "../secret", "absolute", "relative", "up/secret",
                "/../../secret" } do
                assert.equal("ENOENT", code_of(file.read(path, inside)))
            end
        end)

        it("an absolute symlink is one of the root's", function()
            shell.run("ln -s /etc/hostname %s", root .. "/link")
            assert.equal("inside", file.read("link", inside))
        end)

        it("nothing is written through a parent that is a symlink to the outside", function()
            shell.run("mkdir %s; ln -s %s %s", dir .. "/outside", dir .. "/outside", root .. "/var")
            local with <const> = { root = inside.root, sync = false }
            assert.equal("ENOENT", code_of(file.write("var/x", "x", with)))
            assert.equal("ENOENT", code_of(file.mkdir("var/x", inside)))
            assert.equal("ENOENT",
                code_of(file.mkdir("var/x/y", { root = inside.root, parents = true })))
            assert.equal("ENOENT", code_of(file.symlink("x", "var/x", inside)))
            assert.equal("ENOENT", code_of(file.whiteout("var/x", inside)))
            assert.equal("", shell.run("ls -A %s", dir .. "/outside"))
        end)

        it("a magic link of /proc is refused", function()
            needs.root()
            shell.run("mkdir %s && mount -t proc proc %s", root .. "/proc", root .. "/proc")
            scratch.finally(function() shell.run("umount -l %s", root .. "/proc") end)
            assert.equal("ELOOP", code_of(file.read("proc/self/root/" .. dir .. "/secret", inside)))
        end)
    end)

    describe("write", function()
        it("makes a file with exactly the mode that is asked for, whatever the umask", function()
            local before <const> = shell.run("umask")
            assert(file.write(dir .. "/x", "data", { mode = "0666" }))
            assert.equal("data", get "x")
            assert.equal("666", mode_of "x")
            assert(file.write(dir .. "/x", "more", { mode = 384, sync = false }))
            assert.equal("more", get "x")
            assert.equal("600", mode_of "x")
            assert.equal(before, shell.run("umask"))
        end)

        it("leaves nothing but the file", function()
            for _ = 1, 3 do
                assert(file.write(dir .. "/x", "data"))
            end
            assert.equal("x", shell.run("ls -A %s", dir))
        end)

        it("keeps the setuid bit though the owner changes", function()
            needs.root()
            assert(file.write(dir .. "/x", "", { mode = "4755", uid = 7, gid = 8 }))
            assert.equal("4755 7 8", shell.run("stat -c '%%a %%u %%g' %s", dir .. "/x"))
        end)

        it("replaces a symlink rather than what it points to", function()
            put("target", "old")
            shell.run("ln -s target %s", dir .. "/link")
            assert(file.write(dir .. "/link", "new"))
            assert.equal("old", get "target")
            assert.equal("file", file.stat(dir .. "/link").type)
        end)

        it("leaves a file that is there alone when it shall be the first", function()
            put("x", "old")
            assert.equal("EEXIST", code_of(file.write(dir .. "/x", "new", { exclusive = true })))
            assert.equal("old", get "x")
            assert(file.write(dir .. "/y", "new", { exclusive = true }))
            assert.equal("new", get "y")
        end)

        it("never replaces a directory", function()
            shell.run("mkdir %s", dir .. "/sub")
            assert.equal("EISDIR", code_of(file.write(dir .. "/sub", "x")))
            assert.equal("sub", shell.run("ls -A %s", dir))
        end)

        it("leaves the old file and nothing else when the disk is full", function()
            needs.root()
            shell.run("mkdir %s && mount -t tmpfs -o size=64k none %s", dir .. "/small",
                dir .. "/small")
            scratch.finally(function() shell.run("umount -l %s", dir .. "/small") end)
            put("small/x", "old")
            local code, message = code_of(file.write(dir .. "/small/x", ("a"):rep(1024 * 1024)))
            assert.equal("ENOSPC", code)
            assert.matches("write /dev/shm/.*/small/x: No space left", message)
            assert.equal("old", get "small/x")
            assert.equal("x", shell.run("ls -A %s", dir .. "/small"))
        end)

        it("shows a reader the old content or the new one", function()
            local old <const>, new <const> = ("o"):rep(200000), ("n"):rep(200000)
            assert(file.write(dir .. "/x", old, { sync = false }))
            shell.run([[( for i in $(seq 200); do
                head -c 1 %s; tail -c 1 %s; wc -c < %s; done > %s ) & ]],
                dir .. "/x", dir .. "/x", dir .. "/x", dir .. "/seen")
            for i = 1, 400 do
                assert(file.write(dir .. "/x", i % 2 == 0 and old or new, { sync = false }))
            end
            shell.run("sleep 0.1; while [ $(grep -c 200000 %s) -lt 200 ]; do sleep 0.05; done",
                dir .. "/seen")
            for line in io.lines(dir .. "/seen") do
                assert.matches("^[on][on]200000$", line)
            end
        end)
    end)

    describe("mkdir", function()
        it("makes one directory with exactly the mode that is asked for", function()
            assert(file.mkdir(dir .. "/a", { mode = "1777" }))
            assert.equal("1777", mode_of "a")
            assert.equal("EEXIST", code_of(file.mkdir(dir .. "/a")))
            assert.equal("ENOENT", code_of(file.mkdir(dir .. "/b/c")))
        end)

        it("makes what is missing above, and takes what is there", function()
            assert(file.mkdir(dir .. "/a//b/c/", { parents = true, mode = "0700" }))
            assert.equal("700", mode_of "a/b")
            assert.equal("700", mode_of "a/b/c")
            assert(file.mkdir(dir .. "/a/b/c", { parents = true, mode = "0755" }))
            assert.equal("700", mode_of "a/b/c")
            put("file", "")
            assert.equal("ENOTDIR", code_of(file.mkdir(dir .. "/file", { parents = true })))
            assert.equal("ENOTDIR", code_of(file.mkdir(dir .. "/file/x", { parents = true })))
        end)

        it("gives it an owner", function()
            needs.root()
            assert(file.mkdir(dir .. "/a/b", { parents = true, uid = 524288, gid = 524289 }))
            assert.equal("524288 524289", shell.run("stat -c '%%u %%g' %s", dir .. "/a"))
            assert.equal("524288 524289", shell.run("stat -c '%%u %%g' %s", dir .. "/a/b"))
        end)

        it("drops a setgid bit that it would inherit", function()
            shell.run("chmod g+s %s", dir)
            assert(file.mkdir(dir .. "/a", { mode = "0755" }))
            assert.equal("755", mode_of "a")
        end)

        it("wants a name", function()
            for _, path in ipairs { "/", ".", dir .. "/.", dir .. "/a/.." } do
                local code, message = code_of(file.mkdir(path))
                assert.equal("EINVAL", code)
                assert.matches("no file name at the end", message)
            end
            assert.equal("ENOENT", code_of(file.mkdir("")))
            assert.equal("ENAMETOOLONG", code_of(file.mkdir(dir .. "/" .. ("x"):rep(256))))
        end)
    end)

    describe("symlink", function()
        it("makes one, with any bytes in its target", function()
            assert(file.symlink("../a\n\27[31m b", dir .. "/link"))
            assert.equal("../a\n\27[31m b", file.readlink(dir .. "/link"))
            assert.equal("EEXIST", code_of(file.symlink("x", dir .. "/link")))
        end)

        it("replaces what is there, if it may, in one step", function()
            put("x", "old")
            assert(file.symlink("/dev/null", dir .. "/x", { replace = true }))
            assert.equal("/dev/null", file.readlink(dir .. "/x"))
            assert.equal("x", shell.run("ls -A %s", dir))
            shell.run("mkdir %s", dir .. "/sub")
            assert.equal("EISDIR", code_of(file.symlink("x", dir .. "/sub", { replace = true })))
            assert.equal("sub\nx", shell.run("ls -A %s", dir))
        end)

        it("gives itself an owner, not its target", function()
            needs.root()
            put("x", "")
            assert(file.symlink("x", dir .. "/link", { uid = 3, gid = 4 }))
            assert.equal("3 4", shell.run("stat -c '%%u %%g' %s", dir .. "/link"))
            assert.equal("0 0", shell.run("stat -c '%%u %%g' %s", dir .. "/x"))
        end)
    end)

    it("mknod makes devices, fifos and sockets", function()
        needs.root()
        assert(file.mknod(dir .. "/c", "character", { major = 1, minor = 3, mode = "0666" }))
        assert(file.mknod(dir .. "/b", "block", { major = 259, minor = 70000 }))
        assert(file.mknod(dir .. "/f", "fifo", { mode = "0644" }))
        assert(file.mknod(dir .. "/s", "socket"))
        assert.equal("character special file 666 1 3",
            shell.run("stat -c '%%F %%a %%Hr %%Lr' %s", dir .. "/c"))
        assert.equal("block special file 600 259 70000",
            shell.run("stat -c '%%F %%a %%Hr %%Lr' %s", dir .. "/b"))
        assert.equal("fifo", file.stat(dir .. "/f").type)
        assert.equal("socket", file.stat(dir .. "/s").type)
        assert.has_error(function() file.mknod(dir .. "/x", "directory") end)
        assert.has_error(function() file.mknod(dir .. "/x", "character", { major = 4096 }) end)
    end)

    it("whiteout makes the character device 0:0", function()
        assert(file.whiteout(dir .. "/gone"))
        local found <const> = file.stat(dir .. "/gone")
        assert.same({ "character", 0, 0 }, { found.type, found.major, found.minor })
    end)

    it("remove takes one file or empty directory, never what a symlink points to", function()
        shell.run("mkdir -p %s %s; touch %s; ln -s full %s", dir .. "/empty", dir .. "/full",
            dir .. "/full/x", dir .. "/link")
        assert(file.remove(dir .. "/empty"))
        assert(file.remove(dir .. "/link/"))
        assert.equal("ENOTEMPTY", code_of(file.remove(dir .. "/full")))
        assert(file.remove(dir .. "/full/x"))
        assert.equal("ENOENT", code_of(file.remove(dir .. "/full/x")))
        assert.equal("full", shell.run("ls -A %s", dir))
    end)

    describe("rename", function()
        it("replaces unless told otherwise", function()
            put("a", "a")
            put("b", "b")
            assert.equal("EEXIST",
                code_of(file.rename(dir .. "/a", dir .. "/b", { replace = false })))
            assert.equal("b", get "b")
            assert(file.rename(dir .. "/a", dir .. "/b", { sync = true }))
            assert.equal("a", get "b")
            assert.equal("b", shell.run("ls -A %s", dir))
        end)

        it("exchanges two things", function()
            put("a", "a")
            shell.run("mkdir -p %s", dir .. "/d/e")
            assert(file.rename(dir .. "/a", dir .. "/d", { exchange = true }))
            assert.equal("a", get "d")
            assert.equal("e", shell.run("ls %s", dir .. "/a"))
            assert.equal("ENOENT",
                code_of(file.rename(dir .. "/a", dir .. "/x", { exchange = true })))
        end)
    end)

    describe("stat", function()
        it("tells what a thing is, as stat(1) does", function()
            put("x", "12345")
            shell.run("chmod 2640 %s; ln %s %s; touch -d @1000000000.5 %s", dir .. "/x",
                dir .. "/x",
                dir .. "/y", dir .. "/x")
            local found <const> = assert(file.stat(dir .. "/x"))
            assert.equal("file", found.type)
            assert.equal(5, found.size)
            assert.equal(tonumber("2640", 8), found.mode)
            assert.equal(2, found.links)
            assert.equal(1000000000, found.mtime)
            assert.equal(500000000, found.mtime_nsec)
            assert.equal(shell.run("stat -c '%%u %%g %%i %%Hd:%%Ld' %s", dir .. "/x"),
                ("%d %d %d %s"):format(found.uid, found.gid, found.inode, found.device))
        end)

        it("looks at a symlink itself unless told otherwise", function()
            shell.run("ln -s . %s; ln -s nowhere %s", dir .. "/link", dir .. "/dangling")
            assert.equal("symlink", file.stat(dir .. "/link").type)
            assert.equal("directory", file.stat(dir .. "/link", { follow = true }).type)
            assert.is_true(file.exists(dir .. "/dangling"))
            assert.is_false(file.exists(dir .. "/dangling", { follow = true }))
            assert.is_false(file.exists(dir .. "/dangling/x"))
            assert.equal("ENOENT", code_of(file.stat(dir .. "/missing")))
        end)

        it("sees by its mount where another filesystem begins", function()
            needs.root()
            shell.run("mkdir %s && mount --bind %s %s", dir .. "/m", dir .. "/m", dir .. "/m")
            scratch.finally(function() shell.run("umount -l %s", dir .. "/m") end)
            assert.equal(file.stat(dir).device, file.stat(dir .. "/m").device)
            assert.not_equal(file.stat(dir).mount, file.stat(dir .. "/m").mount)
        end)
    end)

    it("list gives the names in order, with their types", function()
        shell.run("cd %s; mkdir b; touch a; ln -s a c; mkfifo d", dir)
        put("\27[31m\nx", "")
        local names, types = file.list(dir)
        assert.same({ "\27[31m\nx", "a", "b", "c", "d" }, names)
        assert.same({ ["\27[31m\nx"] = "file", a = "file", b = "directory", c = "symlink",
            d = "fifo" }, types)
        assert.same({}, file.list(dir .. "/b"))
        assert.equal("ENOTDIR", code_of(file.list(dir .. "/a")))
        assert.equal("ENOENT", code_of(file.list(dir .. "/missing")))
    end)

    it("list gives all of many names", function()
        shell.run("cd %s; seq -f 'a-name-that-is-rather-long-%%g' 5000 | xargs touch", dir)
        assert.equal(5000, #file.list(dir))
    end)

    it("chmod and chown change a thing, and not what a symlink points to", function()
        needs.root()
        put("x", "")
        shell.run("ln -s x %s", dir .. "/link")
        assert(file.chmod(dir .. "/x", "0751"))
        assert.equal("751", mode_of "x")
        assert.equal("EOPNOTSUPP", code_of(file.chmod(dir .. "/link", "0700")))
        assert(file.chown(dir .. "/link", 3, -1))
        assert.equal("3 0", shell.run("stat -c '%%u %%g' %s", dir .. "/link"))
        assert(file.chown(dir .. "/link", -1, 4, { follow = true }))
        assert.equal("0 4", shell.run("stat -c '%%u %%g' %s", dir .. "/x"))
        assert.has_error(function() file.chown(dir, 4294967295, 0) end)
        assert.has_error(function() file.chmod(dir, 4096) end)
    end)

    it("attributes are kept byte by byte, on symlinks too", function()
        needs.root()
        shell.run("ln -s nowhere %s", dir .. "/link")
        for _, path in ipairs { dir, dir .. "/link" } do
            assert(file.set_attribute(path, "trusted.overlay.opaque", "y\0\255"))
            assert(file.set_attribute(path, "trusted.empty", ""))
            assert.equal("y\0\255", file.get_attribute(path, "trusted.overlay.opaque"))
            assert.equal("", file.get_attribute(path, "trusted.empty"))
            assert.equal("ENODATA", code_of(file.get_attribute(path, "trusted.other")))
            local names <const> = file.list_attributes(path)
            assert.same({ "trusted.empty", "trusted.overlay.opaque" }, names)
            assert(file.remove_attribute(path, "trusted.empty"))
            assert.equal("ENODATA", code_of(file.get_attribute(path, "trusted.empty")))
            assert.equal("ENODATA", code_of(file.remove_attribute(path, "trusted.empty")))
        end
    end)

    it("statfs names the filesystem and what is left on it", function()
        local found <const> = assert(file.statfs("/dev/shm"))
        assert.equal("tmpfs", found.type)
        assert.equal(shell.run("stat -f -c '%%b %%S' /dev/shm"),
            ("%d %d"):format(found.size // 4096, 4096))
        assert.is_true(found.free > 0 and found.free <= found.size)
        assert.equal("proc", file.statfs("/proc").type)
        assert(file.sync(dir))
    end)

    it("flush writes a filesystem out in the background", function()
        local pending <close> = assert(file.flush(dir))
        assert.is_true(task.await(pending))
        assert.error_matches(function() pending:step() end, "it is closed")
        assert.equal("ENOENT", code_of(file.flush(dir .. "/missing")))
        assert.equal("ENOTDIR", code_of(file.flush "/etc/passwd"))
        local dropped <const> = assert(file.flush(dir))
        dropped:close()
        dropped:close()
        assert.is_nil(dropped:poll())
    end)

    it("write_out takes marks away, by a process that is nobody's child, once all is written",
        function()
            local function children()
                return shell.run "cat /proc/$PPID/task/*/children | wc -w"
            end
            local function marks()
                return shell.run("cd %s/marked && find * -name mark", dir)
            end
            shell.run("cd %s && mkdir -p marked/a marked/b marked/c && touch marked/a/mark "
                .. "marked/b/mark marked/c/mark && ln -s c marked/link", dir)
            local names <const> = { "a", "link", "missing", "b" }
            local before <const> = children()
            assert.is_true(file.write_out(dir .. "/marked", names, "mark"))
            assert.equal(before, children())
            wait.until_equal("c/mark", marks)
            assert.equal("ENOENT", code_of(file.write_out(dir .. "/missing", names, "mark")))
            assert.has_error(function() file.write_out(dir, "a", "mark") end)
            assert.has_error(function() file.write_out(dir, { 1 }, {}) end)
        end)

    it("write_out leaves what comes under such a name later", function()
        shell.run("cd %s && mkdir -p later/a && touch later/a/mark && mv later/a later/old "
            .. "&& mkdir later/a", dir)
        assert(file.rename(dir .. "/later/a", dir .. "/later/new"))
        assert(file.rename(dir .. "/later/old", dir .. "/later/a"))
        assert(file.write_out(dir .. "/later", { "a" }, "mark"))
        assert(file.rename(dir .. "/later/a", dir .. "/later/old"))
        shell.run("touch %s/later/new/mark && mv %s/later/new %s/later/a", dir, dir, dir)
        wait.until_true("the mark is gone", function()
            return not file.exists(dir .. "/later/old/mark")
        end)
        assert.is_true(file.exists(dir .. "/later/a/mark"))
    end)

    it("descriptors don't leak, on failure either", function()
        local before <const> = #file.list("/proc/self/fd")
        for _ = 1, 20 do
            file.read(dir .. "/missing/x")
            file.read("/dev/null")
            file.write(dir .. "/missing/x", "x")
            file.mkdir(dir)
            file.rename(dir .. "/a", dir .. "/b")
            file.list(dir)
            file.stat(dir)
        end
        collectgarbage()
        assert.equal(before, #file.list("/proc/self/fd"))
    end)
end)
