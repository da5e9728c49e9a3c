local attacker <const> = require "spec.support.attacker"
local core <const> = require "sdme.core"
local digest <const> = require "sdme.digest"
local needs <const> = require "spec.support.needs"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local tree <const> = require "spec.support.tree"
local wait <const> = require "spec.support.wait"

local archive <const>, file <const> = core.archive, core.file

local COMPRESSIONS <const> = { "none", "gzip", "zstd", "bzip2", "xz", "lz4" }

local function code_of(...)
    local result, message, code = ...
    assert.is_nil(result)
    return code, message
end

-- Packs `path` into the file `output`.
local function pack(path, output, options)
    local root <close> = assert(file.open_directory(path))
    local out <close> = assert(io.open(output, "wb"))
    options = options or {}
    options.root, options.output = root, out
    return task.await(assert(archive.pack(options)))
end

-- Unpacks an archive with GNU tar, which knows nothing of us.
local function unpack(path, directory)
    shell.run("mkdir %s && tar --xattrs --xattrs-include='*' --acls --numeric-owner --same-owner "
        .. "--warning=no-unknown-keyword -xpf %s -C %s", directory, path, directory)
end

local function names_of(path)
    return shell.run("tar -tf %s", path)
end

describe("core.archive.pack", function()
    local dir

    before_each(function()
        dir = scratch.directory()
    end)
    after_each(scratch.clean)

    it("keeps everything that a filesystem can hold, as GNU tar sees it", function()
        local disk <const> = scratch.filesystem("ext4", "200M")
        tree.make(disk .. "/from")
        local packed <const> = assert(pack(disk .. "/from", disk .. "/tar"))
        unpack(disk .. "/tar", disk .. "/to")
        local before <const> = tree.describe(disk .. "/from")
        assert.same(before, tree.describe(disk .. "/to"))
        local count = 0
        for _ in pairs(before) do
            count = count + 1
        end
        assert.equal(count, packed.entries)
        assert.equal(file.stat(disk .. "/tar").size, packed.size)
        assert.equal("sha256:" .. digest.file(disk .. "/tar"), packed.digest)
        assert.equal(packed.digest, packed.diff_id)
    end)

    for _, compression in ipairs(COMPRESSIONS) do
        it("keeps all of it for unpack, compression " .. compression, function()
            local disk <const> = scratch.filesystem("ext4", "200M")
            tree.make(disk .. "/from")
            local packed <const> = assert(pack(disk .. "/from", disk .. "/tar",
                { compression = compression }))
            local input <close> = assert(file.open(disk .. "/tar"))
            assert(file.mkdir(disk .. "/to"))
            local unpacked <const> = assert(task.await(assert(archive.unpack {
                input = input, directory = disk .. "/to",
            })))
            assert.same(tree.describe(disk .. "/from"), tree.describe(disk .. "/to"))
            assert.equal(packed.digest, unpacked.digest)
            assert.equal(packed.diff_id, unpacked.diff_id)
            assert.equal(compression, unpacked.compression)
            assert.equal(packed.entries, unpacked.entries)
        end)
    end

    it("packs in every compression, the same with any number of threads", function()
        shell.run("mkdir %s; cd %s; head -c 300000 /dev/urandom > random; "
            .. "head -c 1000000 /usr/bin/perl > program; cp -r /etc/default .", dir .. "/from",
            dir .. "/from")
        local diff_id <const> = assert(pack(dir .. "/from", dir .. "/plain")).diff_id
        for _, compression in ipairs(COMPRESSIONS) do
            local digests <const> = {}
            for _, threads in ipairs { 1, 2, 7 } do
                local packed <const> = assert(pack(dir .. "/from", dir .. "/" .. compression,
                    { compression = compression, threads = threads }))
                assert.equal(diff_id, packed.diff_id)
                assert.equal(file.stat(dir .. "/" .. compression).size, packed.size)
                digests[#digests + 1] = packed.digest
            end
            assert.same({ digests[1], digests[1], digests[1] }, digests, compression)
            assert.equal(digests[1], "sha256:" .. digest.file(dir .. "/" .. compression))
            if compression ~= "none" then
                needs.program(compression)
                shell.run("%s -dc < %s > %s", compression, dir .. "/" .. compression,
                    dir .. "/back")
                assert.equal(diff_id, "sha256:" .. digest.file(dir .. "/back"))
            end
        end
    end)

    it("takes levels", function()
        shell.run("mkdir %s; head -c 1500000 /usr/bin/perl > %s", dir .. "/from",
            dir .. "/from/x")
        for _, compression in ipairs { "gzip", "zstd", "bzip2", "xz", "lz4" } do
            local sizes <const> = {}
            for i, level in ipairs { 1, 9 } do
                sizes[i] = assert(pack(dir .. "/from", dir .. "/out",
                    { compression = compression, level = level })).size
            end
            assert.is_true(sizes[2] < sizes[1], compression)
            local code <const>, message <const> = code_of(pack(dir .. "/from", dir .. "/out",
                { compression = compression, level = 20 }))
            assert.equal("EINVAL", code)
            assert.matches("^" .. compression .. " has the levels 1 to %d+, and no 20$", message)
        end
    end)

    it("gives the same bytes for the same tree, wherever it lies", function()
        needs.root()
        shell.run([[mkdir %s; cd %s; for i in z b a C 1 _ y; do mkdir $i; echo $i > $i/x; done
            touch b.c b-c bc; ln b.c a/first; touch -d @1000.5 * */* .]], dir .. "/one",
            dir .. "/one")
        local disk <const> = scratch.filesystem("ext4", "16M")
        shell.run("cp -a %s %s; rm %s; ln %s %s; touch -d @1000.5 %s", dir .. "/one",
            disk .. "/two", disk .. "/two/bc", disk .. "/two/b.c", disk .. "/two/other",
            disk .. "/two")
        shell.run("cd %s; rm other; touch bc; touch -d @1000.5 bc .", disk .. "/two")
        local first <const> = assert(pack(dir .. "/one", dir .. "/1"))
        assert.same(first, assert(pack(disk .. "/two", dir .. "/2")))
        assert.equal("./\nb-c\nb.c\nbc\n1/\n1/x\nC/\nC/x\n_/\n_/x\na/\na/first\na/x\nb/\nb/x\ny/"
            .. "\ny/x\nz/\nz/x", names_of(dir .. "/1"))
    end)

    it("takes no time later than it is told", function()
        shell.run([[mkdir %s; cd %s; touch -d @999.5 before; touch -d @1000 at
            touch -d @1000.000000001 after; touch -h -d @5000 .]], dir .. "/from", dir .. "/from")
        assert(pack(dir .. "/from", dir .. "/tar", { modified = 1000 }))
        unpack(dir .. "/tar", dir .. "/to")
        assert.equal("999.500000000 1000.000000000 1000.000000000 1000.000000000",
            (shell.run("cd %s; stat -c %%.9Y before at after .", dir .. "/to"):gsub("\n", " ")))
    end)

    it("keeps files of many gigabytes that are mostly holes", function()
        local disk <const> = scratch.filesystem("ext4", "64M")
        shell.run([[mkdir %s; cd %s; truncate -s 9G big; truncate -s 2T huge
            printf data | dd of=big bs=1 seek=8589934592 conv=notrunc 2>/dev/null
            printf data | dd of=huge bs=1 seek=1T conv=notrunc 2>/dev/null]],
            disk .. "/from", disk .. "/from")
        local packed <const> = assert(pack(disk .. "/from", disk .. "/tar"))
        assert.is_true(packed.size < 50000)
        unpack(disk .. "/tar", disk .. "/to")
        assert.same(tree.describe(disk .. "/from"), tree.describe(disk .. "/to"))
    end)

    it("moves owners, ACLs and capabilities out of a user namespace's range", function()
        needs.root()
        needs.program("setfacl", "setcap")
        local disk <const> = scratch.filesystem("ext4", "64M")
        shell.run([[PATH=$PATH:/sbin:/usr/sbin; mkdir %s; cd %s; cp /bin/true capable
            setcap cap_net_raw+ep capable; echo x > mine; chown 1000:65535 mine
            setfacl -m u:1000:rw,g:65535:r mine; ln -s x link; touch -d @1 .]],
            disk .. "/plain", disk .. "/plain")
        assert(core.tree.copy(disk .. "/plain", disk .. "/shifted", { shift = { to = 524288 } }))
        assert.equal(assert(pack(disk .. "/plain", disk .. "/1")).digest,
            assert(pack(disk .. "/shifted", disk .. "/2", { shift = 524288 })).digest)
    end)

    it("refuses an owner that isn't the container's", function()
        needs.root()
        needs.program "setfacl"
        local disk <const> = scratch.filesystem("ext4", "16M")
        shell.run("mkdir %s; cd %s; touch x; chown 524288:524288 . x; chown :589824 x",
            disk .. "/from", disk .. "/from")
        local code, message = code_of(pack(disk .. "/from", dir .. "/tar", { shift = 524288 }))
        assert.equal("EOVERFLOW", code)
        assert.equal("pack ./x: owner 589824 is not one of the container's, 524288 to 589823",
            message)
        shell.run("cd %s; chown :524288 x; setfacl -m u:7:r x", disk .. "/from")
        code, message = code_of(pack(disk .. "/from", dir .. "/tar", { shift = 524288 }))
        assert.equal("EOVERFLOW", code)
        assert.matches("^pack ./x: system.posix_acl_access has an id that isn't", message)
    end)

    describe("of a layer", function()
        before_each(needs.root)

        it("has the whiteouts of OCI", function()
            local disk <const> = scratch.filesystem("ext4", "16M")
            shell.run([[mkdir -p %s/a/opaque %s/b; cd %s; mknod a/gone c 0 0; ln a/gone b/too
                touch a/there a/opaque/new; mknod null c 1 3
                setfattr -n trusted.overlay.opaque -v y a/opaque
                setfattr -n trusted.overlay.opaque -v x b
                setfattr -n trusted.overlay.origin -v x a; touch b/xattr
                setfattr -n trusted.overlay.whiteout -v y b/xattr]],
                disk .. "/from", disk .. "/from", disk .. "/from")
            assert(pack(disk .. "/from", disk .. "/tar", { whiteouts = true }))
            assert.equal("./\nnull\na/\na/.wh.gone\na/there\na/opaque/\na/opaque/.wh..wh..opq\n"
                .. "a/opaque/new\nb/\nb/.wh.too\nb/.wh.xattr", names_of(disk .. "/tar"))
            unpack(disk .. "/tar", disk .. "/to")
            for path, entry in pairs(tree.describe(disk .. "/to")) do
                assert.same({}, entry.attributes, path)
                assert.equal(path:find "%.wh%." and 0 or entry.size, entry.size)
            end
        end)

        it("may have no file that would be taken for one", function()
            for _, command in ipairs { "touch", "mkdir" } do
                shell.run("rm -rf %s; mkdir %s; %s %s", dir .. "/from", dir .. "/from", command,
                    dir .. "/from/.wh.x")
                assert(pack(dir .. "/from", dir .. "/tar"))
                local code <const>, message <const> =
                    code_of(pack(dir .. "/from", dir .. "/tar", { whiteouts = true }))
                assert.equal("EINVAL", code)
                assert.equal("pack ./.wh.x: in a layer that name means a whiteout", message)
            end
        end)

        it("may have whiteouts only if that is said", function()
            local disk <const> = scratch.filesystem("ext4", "16M")
            shell.run("mkdir -p %s %s; mknod %s c 0 0; "
                .. "setfattr -n trusted.overlay.opaque -v y %s", disk .. "/1/x", disk .. "/2",
                disk .. "/2/x", disk .. "/1/x")
            for _, name in ipairs { "/1", "/2" } do
                local code <const>, message <const> = code_of(pack(disk .. name, dir .. "/tar"))
                assert.equal("EINVAL", code)
                assert.matches("^pack ./x: it hides what is in a layer below", message)
            end
        end)

        it("must not refer to those below it", function()
            local disk <const> = scratch.filesystem("ext4", "16M")
            shell.run("mkdir -p %s; setfattr -n trusted.overlay.redirect -v /y %s",
                disk .. "/from/x", disk .. "/from/x")
            local code <const>, message <const> =
                code_of(pack(disk .. "/from", dir .. "/tar", { whiteouts = true }))
            assert.equal("EUNSUPPORTED", code)
            assert.equal("pack ./x: it refers to a layer below (trusted.overlay.redirect)", message)
        end)
    end)

    it("leaves out sockets, and what it is told to", function()
        shell.run([[mkdir -p %s/proc/1 %s/a/b %s/ab; cd %s; touch proc/x proc/1/y a/b/c a/d ab/e
            perl -e 'use IO::Socket::UNIX; IO::Socket::UNIX->new(Local=>"socket",Listen=>1)']],
            dir .. "/from", dir .. "/from", dir .. "/from", dir .. "/from")
        assert(pack(dir .. "/from", dir .. "/tar", { exclude = { "/proc/*", "a/b/", "./ab/e" } }))
        assert.equal("./\na/\na/d\nab/\nproc/", names_of(dir .. "/tar"))
        assert(pack(dir .. "/from", dir .. "/tar", { exclude = { "a", "/*/x", "p", "b*" } }))
        assert.equal("./\nab/\nab/e\nproc/\nproc/x\nproc/1/\nproc/1/y", names_of(dir .. "/tar"))
        assert(pack(dir .. "/from", dir .. "/tar", { exclude = { "/*" } }))
        assert.equal("./", names_of(dir .. "/tar"))
    end)

    it("doesn't go into what is mounted, unless it shall", function()
        needs.root()
        shell.run("mkdir -p %s; mount -t tmpfs -o mode=751 none %s; touch %s %s",
            dir .. "/from/mnt", dir .. "/from/mnt", dir .. "/from/mnt/inside", dir .. "/from/file")
        shell.run("mount --bind /etc/passwd %s", dir .. "/from/file")
        scratch.finally(function() shell.run("umount -l %s %s", dir .. "/from/mnt",
            dir .. "/from/file") end)
        assert(pack(dir .. "/from", dir .. "/tar"))
        assert.equal("./\nmnt/", names_of(dir .. "/tar"))
        assert(pack(dir .. "/from", dir .. "/tar", { one_filesystem = false }))
        assert.equal("./\nfile\nmnt/\nmnt/inside", names_of(dir .. "/tar"))
    end)

    it("goes into a pipe, and ends when nobody reads it", function()
        shell.run("mkdir %s; head -c 3000000 /dev/urandom > %s", dir .. "/from", dir .. "/from/x")
        for _, compression in ipairs { "none", "gzip" } do
            local root <close> = assert(file.open_directory(dir .. "/from"))
            local from, to = core.stream.pipe()
            local pending <const> = assert(archive.pack {
                root = root, output = to, compression = compression,
            })
            to:close()
            local content, packed
            task.all(function() content = task.await(core.stream.reader(from)) end,
                function() packed = assert(task.await(pending)) end)
            assert.equal(packed.size, #content)
            from:close()
            from, to = core.stream.pipe()
            from:close()
            assert.equal("EPIPE", code_of(task.await(assert(archive.pack {
                root = root, output = to, compression = compression,
            }))))
        end
    end)

    it("is given up at once, with all its threads and descriptors", function()
        shell.run("mkdir %s; head -c 3000000 /dev/urandom > %s", dir .. "/from", dir .. "/from/x")
        assert(pack(dir .. "/from", dir .. "/tar", { compression = "gzip" })) -- loads libraries
        local function descriptors()
            collectgarbage()
            return #file.list "/proc/self/fd"
        end
        local before <const> = descriptors()
        for _, compression in ipairs { "none", "gzip", "zstd", "xz" } do
            local root <close> = assert(file.open_directory(dir .. "/from"))
            local from <const>, to <const> = core.stream.pipe()
            local pending <close> = assert(archive.pack {
                root = root, output = to, compression = compression, threads = 3,
            })
            assert.is_false(pending:step())
            pending:close()
            pending:close()
            assert.matches("the pack is closed", raised(pending.step, pending))
            assert.is_nil(pending:poll())
            from:close()
            to:close()
        end
        assert.equal(before, descriptors())
        wait.alone()
    end)

    it("names a file that changes meanwhile", function()
        shell.run("mkdir %s; head -c 50M /dev/zero > %s", dir .. "/from", dir .. "/from/log")
        attacker.start("open F, '>>', $ARGV[0]; while (1) { syswrite F, 'x' }",
            dir .. "/from/log")
        local code <const>, message <const> = code_of(pack(dir .. "/from", dir .. "/tar"))
        assert.equal("EBUSY", code)
        assert.equal("pack ./log: it changed meanwhile", message)
    end)

    it("says when the disk is full", function()
        needs.root()
        shell.run("mkdir %s %s; mount -t tmpfs -o size=1m none %s; head -c 3000000 /dev/urandom "
            .. "> %s", dir .. "/from", dir .. "/small", dir .. "/small", dir .. "/from/x")
        scratch.finally(function() shell.run("umount -l %s", dir .. "/small") end)
        for _, compression in ipairs(COMPRESSIONS) do
            local code <const>, message <const> = code_of(pack(dir .. "/from", dir .. "/small/tar",
                { compression = compression }))
            assert.equal("ENOSPC", code)
            assert.equal("write the archive: No space left on device", message)
        end
    end)

    it("never reads through a symlink, whoever puts one there when", function()
        shell.run("mkdir -p %s %s; ln -s ../secret %s; ln -s ../secret/x %s; echo stolen > %s; "
            .. "echo harmless > %s", dir .. "/secret", dir .. "/from/sub", dir .. "/from/link",
            dir .. "/from/xlink", dir .. "/secret/x", dir .. "/from/x")
        attacker.swap(dir .. "/from/sub", dir .. "/from/link")
        attacker.swap(dir .. "/from/x", dir .. "/from/xlink")
        for _ = 1, 100 do
            pack(dir .. "/from", dir .. "/tar")
            assert.is_nil(assert(file.read(dir .. "/tar")):find "stolen")
        end
    end)

    it("goes deep", function()
        shell.run("perl -e %s %s", "mkdir $ARGV[0]; chdir $ARGV[0]; "
            .. "for (1..3000) { mkdir 'd' or die $!; chdir 'd'; open F, '>', 'f' }", dir .. "/from")
        assert.equal(6001, assert(pack(dir .. "/from", dir .. "/tar")).entries)
        assert.equal("6001", shell.run("tar -tf %s | wc -l", dir .. "/tar"))
        assert(core.tree.remove(dir .. "/from"))
    end)

    it("refuses more attributes than a header can hold", function()
        needs.root()
        needs.program "setfattr"
        local disk <const> = scratch.filesystem("xfs", "400M")
        shell.run("mkdir %s; touch %s", disk .. "/from", disk .. "/from/x")
        for i = 1, 17 do
            assert(file.set_attribute(disk .. "/from/x", "user." .. i, ("x"):rep(65536)))
        end
        local code <const>, message <const> = code_of(pack(disk .. "/from", dir .. "/tar"))
        assert.equal("E2BIG", code)
        assert.matches("^pack ./x: its name and attributes take more than the 1 MiB", message)
    end)

    it("raises for what it can't be told", function()
        local root <close> = assert(file.open_directory(dir))
        assert.matches("option 'output' is missing", raised(archive.pack, { root = root }))
        assert.matches("option 'root' is missing", raised(archive.pack, {}))
        local function with(options)
            options.root, options.output = root, 1
            return raised(archive.pack, options)
        end
        assert.matches("unknown option 'x'", with { x = 1 })
        assert.matches("option 'shift'", with { shift = -1 })
        assert.matches("option 'shift'", with { shift = 1 << 32 })
        assert.matches("option 'exclude'", with { exclude = "x" })
        assert.matches("option 'modified': integer expected", with { modified = "x" })
        assert.equal("EINVAL", code_of(pack(dir, dir .. "/tar", { compression = "rar" })))
        assert.equal("EINVAL", code_of(pack(dir, dir .. "/tar", { level = 1 })))
        local path <const> = dir .. "/file"
        shell.run("touch %s", path)
        local plain <close> = assert(io.open(path))
        assert.equal("ENOTDIR",
            code_of(task.await(assert(archive.pack { root = plain, output = plain }))))
    end)
end)
