local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local tar <const> = require "spec.support.tar"
local task <const> = require "sdme.task"
local unpack <const> = require "spec.support.unpack"
local wait <const> = require "spec.support.wait"

local file <const> = core.file

local function read(path)
    local handle <close> = assert(io.open(path, "rb"))
    return handle:read "a"
end

local function digest(bytes)
    return "sha256:" .. core.digest.new("sha256"):update(bytes):hex()
end

-- A small archive, and its bytes in a compression.
local SMALL <const> = tar.archive({ name = "dir/", type = "5", mode = 493 },
    { name = "dir/file", data = ("content\n"):rep(1000) })

local PROGRAMS <const> = {
    none = "cat", gzip = "gzip", bzip2 = "bzip2", xz = "xz", zstd = "zstd -q", lz4 = "lz4 -q",
}

local function compressed(name)
    local path <const> = unpack.file(SMALL)
    shell.run(PROGRAMS[name] .. " <%s >%s", path, path .. ".out")
    return read(path .. ".out")
end

describe("core.archive", function()
    setup(needs.root)
    after_each(scratch.clean)

    describe("unpack", function()
        it("keeps everything that GNU tar keeps", function()
            needs.program("setfacl", "setfattr", "setcap", "tar")
            local disk <const> = scratch.filesystem("ext4", "64M")
            shell.run([[PATH=$PATH:/sbin:/usr/sbin; mkdir %s; cd %s
                echo plain > plain; chmod 640 plain; chown 1000:1001 plain
                cp /bin/true setuid; chown 7:8 setuid; chmod 6755 setuid
                cp /bin/true capable; chown 5:5 capable; setcap cap_net_raw,cap_chown+ep capable
                mkdir sticky locked setgid; chmod 1777 sticky; chown :50 setgid; chmod 2755 setgid
                echo x > setgid/inherits; echo x > locked/in; chmod 000 locked
                mkdir acl; setfacl -d -m u:61001:rwx acl; echo x > acl/in; mkdir acl/sub
                setfacl -b acl/in; setfacl -b -k acl/sub
                setfacl -m u:61000:rw,g:61050:r plain; setfacl -m u:61000:rwx acl
                setfattr -n user.note -v 'some text' plain; setfattr -n trusted.note -v x sticky
                setfattr -n user.empty sticky
                ln -s /nowhere/at/all dangling; ln -s plain link; chown -h 5:6 link
                setfattr -h -n trusted.note -v y link; setfattr -n trusted.note -v z setuid
                ln plain again; ln link link-again
                mknod zero c 1 5; mknod disk b 7 300; mkfifo fifo; chmod 6600 fifo
                touch "$(printf 'new\nline')" "$(printf '\033[31m')" "$(printf '\377\376')"
                touch ' ' -- -f; touch "$(printf 'x%%.0s' $(seq 255))"
                mkdir -p "$(printf 'deep/%%.0s' $(seq 100))"
                truncate -s 20M hole; printf x | dd of=end bs=1 seek=5M 2>/dev/null
                touch empty; head -c 300000 /dev/urandom > big
                touch -d '2001-02-03 04:05:06.123456789' plain sticky setgid acl
                touch -h -d @1.5 link; touch -d @-5.25 empty; touch -d @2000000000.000000001 .]],
                disk .. "/from", disk .. "/from")
            shell.run("tar --format=posix --numeric-owner --acls --xattrs --xattrs-include='*' "
                .. "--sparse -C %s -cf %s .", disk .. "/from", disk .. "/archive")
            local to <const> = disk .. "/to"
            assert(file.mkdir(to))
            local input <close> = assert(io.open(disk .. "/archive"))
            local result <const> = assert(task.await(assert(core.archive.unpack {
                input = input, directory = to,
            })))
            assert.equal("", unpack.differences(disk .. "/from", to))
            assert.equal("cap_chown,cap_net_raw=ep",
                shell.run("/sbin/getcap %s", to .. "/capable"):match("cap_.*"))
            assert.equal(tonumber(shell.run("tar -tf %s | wc -l", disk .. "/archive")),
                result.entries)
        end)

        for _, format in ipairs { "v7", "ustar", "gnu", "oldgnu", "posix" } do
            it("reads the format " .. format, function()
                local from <const> = scratch.directory()
                shell.run([[cd %s; mkdir -p a/b; echo x > a/b/c; ln -s c a/b/d; ln a/b/c e
                    [ %s = v7 ] || mkdir -p "$(printf '0123456789/%%.0s' $(seq 15))"
                    touch -d @1234567890 a/b/c e; touch -h -d @1234567890 a/b/d
                    find . -type d -exec touch -d @1234567890 {} +]], from, format)
                shell.run("tar --format=%s -C %s -cf %s .", format, from, from .. ".tar")
                scratch.finally(function() os.remove(from .. ".tar") end)
                local to <const>, result <const> = unpack.path(from .. ".tar")
                assert.is_truthy(result)
                assert.equal("", unpack.differences(from, to))
            end)
        end

        for name in pairs(PROGRAMS) do
            it("tells from the first bytes that the compression is " .. name, function()
                needs.program(PROGRAMS[name]:match "%S+")
                local bytes <const> = compressed(name)
                local directory <const>, result <const> = unpack.good(bytes)
                assert.equal(("content\n"):rep(1000), read(directory .. "/dir/file"))
                assert.same({
                    digest = digest(bytes), diff_id = digest(SMALL), compression = name,
                    consumed = #bytes, size = 8000, entries = 2, whiteouts = false, implied = {},
                }, result)
            end)

            it("digests only what is in it where nobody asks for more: " .. name, function()
                needs.program(PROGRAMS[name]:match "%S+")
                local _, result <const> = unpack.good(compressed(name), { undigested = true })
                assert.equal(name == "none" and digest(SMALL) or nil, result.digest)
                assert.equal(digest(SMALL), result.diff_id)
            end)

            it("does the same from a pipe, with one to three threads: " .. name, function()
                needs.program(PROGRAMS[name]:match "%S+")
                local bytes <const> = compressed(name)
                for threads = 1, 3 do
                    local from <const>, to <const> = core.stream.pipe()
                    local directory <const> = scratch.directory()
                    local pending <close> = assert(core.archive.unpack {
                        input = from, directory = directory, threads = threads,
                    })
                    from:close()
                    assert(task.await(core.stream.writer(to, bytes:sub(1, 3), { close = false })))
                    assert(task.await(core.stream.writer(to, bytes:sub(4))))
                    assert.equal(digest(bytes), assert(task.await(pending)).digest)
                    assert.equal(8000, file.stat(directory .. "/dir/file").size)
                end
            end)
        end

        it("reads from where the descriptor is, to its end", function()
            local path <const> = unpack.file("garbage" .. SMALL .. "more")
            local input <close> = assert(io.open(path))
            input:seek("set", 7)
            local directory <const> = scratch.directory()
            local result <const> = assert(task.await(assert(core.archive.unpack {
                input = input, directory = directory,
            })))
            assert.equal(digest(SMALL .. "more"), result.digest)
            assert.equal(#SMALL + 4, result.consumed)
        end)

        it("takes the last entry of each name", function()
            local directory <const> = unpack.good(tar.archive(
                { name = "a", data = "old" }, { name = "a", data = "new" },
                { name = "file", data = "x" }, { name = "file/", type = "5" },
                { name = "dir/sub/x", data = "x" }, { name = "dir", data = "y" },
                { name = "link", type = "2", link = "dir" }, { name = "link/", type = "5" },
                { name = "one", data = "1" }, { name = "two", type = "1", link = "one" },
                { name = "one", data = "changed" }))
            assert.equal("new", read(directory .. "/a"))
            assert.equal("directory", file.stat(directory .. "/file").type)
            assert.equal("y", read(directory .. "/dir"))
            assert.equal("directory", file.stat(directory .. "/link").type)
            assert.equal("1", read(directory .. "/two"))
            assert.equal("changed", read(directory .. "/one"))
        end)

        it("goes through a symlink that leads to a directory, and replaces what doesn't", function()
            local directory <const> = unpack.good(tar.archive(
                { name = "usr/lib/", type = "5" }, { name = "lib", type = "2", link = "usr/lib" },
                { name = "lib/x", data = "x" }, { name = "abs", type = "2", link = "/usr" },
                { name = "abs/y", data = "y" }, { name = "gone", type = "2", link = "/nowhere" },
                { name = "gone/z", data = "z" }, { name = "loop", type = "2", link = "loop" },
                { name = "loop/z", data = "z" }, { name = "plain", data = "" },
                { name = "plain/z", data = "z" }))
            assert.equal("x", read(directory .. "/usr/lib/x"))
            assert.equal("symlink", file.stat(directory .. "/lib").type)
            assert.equal("y", read(directory .. "/usr/y"))
            for _, name in ipairs { "gone", "loop", "plain" } do
                assert.equal("directory", file.stat(directory .. "/" .. name).type)
                assert.equal("z", read(directory .. "/" .. name .. "/z"))
            end
        end)

        it("gives directories their times, in whatever order they come", function()
            local directory <const> = unpack.good(tar.archive(
                { name = "a/", type = "5", mtime = 1000 },
                { name = "b/", type = "5", mtime = 2000 },
                { name = "a/x", data = "" }, { name = "b/x", data = "" },
                { name = "a/y/", type = "5", mtime = 3000 },
                { name = "./", type = "5", mtime = 4000 },
                { name = "a/y/z/implied", data = "" }, { name = "top", data = "" }))
            for name, time in pairs { a = 1000, b = 2000, ["a/y"] = 3000, ["."] = 4000 } do
                assert.equal(tostring(time),
                    shell.run("stat -c %%Y %s", directory .. "/" .. name), name)
            end
        end)

        it("takes from a pax header what it knows", function()
            local directory <const> = scratch.filesystem("ext4", "8M") .. "/to"
            assert(file.mkdir(directory))
            unpack.good(tar.archive(
                tar.pax({ { "uid", "7" }, { "mtime", "5.5" }, { "comment", "none" } }, "g"),
                { name = "global", data = "", gid = 9 },
                tar.pax { { "path", "long" }, { "uid", "4294967294" }, { "gid", "8" },
                    { "mtime", "-1.25" }, { "atime", "100.000000001" },
                    { "SCHILY.xattr.user.a%25b%3Dc", "v\0w" },
                    { "SCHILY.xattr.security.selinux", "x" },
                    { "SCHILY.xattr.user.overlay.opaque", "y" } },
                { name = "short", data = "" }), { directory = directory })
            assert.equal("7 9 5.500000000",
                shell.run("stat -c '%%u %%g %%.9Y' %s", directory .. "/global"))
            assert.equal("4294967294 8 -1.250000000 100.000000001",
                shell.run("stat -c '%%u %%g %%.9Y %%.9X' %s", directory .. "/long"))
            assert.same({ "user.a%b=c" }, file.list_attributes(directory .. "/long"))
            assert.equal("v\0w", file.get_attribute(directory .. "/long", "user.a%b=c"))
        end)

        it("takes attributes as libarchive writes them, and star's rather than those", function()
            local directory <const> = scratch.filesystem("ext4", "8M") .. "/to"
            assert(file.mkdir(directory))
            unpack.good(tar.archive(
                tar.pax { { "LIBARCHIVE.xattr.user.a%20%c3%A4", "AAECAw" },
                    { "SCHILY.xattr.user.both", "star" }, { "LIBARCHIVE.xattr.user.both", "bGli" },
                    { "LIBARCHIVE.xattr.user.also", "bGliYQ==" },
                    { "SCHILY.xattr.user.also", "star" },
                    { "LIBARCHIVE.xattr.user.none", "" },
                    { "LIBARCHIVE.xattr.security.selinux", "eA" } },
                { name = "x", data = "" }), { directory = directory })
            local function get(name)
                return file.get_attribute(directory .. "/x", name)
            end
            assert.same({ "user.a ä", "user.also", "user.both", "user.none" },
                file.list_attributes(directory .. "/x"))
            assert.same({ "\0\1\2\3", "star", "star", "" },
                { get "user.a ä", get "user.both", get "user.also", get "user.none" })
        end)

        it("takes ACLs in all the forms that archives have them in", function()
            needs.program "getfacl"
            local disk <const> = scratch.filesystem("ext4", "8M")
            local path <const> = unpack.file(tar.archive(
                tar.pax { { "SCHILY.acl.access",
                    "user::rw-,group::r--,group:adm:r--:4,user:root:rwx,group:9:r--,mask::rwx,"
                    .. "other::---" } },
                { name = "star", mode = 432, data = "" },
                tar.pax { { "SCHILY.acl.access", "user::rw-\nuser:12:r-x\t#effective:r--\n"
                    .. "group::r--\nmask::r--\nother::---\n" } },
                { name = "text", mode = 416, data = "" }))
            assert(file.mkdir(disk .. "/to"))
            local input <close> = assert(io.open(path))
            assert(task.await(assert(core.archive.unpack {
                input = input, directory = disk .. "/to",
            })))
            assert.equal("user::rw-\nuser:0:rwx\ngroup::r--\ngroup:4:r--\ngroup:9:r--\nmask::rw-\n"
                .. "other::---\n",
                shell.run("getfacl -cnpE %s", disk .. "/to/star"))
            assert.equal("user::rw-\nuser:12:r-x\ngroup::r--\nmask::r--\nother::---\n",
                shell.run("getfacl -cnpE %s", disk .. "/to/text"))
        end)

        describe("with ACLs that name users and groups", function()
            local function acl(name)
                return tar.pax { { name, "user::rwx,user:web:rw-,group::r--,group:adm:r-x,"
                    .. "mask::rwx,other::---" } }
            end

            local function entries(...)
                return tar.archive({ name = "etc/", type = "5", mode = 493 },
                    acl "SCHILY.acl.access", { name = "file", mode = 2040, mtime = 12, data = "x" },
                    acl "SCHILY.acl.default", { name = "dir/", type = "5", mode = 493 },
                    { name = "dir/new", mode = 420, data = "" },
                    acl "SCHILY.acl.access", { name = "gone", data = "" },
                    { name = "gone", mode = 384, data = "" }, ...)
            end

            local PASSWD <const> = { name = "etc/passwd",
                data = "root:x:0:0::/root:/bin/sh\nweb:x:1000:1001::/:\nweb:x:1:1::/:\n" }

            it("takes the numbers from the archive's own lists of them", function()
                needs.program "getfacl"
                local directory <const> = unpack.good(entries(PASSWD,
                    { name = "etc/group", data = "admin:x:9:\nadm:x:4:web\n" }))
                local expected <const> = "user::rwx\nuser:1000:rw-\ngroup::r--\ngroup:4:r-x\n"
                    .. "mask::rwx\nother::---"
                local function get(options, name)
                    return (shell.run("getfacl -cnpE %s %s", options, directory .. "/" .. name)
                        :gsub("\n$", ""))
                end
                assert.equal(expected, get("-a", "file"))
                assert.equal("3770 12", shell.run("stat -c '%%a %%Y' %s", directory .. "/file"))
                assert.equal(expected, get("-d", "dir"))
                assert.equal("user::rw-\ngroup::r--\nother::r--", get("-a", "dir/new"))
                assert.equal("user::rw-\ngroup::---\nother::---", get("-a", "gone"))
            end)

            it("takes them for any number of files", function()
                needs.program "getfacl"
                local list <const> = { { name = "etc/", type = "5", mode = 493 }, PASSWD }
                for i = 1, 600 do
                    list[#list + 1] = tar.pax { { "SCHILY.acl.access",
                        "user::rw-,user:web:r--,group::r--,mask::r--,other::---" } }
                    list[#list + 1] = { name = "f" .. i, mode = 416, data = "" }
                end
                local directory <const> = unpack.good(tar.archive(table.unpack(list)))
                assert.equal("600", shell.run("getfacl -Rcnp %s | grep -c user:1000:r--",
                    directory))
            end)

            it("refuses those that aren't in there", function()
                local _, message = unpack.bad(entries(PASSWD))
                assert.matches("'file': an ACL has 'group:adm:r%-x', a name that its etc/group "
                    .. "hasn't got: tar%(1%) writes numbers with %-%-numeric%-owner", message)
                for _, odd in ipairs {
                    { type = "2", link = "../../../etc/passwd" }, { type = "6" },
                    { type = "3", major = 1, minor = 5 }, { data = ("x"):rep((1 << 20) + 1) },
                    { data = "web" }, { data = "web:x" }, { data = "web:x:-1:" },
                    { data = "web:x:4294967295:" }, { data = "we:x:1:\n:x:2:\nwebs:x:3:" },
                } do
                    odd.name = "etc/passwd"
                    _, message = unpack.bad(entries(odd))
                    assert.matches("'file': an ACL has 'user:web:rw%-', a name that its "
                        .. "etc/passwd ", message)
                end
            end)
        end)

        it("gives what it makes nothing of the directory", function()
            needs.program "setfacl"
            local directory <const> = scratch.filesystem("ext4", "8M") .. "/to"
            shell.run("mkdir %s; chgrp 50 %s; chmod 2775 %s; setfacl -d -m u:1000:rwx %s",
                directory, directory, directory, directory)
            local input <close> = assert(io.open(unpack.file(tar.archive(
                { name = "implied/x", data = "" }, { name = "dir/", type = "5", mode = 493 },
                { name = "fifo", type = "6" }, { name = "y", data = "" }))))
            assert(task.await(assert(core.archive.unpack {
                input = input, directory = directory,
            })))
            assert.equal("dir 755 0\nfifo 644 0\nimplied 755 0\nimplied/x 644 0\ny 644 0",
                shell.run("cd %s; stat -c '%%n %%a %%g' dir fifo implied implied/x y", directory))
            assert.equal("", shell.run("cd %s; getfacl -Rsp dir fifo implied y", directory))
        end)

        it("makes OCI whiteouts overlayfs's", function()
            local directory <const>, result <const> = unpack.good(tar.archive(
                { name = "a/", type = "5", mode = 493 }, { name = "a/.wh.gone", data = "" },
                { name = "a/.wh..wh..opq", data = "" }, { name = "a/stays", data = "x" },
                { name = "b/.wh..wh..opq", data = "" }, { name = ".wh..wh.plnk/x", data = "" },
                { name = ".wh.file", data = "" }, { name = "file", data = "new" },
                { name = ".wh.dir", data = "" }, { name = "dir/", type = "5", mode = 493 },
                { name = ".wh.deep", data = "" }, { name = "deep/er/x", data = "" },
                { name = "first/x", data = "" }, { name = ".wh.first", data = "" }),
                { whiteouts = true })
            assert.equal("character", file.stat(directory .. "/a/gone").type)
            assert.equal("0 0", shell.run("stat -c '%%Hr %%Lr' %s", directory .. "/a/gone"))
            assert.equal("x", read(directory .. "/a/stays"))
            assert.equal("new", read(directory .. "/file"))
            assert.equal("a\nb\ndeep\ndir\nfile\nfirst", shell.run("ls -A %s", directory))
            for _, name in ipairs { "a", "b", "dir", "deep", "first" } do
                assert.equal("y",
                    file.get_attribute(directory .. "/" .. name, "trusted.overlay.opaque"), name)
            end
            assert.is_nil(file.get_attribute(directory .. "/deep/er", "trusted.overlay.opaque"))
            assert.is_true(result.whiteouts)
        end)

        it("leaves such names alone unless it shall", function()
            local directory <const>, result <const> = unpack.good(tar.archive(
                { name = ".wh.x", data = "x" }, { name = ".wh..wh..opq", data = "" }))
            assert.equal(".wh..wh..opq\n.wh.x", shell.run("ls -A %s", directory))
            assert.is_true(result.whiteouts)
        end)

        it("tells how far it is", function()
            local from <const>, to <const> = core.stream.pipe()
            local pending <close> = assert(core.archive.unpack {
                input = from, directory = scratch.directory(),
            })
            from:close()
            assert.same({ 0, 0 }, { pending:progress() })
            assert.is_false((pending:step()))
            assert(task.await(core.stream.writer(to, SMALL)))
            assert(task.await(pending))
            assert.same({ #SMALL, 2 }, { pending:progress() })
        end)

        it("leaves no process and no descriptor when it is given up", function()
            local function open()
                collectgarbage()
                return tonumber(shell.run("ls /proc/$PPID/fd | wc -l"))
            end
            local function children()
                return shell.run("cat /proc/$PPID/task/*/children | wc -w")
            end
            local from <const>, to <const> = core.stream.pipe()
            local directory <const> = scratch.directory()
            local descriptors <const>, processes <const> = open(), children()
            local pending
            for _ = 1, 10 do
                pending = assert(core.archive.unpack { input = from, directory = directory })
                assert.not_equal(processes, children())
                pending:close()
                pending:close()
                assert.equal(processes, children())
            end
            -- Fewer than ten more: some of other specs may still have gone meanwhile.
            assert.is_true(open() < descriptors + 5)
            assert.has_error(function() pending:step() end)
            from:close()
            to:close()
        end)

        it("gives its process no descriptor but the input, its own socket and the directory",
            function()
                local from <const>, to <const> = core.stream.pipe()
                local other <const> = assert(io.open "/etc/passwd")
                local directory <const> = scratch.directory()
                local pending <const> = assert(core.archive.unpack {
                    input = from, directory = directory, threads = 3,
                })
                local child
                repeat -- until it has made its threads: that is after all it gives up
                    child = shell.run("for p in $(cat /proc/$PPID/task/*/children); do "
                        .. "[ $p = $$ ] || echo $p; done")
                until shell.run("ls /proc/%s/task | wc -l", child) == "3"
                local found <const> = shell.run("cd /proc/%s/fd; for f in *; do "
                    .. "echo $f $(readlink $f); done", child)
                local stderr <const> = found:match "2 ([^\n]*)"
                assert.matches("^0 /dev/null\n1 /dev/null\n2 [^\n]*\n3 pipe:%S+\n"
                    .. "4 socket:%S+\n5 /[^\n]*$", found)
                if not os.getenv "SANITIZE" or os.getenv "SANITIZE" == "" then
                    assert.equal("/dev/null", stderr)
                end
                local status <const> = shell.run("cat /proc/%s/status", child)
                -- CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP
                assert.equal("000000008800001b", status:match "CapEff:%s*(%x+)")
                assert.equal("000000008800001b", status:match "CapPrm:%s*(%x+)")
                assert.equal("1", status:match "NoNewPrivs:%s*(%d)")
                assert.equal(shell.run("stat -c %%i %s", directory),
                    shell.run("stat -Lc %%i /proc/%s/root", child))
                pending:close()
                other:close()
                from:close()
                to:close()
            end)

        it("dies with us", function()
            local _, output <const> = pcall(shell.lua, ([[
                local core = require "sdme.core"
                local from, to = core.stream.pipe()
                local pending = core.archive.unpack { input = from, directory = %q }
                os.execute "echo child $(cat /proc/$PPID/task/*/children); kill -9 $PPID"
            ]]):format(scratch.directory()))
            local child <const> = output:match "child (%d+)"
            wait.until_true("the child is gone", function()
                return not file.exists("/proc/" .. child)
            end)
        end)

        it("has no directory to unpack into but an empty one", function()
            local directory <const> = scratch.directory()
            shell.run("touch %s", directory .. "/x")
            local input <close> = assert(io.open(unpack.file(SMALL)))
            local _, _, code <const> = core.archive.unpack {
                input = input, directory = directory,
            }
            assert.equal("ENOTEMPTY", code)
        end)

        it("raises for misuse", function()
            local input <close> = assert(io.open(unpack.file(SMALL)))
            local directory <const> = scratch.directory()
            for _, options in ipairs {
                {}, { input = input }, { directory = directory }, { input = 1.5, directory = "/" },
                { input = input, directory = directory, more = 1 },
                { input = input, directory = directory, threads = 4 },
                { input = input, directory = directory, limits = { size = -1 } },
                { input = input, directory = directory, limits = { path = 4096 } },
                { input = input, directory = directory, limits = { sizes = 1 } },
            } do
                assert.has_error(function() core.archive.unpack(options) end)
            end
        end)
    end)
end)
