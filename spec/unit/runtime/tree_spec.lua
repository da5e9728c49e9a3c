local attacker <const> = require "spec.support.attacker"
local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local file <const>, tree <const> = core.file, core.tree

-- All that can be told of a tree from outside.
local function portrait(path)
    return shell.run([[cd %s
        find . ! -type d -printf '%%p %%y %%m %%U %%G %%s %%b %%n %%T@ %%l\n' | LC_ALL=C sort
        find . -type d -printf '%%p %%m %%U %%G %%T@\n' | LC_ALL=C sort
        find . -type b -o -type c | LC_ALL=C sort | xargs -r stat -c '%%n %%Hr %%Lr'
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
        getfattr -R -h -d -e hex -m - . 2>/dev/null]], path)
end

local function code_of(...)
    local result, message, code = ...
    assert.is_nil(result)
    return code, message
end

local function put(path, content)
    local handle <close> = assert(io.open(path, "w"))
    assert(handle:write(content))
end

local function make_deep(path, levels)
    shell.run("perl -e %s %s " .. levels,
        "chdir $ARGV[0]; for (1..$ARGV[1]) { mkdir 'd' or die $!; chdir 'd'; open F, '>', 'f' }",
            path)
end

-- Directories under `path`, counted from the inside, since no path is that long.
local function depth(path)
    return tonumber(shell.run("perl -e %s %s",
        "chdir $ARGV[0]; $n++ while chdir 'd' and -f 'f'; print $n + 0", path))
end

