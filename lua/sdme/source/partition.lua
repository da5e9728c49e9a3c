-- The partitions of a disk, and mounting them where nobody else sees it.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

-- Where partition tables and the signatures of filesystems lie: this much of both ends.
local END <const> = 1 << 20

-- What may be mounted, and how without writing: a journal isn't replayed. Nor does the disk decide
-- what becomes of this host when it is damaged (ext4 can ask for a panic).
local FILESYSTEMS <const> = {
    ext2 = { type = "ext4", options = { noload = true, errors = "remount-ro" } },
    ext3 = { type = "ext4", options = { noload = true, errors = "remount-ro" } },
    ext4 = { type = "ext4", options = { noload = true, errors = "remount-ro" } },
    xfs = { type = "xfs", options = { norecovery = true, nouuid = true } },
    btrfs = { type = "btrfs", options = { rescue = "nologreplay" } },
    squashfs = { type = "squashfs", options = {} },
    erofs = { type = "erofs", options = {} },
    vfat = { type = "vfat", options = {} },
}

-- What holds filesystems that we don't get at.
local REFUSED <const> = {
    LVM1_member = "a physical volume of LVM", LVM2_member = "a physical volume of LVM",
    LVM2_thinpool = "a physical volume of LVM",
    crypto_LUKS = "encrypted (LUKS)", BitLocker = "encrypted (BitLocker)",
    linux_raid_member = "a member of a RAID", isw_raid_member = "a member of a RAID",
    ddf_raid_member = "a member of a RAID", zfs_member = "a member of a ZFS pool",
    bcache = "a cached device (bcache)", drbd = "a replicated device (DRBD)",
}

---@class sdme.Partition
---@field number integer? nil: the whole disk
---@field offset integer
---@field size integer
---@field type string|integer|nil
---@field filesystem table? as core.disk.probe gives it

---@class sdme.Partitions
---@field list sdme.Partition[]
local Partitions <const> = {}
Partitions.__index = Partitions

local function ensure(self, offset, size)
    local first <const> = math.max(offset, 0)
    local last <const> = math.min(offset + size, self.size)
    if self.reader and first < last then
        self.reader:ensure(first, last - first)
    end
end

local function ensure_ends(self, offset, size)
    ensure(self, offset, math.min(size, END))
    ensure(self, math.max(offset, offset + size - END), math.min(size, END))
end

-- Each boot record of a logical partition says where the next one is, which may be anywhere.
local function probe_table(self, sector_size)
    local seen <const> = {}
    while true do
        local found <const> = self.check(core.disk.probe(self.disk,
            { sector_size = sector_size, filesystems = false }))
        local complete = true
        for _, offset in ipairs(self.reader and found.records or {}) do
            if not seen[offset] then
                seen[offset] = true
                complete = false
                ensure(self, offset, found.sector_size)
            end
        end
        if complete then
            return found
        end
    end
end

local function probe_filesystems(self, partitions)
    local any = false
    for _, partition in ipairs(partitions) do
        ensure_ends(self, partition.offset, partition.size)
        local check <const> = fault.context(M.describe(self.name, partition))
        partition.filesystem = check(core.disk.probe(self.disk,
            { offset = partition.offset, size = partition.size, table = false })).filesystem
        any = any or partition.filesystem ~= nil
    end
    return any
end

-- A DOS table doesn't say how long its sectors are.
local function read_partitions(self)
    local found <const> = probe_table(self)
    if #found.partitions == 0 then
        return found, { { offset = 0, size = self.size, filesystem = found.filesystem } }
    end
    if probe_filesystems(self, found.partitions) or found.table ~= "dos" then
        return found, found.partitions
    end
    local ok <const>, longer <const> = pcall(probe_table, self, 4096)
    if ok and longer.table == "dos" and probe_filesystems(self, longer.partitions) then
        return longer, longer.partitions
    end
    return found, found.partitions
end

---Names a partition in a message.
---@param name string of the disk
---@param partition sdme.Partition
---@return string
function M.describe(name, partition)
    return partition.number and ("%s: partition %d"):format(name, partition.number) or name
end

---Looks what is on a disk.
---@param disk any a descriptor of a regular file or block device
---@param options { name: string, reader: table? } `reader:ensure(offset, size)` has that range of
--- the disk there before it is read; without it, all is there
---@return sdme.Partitions to be closed
function M.open(disk, options)
    local self <const> = setmetatable({
        disk = disk, name = options.name, reader = options.reader,
        check = fault.context(options.name), loops = {},
    }, Partitions)
    self.size = self.check(core.disk.size(disk))
    ensure_ends(self, 0, self.size)
    local found <const>, list <const> = read_partitions(self)
    self.table, self.sector_size, self.list = found.table, found.sector_size, list
    return self
end

---Raises if the partition holds something that we know and can't read.
---@param partition sdme.Partition
function Partitions:refuse(partition)
    local what <const> = partition.filesystem and REFUSED[partition.filesystem.type]
    if what then
        fault.raise("EUNSUPPORTED",
            "make the root filesystem on it available, and import the directory it is mounted on",
            "%s is %s", M.describe(self.name, partition), what)
    end
end

---@param partition sdme.Partition
---@return boolean
function M.can_mount(partition)
    return partition.filesystem ~= nil and FILESYSTEMS[partition.filesystem.type] ~= nil
end

-- One device for each partition: btrfs takes two with the same filesystem for a mistake.
local function attach(self, partition)
    local index <const> = partition.number or 0
    if not self.loops[index] then
        ensure(self, partition.offset, partition.size)
        self.loops[index] = fault.context(M.describe(self.name, partition))(core.disk.attach {
            file = self.disk, offset = partition.offset, size = partition.size,
        })
    end
    return fault.check(self.loops[index]:path())
end

---Mounts a partition read-only.
---@param partition sdme.Partition
---@param options table<string, string|true>? besides those that all of its kind get
---@return userdata? mount a descriptor of the detached mount
---@return string? message
---@return string? code
function Partitions:mount(partition, options)
    local filesystem <const> = FILESYSTEMS[partition.filesystem.type]
    local all <const> = {}
    for _, set in ipairs { filesystem.options, options or {} } do
        for key, value in pairs(set) do
            all[key] = value
        end
    end
    return core.mount.filesystem {
        type = filesystem.type, source = attach(self, partition), options = all,
    }
end

---Whether a partition that was mounted has changes in its journal, which aren't seen since mounting
---it wrote nothing.
---@param partition sdme.Partition
---@return boolean
function Partitions:needs_replay(partition)
    return core.disk.needs_replay(self.disk, {
        type = partition.filesystem.type, offset = partition.offset, size = partition.size,
    }) == true
end

function Partitions:close()
    for _, loop in pairs(self.loops) do
        loop:close()
    end
    self.loops = {}
end
Partitions.__close = Partitions.close
Partitions.__gc = Partitions.close

return M
