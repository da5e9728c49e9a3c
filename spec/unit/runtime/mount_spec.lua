local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local file <const> = core.file

describe("core.mount", function()
    local dir

    before_each(function()
        dir = scratch.directory()
    end)
    after_each(scratch.clean)

    it("lists what is mounted, with odd characters as they are", function()
        needs.root()
        local odd <const> = dir .. "/a b\tc\\d\ne"
        shell.run("mkdir %s && mount -t tmpfs 'so urce' %s", odd, odd)
        scratch.finally(function()
            shell.run("umount %s", odd)
        end)
        local found
        for _, mount in ipairs(core.mount.list()) do
            if mount.target == odd then
                found = mount
            end
        end
        assert.equal("tmpfs", found.type)
        assert.equal("so urce", found.source)
        assert.equal("/", found.root)
    end)

    it("clones a directory with or without what is mounted below it", function()
        needs.root()
        shell.run("mkdir %s && mount -t tmpfs tmpfs %s && touch %s", dir .. "/sub", dir .. "/sub",
            dir .. "/sub/x")
        scratch.finally(function()
            shell.run("umount %s", dir .. "/sub")
        end)
        local alone <close> = assert(core.mount.clone(dir))
        local whole <close> = assert(core.mount.clone(dir, { recursive = true }))
        assert.same({}, (file.list("sub", { root = alone })))
        assert.same({ "x" }, (file.list("sub", { root = whole })))
    end)

    it("attaches a clone to a directory", function()
        needs.root()
        assert(file.mkdir(dir .. "/from"))
        assert(file.mkdir(dir .. "/to"))
        assert(file.write(dir .. "/from/x", "1"))
        local clone <close> = assert(core.mount.clone(dir .. "/from", { read_only = true }))
        assert(core.mount.attach(clone, dir .. "/to"))
        scratch.finally(function()
            shell.run("umount %s", dir .. "/to")
        end)
        assert.equal("1", file.read(dir .. "/to/x"))
        local _, _, code = file.write(dir .. "/to/y", "2")
        assert.equal("EROFS", code)
    end)

    it("makes device nodes of an inert clone void", function()
        needs.root()
        local ext4 <const> = scratch.filesystem("ext4", "16M")
        shell.run("mknod %s c 1 3", ext4 .. "/null")
        local clone <close> = assert(core.mount.clone(ext4, { inert = true }))
        assert.is_false(shell.succeeds("cat /proc/$PPID/fd/%s/null", tostring(clone:fileno())))
    end)

    describe("filesystem", function()
        local function mount(options)
            return core.mount.filesystem(options)
        end

        it("mounts where nobody sees it, and makes what is in it void", function()
            needs.root()
            local before <const> = #core.mount.list()
            local tmpfs <close> = assert(mount { type = "tmpfs", source = "none",
                options = { size = "64k", mode = "751" }, read_only = false })
            assert.equal(before, #core.mount.list())
            assert(file.write("x", "content", { root = tmpfs, mode = "0755" }))
            assert.equal("content", file.read("x", { root = tmpfs }))
            assert.equal(tonumber("751", 8), file.stat("/", { root = tmpfs }).mode)
            assert(file.mkdir(dir .. "/to"))
            assert(core.mount.attach(tmpfs, dir .. "/to"))
            scratch.finally(function() shell.run("umount %s", dir .. "/to") end)
            local found
            for _, one in ipairs(core.mount.list()) do
                found = one.target == dir .. "/to" and one or found
            end
            assert.equal("rw,nosuid,nodev,noexec", found.options:match "^[^,]+,%a+,%a+,%a+")
        end)

        it("is read-only unless it shall not be", function()
            needs.root()
            local tmpfs <close> = assert(mount { type = "tmpfs", source = "none" })
            local _, _, code = file.write("x", "content", { root = tmpfs })
            assert.equal("EROFS", code)
        end)

        it("says what the kernel says", function()
            needs.root()
            local _, message, code = mount { type = "nofs", source = "/dev/null" }
            assert.equal("mount /dev/null: this kernel has no nofs", message)
            assert.equal("EUNSUPPORTED", code)
            _, message, code = mount { type = "tmpfs", source = "x", options = { none = true } }
            assert.equal("mount tmpfs: none: Unknown parameter 'none'", message)
            assert.equal("EINVAL", code)
            _, message, code = mount { type = "ext4", source = "/dev/null" }
            assert.matches("^mount ext4: /dev/null: Can't %a+ blockdev$", message)
            assert.equal("ENOTBLK", code)
        end)

        it("takes options that are text or true", function()
            for _, options in ipairs { { 1 }, { x = 1 }, { x = false }, { x = "a\0b" } } do
                assert.has_error(function()
                    mount { type = "tmpfs", source = "none", options = options }
                end)
            end
            assert.error_matches(function() mount { type = "tmpfs" } end, "no type or no source")
        end)
    end)

    it("names what it can't attach to", function()
        needs.root()
        local clone <close> = assert(core.mount.clone(dir))
        local _, message, code = core.mount.attach(clone, dir .. "/nowhere")
        assert.equal("ENOENT", code)
        assert.equal("mount on " .. dir .. "/nowhere: No such file or directory", message)
    end)
end)

describe("core.userns", function()
    it("makes a namespace that maps its ids to a range, and leaves no process", function()
        needs.root()
        local userns <close> = assert(core.userns.create(1000000, 65536))
        assert.matches("^user:%[%d+%]$", file.readlink("/proc/self/fd/" .. userns:fileno()))
        assert.equal("1", shell.run "pgrep -P $PPID | wc -l") -- the shell that counts
    end)

    it("refuses ranges that don't fit 32 bits", function()
        local _, _, code = core.userns.create((1 << 32) - 10, 65536)
        assert.equal("EINVAL", code)
        assert.error_matches(function()
            core.userns.create(-1, 1)
        end, "an id is 32 bits")
    end)
end)