describe("core.tree", function()
    local dir

    before_each(function()
        dir = scratch.directory()
    end)
    after_each(scratch.clean)

    describe("copy", function()
        it("keeps everything that a filesystem can hold", function()
            needs.root()
            needs.program("setfacl", "setfattr", "setcap")
            local disk <const> = scratch.filesystem("ext4", "64M")
            shell.run([[PATH=$PATH:/sbin:/usr/sbin; mkdir %s; cd %s
                echo plain > plain; chmod 640 plain; chown 1000:1001 plain
                cp /bin/true setuid; chmod 4755 setuid; chown 7:8 setuid; chmod 6755 setuid
                cp /bin/true capable; setcap cap_net_raw,cap_chown+ep capable
                mkdir sticky locked setgid; chmod 1777 sticky; chmod 2755 setgid; chown :50 setgid
                echo x > setgid/inherits; echo x > locked/in; chmod 000 locked
                setfacl -m u:1000:rw,g:50:r plain; setfacl -d -m u:1001:rwx sticky
                setfattr -n user.note -v 'some text' plain; setfattr -n trusted.note -v x sticky
                ln -s /nowhere/at/all dangling; ln -s plain link; chown -h 5:6 link
                setfattr -h -n trusted.note -v y link
                mknod zero c 1 5; mknod disk b 7 300; mkfifo fifo; setfacl -m u:1000:rw zero
                perl -e 'use IO::Socket::UNIX; IO::Socket::UNIX->new(Local=>"socket",Listen=>1)'
                touch "$(printf 'new\nline')" "$(printf '\033[31m')" "$(printf '\377\376')"
                touch ' ' -- -f
                touch empty; head -c 300000 /dev/urandom > big
                touch -d '2001-02-03 04:05:06.123456789' plain sticky setgid; touch -h -d @1.5 link
                touch -d @2000000000.000000001 .]], disk .. "/from", disk .. "/from")
            local before <const> = portrait(disk .. "/from")
            local size <const> = assert(tree.copy(disk .. "/from", disk .. "/to"))
            assert.equal(before, portrait(disk .. "/to"))
            assert.equal(before, portrait(disk .. "/from"))
            assert.equal(4, size.directories)
            assert.equal("cap_chown,cap_net_raw=ep",
                shell.run("/sbin/getcap %s", disk .. "/to/capable"):match("cap_.*"))
        end)

        it("keeps hard links, also from one directory to another", function()
            shell.run([[mkdir -p %s/a/b %s/c; cd %s
                echo x > a/one; ln a/one a/two; ln a/one a/b/three; ln a/one c/four
                echo y > a/other; ln a/other ../outside; mkfifo fifo; ln fifo c/fifo]],
                dir .. "/from", dir .. "/from", dir .. "/from")
            assert(tree.copy(dir .. "/from", dir .. "/to"))
            local one <const> = file.stat(dir .. "/to/a/one")
            assert.equal(4, one.links)
            for _, name in ipairs { "a/two", "a/b/three", "c/four" } do
                assert.equal(one.inode, file.stat(dir .. "/to/" .. name).inode)
            end
            assert.equal(1, file.stat(dir .. "/to/a/other").links)
            assert.equal(2, file.stat(dir .. "/to/fifo").links)
            assert.equal("a\nc\nfifo", shell.run("ls -A %s", dir .. "/to"))
        end)

        it("keeps holes", function()
            shell.run([[mkdir %s; cd %s; truncate -s 20M hole
                printf x | dd of=middle bs=1 seek=5M 2>/dev/null
                truncate -s 10M middle; printf x | dd of=end bs=1 seek=5M 2>/dev/null]],
                    dir .. "/from", dir .. "/from")
            assert(tree.copy(dir .. "/from", dir .. "/to"))
            assert.equal(portrait(dir .. "/from"), portrait(dir .. "/to"))
            assert.is_true(tree.measure(dir .. "/to").allocated < 1024 * 1024)
        end)

        it("shares the data where the filesystem can", function()
            local type <const> = shell.succeeds("command -v mkfs.btrfs") and "btrfs" or "xfs"
            local disk <const> = scratch.filesystem(type, "400M")
            shell.run("mkdir %s; head -c 100M /dev/urandom > %s; sync", disk .. "/from",
                disk .. "/from/big")
            local free <const> = file.statfs(disk).free
            assert(tree.copy(disk .. "/from", disk .. "/to"))
            assert(file.sync(disk))
            assert.is_true(free - file.statfs(disk).free < 20 * 1024 * 1024)
            assert.equal(portrait(disk .. "/from"), portrait(disk .. "/to"))
        end)

        it("takes single files and symlinks as they are", function()
            put(dir .. "/x", "content")
            shell.run("chmod 751 %s; touch -d @1000.25 %s; touch -a -d @2000.5 %s; ln -s x %s",
                dir .. "/x", dir .. "/x", dir .. "/x", dir .. "/link")
            local size <const> = assert(tree.copy(dir .. "/x", dir .. "/y"))
            assert.same({ size = 7, files = 1, directories = 0 }, size)
            assert.equal("751 1000.25 2000.50",
                shell.run("stat -c '%%a %%.2Y %%.2X' %s", dir .. "/y"))
            assert(tree.copy(dir .. "/link", dir .. "/other"))
            assert.equal("x", file.readlink(dir .. "/other"))
        end)

        it("gives the copy nothing of the directory that it is made in", function()
            needs.root()
            needs.program "setfacl"
            shell.run("mkdir -p %s %s; chgrp 50 %s; chmod 2775 %s; setfacl -d -m u:1000:rwx %s; "
                .. "setfacl -m u:1000:rwx %s",
                dir .. "/from/sub", dir .. "/into", dir .. "/into", dir .. "/into", dir .. "/into",
                    dir .. "/into")
            put(dir .. "/from/sub/x", "")
            assert(tree.copy(dir .. "/from", dir .. "/into/to"))
            assert.equal(portrait(dir .. "/from"), portrait(dir .. "/into/to"))
        end)

        it("doesn't go into what is mounted, unless it shall", function()
            needs.root()
            shell.run("mkdir -p %s && mount -t tmpfs -o mode=751 none %s && touch %s && touch %s",
                dir .. "/from/mnt",
                dir .. "/from/mnt", dir .. "/from/mnt/inside", dir .. "/from/file")
            shell.run("mount --bind /etc/passwd %s", dir .. "/from/file")
            scratch.finally(function() shell.run("umount -l %s %s", dir .. "/from/mnt",
                dir .. "/from/file") end)
            assert(tree.copy(dir .. "/from", dir .. "/to"))
            assert.same({}, file.list(dir .. "/to/mnt"))
            assert.equal("751", shell.run("stat -c %%a %s", dir .. "/to/mnt"))
            assert.is_false(file.exists(dir .. "/to/file"))
            assert(tree.copy(dir .. "/from", dir .. "/all", { one_filesystem = false }))
            assert.is_true(file.exists(dir .. "/all/mnt/inside"))
            assert.equal(file.read("/etc/passwd"), file.read(dir .. "/all/file"))
        end)

        it("leaves out what belongs to overlayfs or to the host's policy", function()
            needs.root()
            needs.program "setfattr"
            local disk <const> = scratch.filesystem("ext4", "16M")
            shell.run([[mkdir -p %s; cd %s
                for n in overlay.opaque overlay.redirect sdme.shift other; do
                setfattr -n trusted.$n -v y sub; done; setfattr -n security.selinux -v label sub]],
                disk .. "/from/sub", disk .. "/from")
            assert(tree.copy(disk .. "/from", disk .. "/to"))
            local kept <const> = file.list_attributes(disk .. "/to/sub")
            assert.same({ "trusted.other" }, kept)
            assert(tree.copy(disk .. "/from", disk .. "/layer", { overlay = true }))
            local all <const> = file.list_attributes(disk .. "/layer/sub")
            assert.same({ "trusted.other", "trusted.overlay.opaque", "trusted.overlay.redirect" },
                all)
        end)

        it("moves owners, ACLs and capabilities into a user namespace's range", function()
            needs.root()
            needs.program("setfacl", "setcap", "getfacl")
            local disk <const> = scratch.filesystem("ext4", "16M")
            shell.run([[PATH=$PATH:/sbin:/usr/sbin; mkdir %s; cd %s
                cp /bin/true capable; setcap cap_net_raw+ep capable
                cp /bin/true setuid; chmod 4755 setuid; echo x > mine; chown 1000:65536 mine
                setfacl -m u:1000:rw,g:70000:r mine; ln -s x link]], disk .. "/from",
                    disk .. "/from")
            assert(tree.copy(disk .. "/from", disk .. "/to", { shift = { to = 524288 } }))
            assert.equal("4755 524288 524288",
                shell.run("stat -c '%%a %%u %%g' %s", disk .. "/to/setuid"))
            assert.equal("525288 65536", shell.run("stat -c '%%u %%g' %s", disk .. "/to/mine"))
            assert.equal("524288 524288", shell.run("stat -c '%%u %%g' %s", disk .. "/to/link"))
            assert.equal("user:525288:rw-\ngroup:70000:r--",
                shell.run("getfacl -pnc %s | grep :.*[0-9]", disk .. "/to/mine"))
            assert.matches("cap_net_raw.*rootid=524288",
                shell.run("/sbin/getcap -n %s", disk .. "/to/capable"))
            local back <const> = { shift = { from = 524288, to = 0 } }
            assert(tree.copy(disk .. "/to", disk .. "/back", back))
            assert.equal(portrait(disk .. "/from"), portrait(disk .. "/back"))
        end)

        it("takes the ACLs of xfs, which lists them twice, once", function()
            needs.program("setfacl", "getfacl")
            local disk <const> = scratch.filesystem("xfs", "320M")
            shell.run("touch %s; setfacl -m u:1000:rw %s", disk .. "/from", disk .. "/from")
            assert(tree.copy(disk .. "/from", disk .. "/to", { shift = { to = 524288 } }))
            assert.equal("user:525288:rw-",
                shell.run("getfacl -pnc %s | grep :.*[0-9]", disk .. "/to"))
            assert(tree.copy(disk .. "/from", dir .. "/to"))
            assert.same({ "system.posix_acl_access" }, file.list_attributes(dir .. "/to"))
        end)

        it("takes the source and the target from below a root", function()
            shell.run("mkdir -p %s %s; ln -s / %s; ln -s %s %s", dir .. "/guest/etc",
                dir .. "/elsewhere",
                dir .. "/guest/up", dir, dir .. "/guest/out")
            put(dir .. "/guest/etc/x", "x")
            put(dir .. "/secret", "secret")
            local root <close> = assert(file.open_directory(dir .. "/guest"))
            assert(tree.copy("/up/up/etc", dir .. "/copy", { source_root = root }))
            assert.equal("x", file.read(dir .. "/copy/x"))
            assert.equal("ENOENT",
                code_of(tree.copy("/out/secret", dir .. "/none", { source_root = root })))
            assert.equal("ENOENT",
                code_of(tree.copy(dir .. "/secret", "/out/elsewhere/x", { target_root = root })))
            assert(tree.copy(dir .. "/secret", "/up/etc/y", { target_root = root }))
            assert.equal("secret", file.read(dir .. "/guest/etc/y"))
            assert.same({}, file.list(dir .. "/elsewhere"))
        end)

        it("leaves what is there already alone", function()
            shell.run("mkdir -p %s %s", dir .. "/from", dir .. "/to")
            put(dir .. "/to/x", "old")
            local code, message = code_of(tree.copy(dir .. "/from", dir .. "/to"))
            assert.equal("EEXIST", code)
            assert.matches("/to: File exists", message)
            assert.equal("EEXIST", code_of(tree.copy(dir .. "/to/x", dir .. "/to/x")))
            assert.equal("old", file.read(dir .. "/to/x"))
        end)

        it("leaves nothing when it fails", function()
            needs.root()
            shell.run("mkdir -p %s %s && mount -t tmpfs -o size=1m none %s", dir .. "/from/a/b",
                dir .. "/small", dir .. "/small")
            scratch.finally(function() shell.run("umount -l %s", dir .. "/small") end)
            for i = 1, 100 do
                put(dir .. "/from/a/b/" .. i, ("x"):rep(20000))
            end
            local code, message = code_of(tree.copy(dir .. "/from", dir .. "/small/to"))
            assert.equal("ENOSPC", code)
            assert.matches("^copy /dev/shm/.*/from/a/b/%d+: No space left on device$", message)
            assert.same({}, file.list(dir .. "/small"))
            assert.equal("ENOSPC",
                code_of(tree.copy(dir .. "/from", dir .. "/small/to", { threads = 1 })))
            assert.same({}, file.list(dir .. "/small"))
            assert.equal("ENOENT", code_of(tree.copy(dir .. "/missing", dir .. "/to")))
            assert.is_false(file.exists(dir .. "/to"))
        end)

        it("refuses to copy a directory into itself", function()
            shell.run("mkdir -p %s", dir .. "/from/sub")
            local code, message = code_of(tree.copy(dir .. "/from", dir .. "/from/sub/to"))
            assert.equal("EINVAL", code)
            assert.matches("/from/sub/to: it is the copy itself$", message)
            assert.same({}, file.list(dir .. "/from/sub"))
        end)

        it("leaves out what it is told to, and only that", function()
            shell.run([[mkdir -p %s; cd %s; mkdir -p proc/1 a/b/c a/proc
                touch proc/x a/b/file a/b/c/x a/proc/x top a/same; ln -s b a/link
                chmod 711 proc; touch -d @5 proc]],
                dir .. "/from", dir .. "/from")
            for threads = 1, 2 do
                local to <const> = dir .. "/to" .. threads
                assert(tree.copy(dir .. "/from", to, {
                    exclude = { "/a/b/file", "a//./b/c/", "top", "a/link/none", "missing/x" },
                    exclude_content = { "proc", "a/same" }, threads = threads,
                }))
                assert.equal("a\na/b\na/link\na/proc\na/proc/x\na/same\nproc",
                    shell.run("cd %s; find . -mindepth 1 | cut -c3- | LC_ALL=C sort", to))
                assert.equal("711 5", shell.run("stat -c '%%a %%Y' %s", to .. "/proc"))
            end
            assert.equal("EINVAL", code_of(tree.copy(dir .. "/from", dir .. "/no",
                { exclude = { "a/../proc" } })))
            assert.is_false(file.exists(dir .. "/no"))
        end)

        it("copies a directory to where it leaves something out", function()
            shell.run("mkdir -p %s; echo x > %s", dir .. "/from/var/store/old", dir .. "/from/x")
            local options <const> = { exclude_content = { "var/store" } }
            assert(tree.copy(dir .. "/from", dir .. "/from/var/store/new", options))
            assert.same({}, file.list(dir .. "/from/var/store/new/var/store"))
            assert.equal("x\n", file.read(dir .. "/from/var/store/new/x"))
            assert(tree.copy(dir .. "/from", dir .. "/from/var/store/newer", {
                exclude = { "var/store" },
            }))
            assert.same({}, file.list(dir .. "/from/var/store/newer/var"))
            assert.equal("EINVAL", code_of(tree.copy(dir .. "/from", dir .. "/from/var/other",
                { exclude = { "var/store" } })))
        end)

        it("leaves out what is mounted, or what is in it", function()
            needs.root()
            shell.run("mkdir -p %s %s && mount -t tmpfs none %s && touch %s && "
                .. "mount -t tmpfs none %s", dir .. "/from/out", dir .. "/from/empty",
                dir .. "/from/out", dir .. "/from/out/x", dir .. "/from/empty")
            scratch.finally(function() shell.run("umount -l %s %s", dir .. "/from/out",
                dir .. "/from/empty") end)
            shell.run("touch %s", dir .. "/from/empty/x")
            for _, one_filesystem in ipairs { true, false } do
                local to <const> = dir .. "/to" .. tostring(one_filesystem)
                assert(tree.copy(dir .. "/from", to, { exclude = { "out" },
                    exclude_content = { "empty" }, one_filesystem = one_filesystem }))
                assert.equal("empty", shell.run("cd %s; find * ", to))
            end
        end)

        it("fills an empty directory that is there", function()
            needs.root()
            shell.run("mkdir -p %s %s; echo x > %s; ln %s %s; chmod 2751 %s; chown 7:8 %s; "
                .. "touch -d @7 %s", dir .. "/from/sub", dir .. "/to", dir .. "/from/x",
                dir .. "/from/x", dir .. "/from/sub/y", dir .. "/from", dir .. "/from",
                dir .. "/from")
            local root <close> = assert(file.open_directory(dir .. "/to"))
            assert.equal("EEXIST", code_of(tree.copy(dir .. "/from", dir .. "/to")))
            assert(tree.copy(dir .. "/from", "/", { target_root = root, into = true }))
            assert.equal(portrait(dir .. "/from"), portrait(dir .. "/to"))
            local into <const> = { into = true }
            local code, message = code_of(tree.copy(dir .. "/from", dir .. "/to", into))
            assert.equal("ENOTEMPTY", code)
            assert.matches("^copy into .*/to: Directory not empty$", message)
            assert.equal("ENOTDIR", code_of(tree.copy(dir .. "/from/x", dir .. "/to", into)))
            assert.equal("ENOENT", code_of(tree.copy(dir .. "/from", dir .. "/no", into)))
            shell.run("mkdir %s && mount -t tmpfs -o size=64k none %s", dir .. "/small",
                dir .. "/small")
            scratch.finally(function() shell.run("umount -l %s", dir .. "/small") end)
            put(dir .. "/from/sub/big", ("x"):rep(200000))
            assert.equal("ENOSPC",
                code_of(tree.copy(dir .. "/from", dir .. "/small", into)))
            assert.same({}, file.list(dir .. "/small"))
        end)

        it("names a file that changes meanwhile", function()
            shell.run("mkdir %s; head -c 200M /dev/zero > %s", dir .. "/from", dir .. "/from/log")
            attacker.start("open F, '>>', $ARGV[0]; while (1) { syswrite F, 'x' }",
                dir .. "/from/log")
            local code, message = code_of(tree.copy(dir .. "/from", dir .. "/to"))
            assert.equal("EBUSY", code)
            assert.matches("/from/log: it changed meanwhile$", message)
            assert.is_false(file.exists(dir .. "/to"))
        end)

        it("never reads through a symlink, whoever puts one there when", function()
            shell.run("mkdir -p %s %s; ln -s ../secret %s; ln -s ../secret/x %s; echo harmless > "
                .. "%s", dir .. "/secret",
                dir .. "/from/sub", dir .. "/from/link", dir .. "/from/xlink", dir .. "/from/x")
            put(dir .. "/secret/x", "stolen")
            for i = 1, 30 do
                put(dir .. "/from/sub/" .. i, "harmless")
            end
            attacker.swap(dir .. "/from/sub", dir .. "/from/link")
            attacker.swap(dir .. "/from/x", dir .. "/from/xlink")
            for _ = 1, 200 do
                if tree.copy(dir .. "/from", dir .. "/to") then
                    assert.is_false(shell.succeeds("grep -rq stolen %s", dir .. "/to"))
                    assert(tree.remove(dir .. "/to"))
                else
                    assert.is_false(file.exists(dir .. "/to"))
                end
            end
        end)

        it("goes 10,000 levels deep with few descriptors", function()
            shell.run("mkdir %s", dir .. "/from")
            make_deep(dir .. "/from", 10000)
            shell.lua(([[
                local core = require "sdme.core"
                local before = #core.file.list "/proc/self/fd"
                assert(core.tree.copy(%q, %q))
                assert(core.tree.measure(%q).directories == 10001)
                assert(#core.file.list "/proc/self/fd" == before)]]):format(dir .. "/from",
                    dir .. "/to", dir .. "/to"),
                "ulimit -n 400;")
            assert.equal(10000, depth(dir .. "/to"))
            assert(tree.remove(dir .. "/to"))
            assert(tree.remove(dir .. "/from"))
            assert.same({}, file.list(dir))
        end)

        it("does the same in one thread and in several", function()
            shell.run([[mkdir %s; cd %s
                for d in a b c d e f; do mkdir -p $d/$d; for i in $(seq 50); do
                echo $d$i > $d/$i; done; cp -al $d/[0-9]* $d/$d; done]], dir .. "/from",
                    dir .. "/from")
            for _, threads in ipairs { 1, 2, 8 } do
                assert(tree.copy(dir .. "/from", dir .. "/to", { threads = threads }))
                assert.equal(portrait(dir .. "/from"), portrait(dir .. "/to"))
                assert(tree.remove(dir .. "/to"))
            end
        end)

        it("ends when it is interrupted, and nothing of the copy is left", function()
            needs.root()
            local sdme <const> = (os.getenv "BUILD" or "build") .. "/bin/sdme"
            needs.that(file.exists(sdme), "the interpreter")
            shell.run("mkdir %s; cd %s; perl -e %s", dir .. "/from", dir .. "/from",
                "for $d (1..200) { mkdir $d; for $f (1..100) { open F, '>', \"$d/$f\" } }")
            put(dir .. "/copy.lua", ([[
                local core = require "sdme.core"
                local copied, message, code = core.tree.copy(%q, %q, { threads = 1 })
                io.write(copied and "too late" or code)]]):format(dir .. "/from", dir .. "/to"))
            local output
            for _ = 1, 50 do -- on a busy machine the signal may come before the copy or after it
                output = shell.run([[%s run %s > %s & pid=$!
                    while ! [ -e %s ]; do :; done; kill -TERM $pid; wait $pid; cat %s]],
                    sdme, dir .. "/copy.lua", dir .. "/output", dir .. "/to/1", dir .. "/output")
                if output == "EINTR" then
                    break
                end
                tree.remove(dir .. "/to")
            end
            assert.equal("EINTR", output)
            assert.is_false(file.exists(dir .. "/to"))
        end)
    end)

    describe("remove", function()
        it("removes whatever is there", function()
            needs.root()
            needs.program "chattr"
            local disk <const> = scratch.filesystem("ext4", "16M")
            shell.run([[mkdir -p %s; cd %s
                mkdir -p a/b/c locked/in; chmod 000 locked; mknod c c 1 3; mkfifo fifo; ln -s a link
                touch "$(printf 'new\nline')" "$(printf '\033[31m')" ' ' a/fixed a/log a/b/c/fixed
                chattr +i a/fixed a/b/c/fixed; chattr +a a/log; chattr +i a/b a; chattr +a a/b/c]],
                    disk .. "/x", disk .. "/x")
            assert(tree.remove(disk .. "/x"))
            assert.equal("lost+found", shell.run("ls -A %s", disk))
        end)

        it("takes a single file, or the symlink itself", function()
            shell.run("mkdir %s; touch %s; ln -s keep %s", dir .. "/keep", dir .. "/keep/x",
                dir .. "/link")
            assert(tree.remove(dir .. "/link"))
            put(dir .. "/file", "")
            assert(tree.remove(dir .. "/file"))
            assert.equal("keep", shell.run("ls -A %s", dir))
            assert.is_true(file.exists(dir .. "/keep/x"))
            assert.equal("ENOENT", code_of(tree.remove(dir .. "/file")))
            assert.equal("EINVAL", code_of(tree.remove "/"))
            assert.equal("EINVAL", code_of(tree.remove(dir .. "/.")))
        end)

        it("doesn't touch what is mounted, and says where", function()
            needs.root()
            shell.run("mkdir -p %s && mount -t tmpfs none %s && touch %s", dir .. "/x/mnt",
                dir .. "/x/mnt", dir .. "/x/mnt/inside")
            shell.run("mkdir %s; touch %s; mkdir -p %s && mount --bind %s %s", dir .. "/keep",
                dir .. "/keep/inside",
                dir .. "/y/same", dir .. "/keep", dir .. "/y/same")
            shell.run("mkdir %s; touch %s; mount --bind %s %s", dir .. "/z", dir .. "/z/f",
                dir .. "/keep/inside", dir .. "/z/f")
            scratch.finally(function()
                shell.run("umount -l %s %s %s", dir .. "/x/mnt", dir .. "/y/same", dir .. "/z/f")
            end)
            for _, path in ipairs { "/x/mnt", "/y/same", "/z/f" } do
                local code, message = code_of(tree.remove(dir .. path:sub(1, 2)))
                assert.equal("EBUSY", code)
                assert.equal("remove " .. dir .. path .. ": something is mounted on it", message)
            end
            assert.equal("EBUSY", code_of(tree.remove(dir .. "/x/mnt")))
            assert.is_true(file.exists(dir .. "/x/mnt/inside"))
            assert.is_true(file.exists(dir .. "/keep/inside"))
        end)

        it("stays below a root", function()
            shell.run("mkdir -p %s %s; ln -s %s %s; ln -s ../outside %s", dir .. "/guest/var/x",
                dir .. "/outside/x",
                dir .. "/outside", dir .. "/guest/absolute", dir .. "/guest/relative")
            local root <close> = assert(file.open_directory(dir .. "/guest"))
            for _, path in ipairs { "absolute/x", "relative/x", "../outside/x" } do
                assert.equal("ENOENT", code_of(tree.remove(path, { root = root })))
            end
            assert(tree.remove("/../var", { root = root }))
            assert.is_false(file.exists(dir .. "/guest/var"))
            assert.is_true(file.exists(dir .. "/outside/x"))
        end)

        it("never goes through a symlink, whoever puts one there when", function()
            shell.run("mkdir -p %s", dir .. "/victim")
            for i = 1, 50 do
                put(dir .. "/victim/" .. i, "")
            end
            attacker.swap(dir .. "/x/sub", dir .. "/spare")
            for _ = 1, 1000 do
                -- Where only one of the two is there, nothing is swapped.
                file.mkdir(dir .. "/x")
                file.mkdir(dir .. "/x/sub")
                file.symlink("../victim", dir .. "/spare", { replace = true })
                tree.remove(dir .. "/x")
                tree.remove(dir .. "/spare")
                assert.equal(50, #file.list(dir .. "/victim"))
            end
        end)

        it("says what failed in one line, whatever the name is", function()
            needs.root()
            local name <const> = "new\nline\27[31m\194\155m\127"
            shell.run("mkdir -p %s; mount -t tmpfs none %s", dir .. "/x/" .. name,
                dir .. "/x/" .. name)
            scratch.finally(function() shell.run("umount -l %s", dir .. "/x/" .. name) end)
            local _, message = code_of(tree.remove(dir .. "/x"))
            assert.equal("remove " .. dir .. "/x/new?line?[31m??m?: something is mounted on it",
                message)
        end)
    end)

    describe("measure", function()
        it("takes a directory that is removed meanwhile for empty", function()
            shell.run("mkdir %s", dir .. "/x")
            local open <close> = assert(core.file.open_directory(dir .. "/x"))
            shell.run("rmdir %s", dir .. "/x")
            local size <const> = assert(tree.measure("/proc/self/fd/" .. open:fileno()))
            assert.equal(0, size.files)
        end)

        it("agrees with du", function()
            local disk <const> = scratch.filesystem("ext4", "32M")
            shell.run([[mkdir -p %s; cd %s
                head -c 100000 /dev/zero > one; ln one sub/two; ln one three
                truncate -s 10M hole; ln -s x link; mkfifo fifo
                seq -f name-%%g 2000 | (cd sub; xargs touch)]],
                disk .. "/x/sub", disk .. "/x")
            local found <const> = assert(tree.measure(disk .. "/x"))
            assert.equal(tonumber(shell.run("du -s -B1 %s | cut -f1", disk .. "/x")),
                found.allocated)
            assert.equal(100000 + 10 * 1024 * 1024 + 1, found.size)
            assert.equal(2004, found.files)
            assert.equal(2, found.directories)
        end)

        it("stays on one mount", function()
            needs.root()
            shell.run("mkdir -p %s && mount -t tmpfs none %s && touch %s", dir .. "/x/mnt",
                dir .. "/x/mnt", dir .. "/x/mnt/inside")
            scratch.finally(function() shell.run("umount -l %s", dir .. "/x/mnt") end)
            assert.equal(0, tree.measure(dir .. "/x").files)
            assert.equal("ENOENT", code_of(tree.measure(dir .. "/missing")))
        end)
    end)
end)
