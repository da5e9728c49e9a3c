-- Root filesystems, from the import to a container that boots.

local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local debian <const> = require "spec.support.debian"
local disk_image <const> = require "spec.support.image"
local json <const> = require "sdme.json"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local function inspect(name)
    return json.decode(sdme.ok("fs", "inspect", name))
end

local function layers()
    return core.file.list(sdme.datadir() .. "/layers") or {}
end

-- An unpacked Debian in a directory of its own.
local function unpacked(name)
    local directory <const> = shell.run "mktemp -d /var/tmp/sdme-spec.XXXXXX"
    scratch.finally(function()
        shell.run("rm -rf %s", directory)
    end)
    shell.run("tar -C %s -xf %s", directory, debian.path(name))
    return directory
end

describe("a rootfs", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    it("boots", function()
        local result <const> = sdme.run("new", "-r", "debian", "--name", "web", "--", "sh", "-c",
            "hostname; systemctl is-system-running; . /etc/os-release; echo $ID")
        assert.equal("web\nrunning\ndebian\n", result.out)
        assert.matches("\nweb +running +ok +Debian GNU/Linux 12 %(bookworm%) +debian ",
            sdme.ok "ps")
    end)

    it("boots in a user namespace, with the owners that it has, and no copy", function()
        local result <const> = sdme.run("new", "-r", "debian", "--userns", "--name", "web", "--",
            "sh", "-c", "systemctl is-system-running; stat -c %u:%g /etc/shadow /usr/bin/su")
        assert.equal("running\n0:42\n0:0\n", result.out)
        assert.is_nil(core.file.stat(sdme.datadir() .. "/containers/web/upper/usr"))
    end)

    it("is told from its archive: system, digest and size", function()
        local found <const> = inspect "debian"
        assert.same({ "debian", "12", true }, { found.os.id, found.os.version, found.systemd })
        assert.equal("archive", found.origin.kind)
        assert.equal("sha256:" .. digests.file(debian.path "debian.tar"), found.origin.digest)
        assert.equal(1, #found.layers)
        assert.is_true(found.layers[1].size > 50 << 20)
    end)

    it("is the same layer from an archive that is packed otherwise", function()
        local packed <const> = scratch.directory() .. "/packed.tar.zst"
        shell.run("zstd -q -1 -o %s %s", packed, debian.path "debian.tar")
        assert.equal("packed", sdme.ok("fs", "import", packed))
        assert.equal(inspect("debian").layers[1].id, inspect("packed").layers[1].id)
        assert.equal(1, #layers())
    end)

    it("is listed with who uses it, and stays while somebody does", function()
        sdme.ok("create", "-r", "debian", "--name", "web")
        assert.matches("\ndebian +Debian [^\n]+ +yes +%S+ %a+ +1 +%S+ +web", sdme.ok("fs", "ls"))
        local refused <const> = sdme.run("fs", "rm", "debian")
        assert.same({ 1, "sdme: rootfs debian is in use: web\nhint: sdme rm web\n" },
            { refused.status, refused.err })
    end)

    it("is not replaced without --force, and then only by what is complete", function()
        local refused <const> = sdme.run("fs", "import", debian.path "bare.tar", "--name", "debian")
        assert.equal(1, refused.status)
        assert.matches("a rootfs debian exists", refused.err)
        local before <const> = sdme.ok("fs", "inspect", "debian")
        local broken <const> = scratch.directory() .. "/broken.tar"
        shell.run("head -c 1000000 %s >%s", debian.path "debian.tar", broken)
        assert.equal(1, sdme.run("fs", "import", broken, "--name", "debian", "--force").status)
        assert.equal(before, sdme.ok("fs", "inspect", "debian"))
        assert.equal(1, #layers())
    end)

    it("keeps its layers for containers when its name goes", function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "gone")
        sdme.ok("create", "-r", "gone", "--name", "web")
        sdme.ok("fs", "rm", "--force", "gone")
        sdme.ok("start", "web")
        assert.equal("0", sdme.ok("exec", "web", "id", "-u"))
    end)

    it("is damaged where the host went down before it was on the disk, and made again", function()
        local archive <const> = debian.path "debian.tar"
        sdme.ok("fs", "import", archive, "--name", "lost")
        local id <const> = inspect("lost").layers[1].id
        local mark <const> = ("%s/layers/%s/unwritten"):format(sdme.datadir(), id)
        wait.until_true("it is on the disk", function() return not core.file.readlink(mark) end)
        assert(core.file.symlink("another-boot", mark))
        assert.matches("\nlost +damaged ", sdme.ok("fs", "ls"))
        assert.matches("the layer %S+ is lost: it wasn't on the disk when the host went down",
            json.decode(sdme.ok("fs", "ls", "--json"))[2].problem)
        local refused <const> = sdme.run("create", "-r", "lost", "--name", "web")
        assert.equal(1, refused.status)
        assert.matches("the layer " .. id .. " is lost", refused.err, 1, true)
        sdme.ok("fs", "import", archive, "--name", "lost", "--force")
        assert.is_nil(core.file.readlink(mark))
        sdme.ok("create", "-r", "lost", "--name", "web")
        sdme.ok("rm", "web")
        sdme.ok("fs", "rm", "lost")
    end)

    it("has a digest to be verified", function()
        local wrong <const> = "sha256:" .. ("0"):rep(64)
        local refused <const> = sdme.run("fs", "import", debian.path "debian.tar", "--name", "x",
            "--verify", wrong)
        assert.equal(1, refused.status)
        assert.matches("debian.tar has the digest sha256:%x+, not " .. wrong, refused.err)
        assert.equal("", sdme.ok("fs", "gc"):match "layer.*" or "")
    end)

    it("comes from a directory too, entry by entry", function()
        local directory <const> = unpacked "debian.tar"
        sdme.ok("fs", "import", directory, "--name", "copied")
        scratch.finally(function() sdme.ok("fs", "rm", "copied") end)
        local tree <const> = ("%s/layers/%s/tree"):format(sdme.datadir(),
            inspect("copied").layers[1].id)
        shell.run("diff -r --no-dereference --exclude=dev %s %s", directory, tree)
        local function listing(path)
            return shell.run("cd %s && find . -printf '%%P %%y %%m %%U %%G %%T@ %%l\\n' | sort",
                path)
        end
        assert.equal(listing(directory), listing(tree))
    end)
end)

-- A disk with Debian in one of its partitions.
local function debian_disk()
    local path <const> = disk_image.make(1024, "label: gpt\nsize=16MiB, type=uefi\ntype=linux\n")
    disk_image.format(path, { offset = disk_image.mib(17), size = disk_image.mib(1000) }, "ext4",
        "tar -xf " .. debian.path "debian.tar")
    return path
end

describe("a disk image as a rootfs", function()
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    it("boots, raw or qcow2, with the same files", function()
        local raw <const> = debian_disk()
        local packed <const> = raw .. ".qcow2"
        scratch.finally(function()
            shell.run("rm -f %s", packed)
        end)
        shell.run("qemu-img convert -c -O qcow2 -o compression_type=zstd %s %s", raw, packed)
        sdme.ok("fs", "import", raw, "--name", "raw")
        sdme.ok("fs", "import", packed, "--name", "packed")
        local trees <const> = {}
        for i, name in ipairs { "raw", "packed" } do
            trees[i] = ("%s/layers/%s/tree"):format(sdme.datadir(), inspect(name).layers[1].id)
            assert.equal("running", sdme.ok("new", "-r", name, "--userns", "--", "systemctl",
                "is-system-running"))
        end
        shell.run("diff -r --no-dereference --exclude=dev %s %s", trees[1], trees[2])
        assert.equal("", disk_image.loops(sdme.datadir()))
    end)
end)

describe("a rootfs without systemd", function()
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    it("is not imported unasked, where nobody can answer", function()
        local refused <const> = sdme.run("fs", "import", debian.path "bare.tar", "--name", "bare")
        assert.equal(2, refused.status)
        assert.matches("has no systemd", refused.err)
        assert.matches("%-%-install%-packages=yes or %-%-install%-packages=no", refused.err)
        assert.equal("", sdme.ok("__complete", "rootfs"))
    end)

    it("is imported as it is where that is wanted, from what was unpacked before", function()
        local kept <const> = layers()
        sdme.ok("fs", "import", debian.path "bare.tar", "--name", "bare", "--install-packages=no")
        local about <const> = inspect "bare"
        assert.is_false(about.systemd)
        assert.same(kept, { about.layers[1].id })
        sdme.ok("fs", "rm", "bare")
    end)
end)

describe("a snapshot", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    local function change(name)
        sdme.ok("exec", name, "sh", "-c", "echo new >/etc/made && rm /etc/debian_version")
    end

    local function state_of(name)
        return sdme.ok("exec", name, "sh", "-c", "cat /etc/made; ls /etc/debian_version 2>&1; true")
    end

    for _, options in ipairs { {}, { "--userns" } } do
        local how <const> = options[1] or "without --userns"

        it("of a stopped container is a rename, " .. how, function()
            sdme.ok("create", "-r", "debian", "--name", "web", "--started", table.unpack(options))
            change "web"
            sdme.ok("stop", "web")
            local inode <const> = core.file.stat(sdme.datadir() .. "/containers/web/upper").inode
            assert.equal("shot", sdme.ok("snapshot", "--force", "web", "shot"))
            local ids <const> = inspect("shot").layers
            assert.equal(2, #ids)
            assert.equal(inode,
                core.file.stat(("%s/layers/%s/tree"):format(sdme.datadir(), ids[2].id)).inode)
            sdme.ok("new", "-r", "shot", "--name", "plain", "--", "true")
            sdme.ok("new", "-r", "shot", "--userns", "--name", "mapped", "--", "true")
            sdme.ok("start", "web")
            local expected <const> =
                "new\nls: cannot access '/etc/debian_version': No such file or directory"
            for _, name in ipairs { "web", "plain", "mapped" } do
                assert.equal(expected, state_of(name))
                assert.equal("0:42", sdme.ok("exec", name, "stat", "-c", "%u:%g", "/etc/shadow"))
            end
        end)
    end

    it("of a running container leaves it running", function()
        sdme.ok("create", "-r", "debian", "--name", "web", "--started")
        change "web"
        sdme.ok("snapshot", "web", "live")
        assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
        sdme.ok("new", "-r", "live", "--name", "again", "--", "true")
        assert.matches("^new\n", state_of "again")
    end)

    it("replaces a rootfs only with --force", function()
        sdme.ok("create", "-r", "debian", "--name", "web")
        sdme.ok("snapshot", "web", "twice")
        local refused <const> = sdme.run("snapshot", "web", "twice")
        assert.equal(1, refused.status)
        assert.matches("a rootfs twice exists", refused.err)
        sdme.ok("snapshot", "--force", "web", "twice")
        assert.equal(3, #inspect("twice").layers)
    end)
end)
