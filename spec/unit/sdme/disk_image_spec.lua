local core <const> = require "sdme.core"
local disk <const> = require "sdme.source.disk"
local disk_image <const> = require "sdme.disk_image"
local fault <const> = require "sdme.fault"
local needs <const> = require "spec.support.needs"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local tree <const> = core.tree

-- All that can be told of a tree from outside.
local function portrait(path)
    return shell.run([[cd %s
        find . ! -type d -printf '%%p %%y %%m %%U %%G %%s %%n %%T@ %%l\n' | LC_ALL=C sort
        find . -type d -printf '%%p %%m %%U %%G %%T@\n' | LC_ALL=C sort
        find . -type b -o -type c | LC_ALL=C sort | xargs -r stat -c '%%n %%Hr %%Lr'
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
        find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -e hex -m - 2>/dev/null]], path)
end

describe("disk_image", function()
    local dir, source

    before_each(function()
        needs.root()
        dir = scratch.directory()
        source = dir .. "/source"
        shell.run([[mkdir -p %s; cd %s; mkdir -p etc usr/lib; echo ID=x > usr/lib/os-release
            ln -s ../usr/lib/os-release etc/os-release; truncate -s 20M hole; mkfifo fifo
            mknod null c 1 3; echo x > a; ln a b; chmod 4755 a; chown 5:6 etc
            setfattr -n trusted.note -v x a; setfacl -m u:1000:r usr/lib/os-release
            touch -d '2001-02-03 04:05:06.123456789' a etc; touch -d @7 .; chmod 751 .]],
            source, source)
    end)
    after_each(scratch.clean)

    local function make(options)
        local path <const> = dir .. "/image"
        local handle <close> = assert(io.open(path, "w+b"))
        local all <const> = {
            file = handle, filesystem = "ext4", content = tree.measure(source),
            fill = function(mount)
                assert(tree.copy(source, "/", { target_root = mount, into = true }))
            end,
        }
        for key, value in pairs(options or {}) do
            all[key] = value
        end
        local size <const> = disk_image.make(all)
        assert.equal(size, core.file.stat(path).size)
        return path
    end

    it("holds what a tree holds, and becomes it again", function()
        needs.program("mkfs.ext4", "mkfs.btrfs", "e2fsck", "btrfs")
        for filesystem, verify in pairs { ext4 = "e2fsck -fn %s", btrfs = "btrfs check %s" } do
            local uuid <const> = "01234567-89ab-cdef-0123-456789abcdef"
            local path <const> = make { filesystem = filesystem, label = "a label", uuid = uuid }
            shell.run("PATH=$PATH:/sbin; " .. verify, path)
            local handle <close> = assert(io.open(path))
            local found <const> = assert(core.disk.probe(handle)).filesystem
            assert.same({ type = filesystem, usage = "filesystem", label = "a label",
                uuid = uuid }, found)
            do
                local opened <close> = disk.open(handle)
                opened:copy(dir .. "/" .. filesystem)
            end
            assert.equal(portrait(source), portrait(dir .. "/" .. filesystem))
        end
    end)

    it("takes little more room than what is in it", function()
        needs.program "mkfs.ext4"
        shell.run("truncate -s 1T %s", source .. "/hole")
        local path <const> = make()
        local size <const> = core.file.stat(path).size
        assert.is_true(size > 256 << 20 and size < 512 << 20, size)
        assert.is_true(tonumber(shell.run("stat -c %%b %s", path)) * 512 < 16 << 20)
    end)

    it("has room for any number of files, of any size", function()
        needs.program("mkfs.ext4", "mkfs.btrfs")
        shell.run("cd %s; for i in $(seq 30); do mkdir m$i; (cd m$i; seq 1000 | xargs touch); done",
            source)
        shell.run("head -c 50M /dev/urandom > %s", source .. "/big")
        for _, filesystem in ipairs { "ext4", "btrfs" } do
            make { filesystem = filesystem }
        end
    end)

    it("says what failed, and keeps nothing mounted", function()
        needs.program "mkfs.ext4"
        local found = raised(make, { size = 1000 })
        assert.is_true(fault.is(found, "EIO"))
        assert.equal("mkfs.ext4 failed, status 1", found.message)
        assert.is_true(#found.details > 0)
        found = raised(make, { size = 8 << 20, content = nil, fill = function(mount)
            fault.check(tree.copy("/usr/bin", "/bin", { target_root = mount }))
        end })
        assert.is_true(fault.is(found, "ENOSPC"), tostring(found))
        assert.equal("no disk image has the filesystem 'xfs'",
            raised(make, { filesystem = "xfs" }).message)
        assert.is_false(shell.succeeds("grep -F %s /proc/self/mountinfo", dir .. "/image"))
    end)
end)
