-- Making a disk image: one filesystem, without a partition table.
--
-- The program that makes the filesystem gets the file by its descriptor; all else is done through a
-- mount that nobody else sees. The file is sparse, so it may be longer than what is in it:
-- shrinking it afterwards would only take away the room that whoever boots it needs.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local task <const> = require "sdme.task"

local file <const> = core.file

local M <const> = {}

local MIB <const> = 1 << 20
local BLOCK <const> = 4096
local INODE_RATIO <const> = 16384 -- bytes for each inode that mke2fs(8) makes if nothing is said
local COMPRESSION <const> = 8     -- how many times a filesystem makes data smaller, at most
local FD <const> = 3              -- of the image, in the child
local PATH <const> = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

local function add(argv, ...)
    for _, word in ipairs { ... } do
        argv[#argv + 1] = word
    end
end

-- The tables of inodes and the journal are zeros, which a sparse file has already. Left to itself,
-- mke2fs takes smaller blocks for small filesystems.
local function ext4_arguments(options, size)
    local extended = "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0"
    local argv <const> = { "mkfs.ext4", "-q", "-F", "-m", "0", "-b", tostring(BLOCK) }
    local inodes <const> = options.content
        and (options.content.files + options.content.directories) * 5 // 4 + 1024 or 0
    if inodes > size // INODE_RATIO then
        add(argv, "-N", tostring(inodes))
    end
    if options.uuid then
        extended = extended .. ",hash_seed=" .. options.uuid
    end
    add(argv, "-E", extended)
    return argv
end

-- `factor` and `more` are the room that metadata takes, and what is left for the guest.
local FILESYSTEMS <const> = {
    ext4 = {
        arguments = ext4_arguments, factor = 1.25, more = 256 * MIB, package = "e2fsprogs",
        mount = { noinit_itable = true },
    },
    btrfs = {
        arguments = function() return { "mkfs.btrfs", "-q", "-f", "--nodiscard" } end,
        factor = 1.5, more = 512 * MIB, package = "btrfs-progs", mount = {},
    },
}

---The filesystems that an image may have.
---@type string[]
M.filesystems = { "ext4", "btrfs" }

-- Files may be longer by any number of holes than what is in them; where they are compressed, by
-- as much as that saves, and then they need it.
local function data_size(content)
    local most <const> = (content.allocated or content.size) * COMPRESSION
    return math.ult(most, content.size) and most or content.size
end

---How long an image has to be for a tree to fit.
---@param filesystem string
---@param content table `size`, `allocated`, `files`, `directories`, as core.tree.measure has them
---@return integer bytes
function M.size(filesystem, content)
    local kind <const> = FILESYSTEMS[filesystem]
    local data <const> = data_size(content) + (content.files + content.directories) * BLOCK
    return math.ceil(data * kind.factor / MIB) * MIB + kind.more
end

local function read_lines(text)
    local lines <const> = {}
    for line in text:gmatch "[^\n]+" do
        lines[#lines + 1] = line
    end
    return lines
end

local function make_filesystem(kind, options, size)
    local argv <const> = kind.arguments(options, size)
    if options.label then
        add(argv, "-L", options.label)
    end
    if options.uuid then
        add(argv, "-U", options.uuid)
    end
    add(argv, "/proc/self/fd/" .. FD)
    local process <close> = fault.context("make a filesystem", "install " .. kind.package)(
        core.process.spawn {
            argv = argv, stdin = "null", stdout = "null", stderr = "pipe",
            env = { PATH = PATH, LC_ALL = "C", SOURCE_DATE_EPOCH = os.getenv "SOURCE_DATE_EPOCH" },
            descriptors = { [FD] = options.file },
        })
    local errors <const> = fault.check(task.await(core.stream.reader(process:stderr())))
    local ended <const> = fault.check(task.await(process:wait()))
    if ended.code ~= 0 then
        error(fault.new {
            message = ("%s failed, status %s"):format(argv[1], ended.code or ended.signal),
            code = "EIO", details = read_lines(errors),
        }, 0)
    end
end

-- Closing a mount writes what is left, and can't say that it failed: so that is done before.
local function fill_filesystem(kind, options)
    local check <const> = fault.context("fill a disk image")
    local loop <close> = check(core.disk.attach { file = options.file, read_only = false })
    local mount <close> = check(core.mount.filesystem {
        type = options.filesystem, source = check(loop:path()), read_only = false,
        options = kind.mount,
    })
    file.remove("/lost+found", { root = mount })
    options.fill(mount)
    check(file.sync("/", { root = mount }))
end

---Makes a file the image of a filesystem; what was in it is gone.
---@param options table `file`, a descriptor of a regular file to read and write; `filesystem`,
--- "ext4" or "btrfs"; `fill(mount)`, which gets a descriptor of its root directory, empty;
--- `content`, what will be in it as core.tree.measure says, or `size` in bytes; `label`, `uuid`
---@return integer bytes of the image
function M.make(options)
    local kind <const> = FILESYSTEMS[options.filesystem]
    if not kind then
        fault.usage("no disk image has the filesystem '%s'", tostring(options.filesystem))
    end
    local size <const> = options.size or M.size(options.filesystem, options.content)
    fault.check(core.disk.resize(options.file, 0))
    fault.check(core.disk.resize(options.file, size))
    make_filesystem(kind, options, size)
    fill_filesystem(kind, options)
    fault.check(core.disk.sync(options.file))
    return size
end

return M
