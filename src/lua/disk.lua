---@meta

---Disk images and block devices: what is on them, and how to get at it.
---@class sdme.core.disk
local disk = {}

---@class sdme.disk.ProbeOptions
---@field offset integer? where the range begins, in bytes; 0
---@field size integer? how many bytes; to the end without
---@field sector_size integer? in bytes; tries 512 and 4096 without
---@field table boolean? whether to look for a table of partitions, not for a filesystem alone; true
---@field filesystems boolean? whether to look into the partitions; true

---@class sdme.disk.Filesystem
---@field type string its name
---@field label string? what its owner calls it
---@field uuid string? its identity
---@field usage string? what it is for

---@class sdme.disk.Partition
---@field number integer in the table
---@field offset integer where it begins, in bytes
---@field size integer in bytes
---@field type string|integer a GUID, or a number in a DOS table
---@field name string? what its owner calls it
---@field uuid string? its identity
---@field flags integer as the table has them
---@field filesystem sdme.disk.Filesystem? what is on it

---@class sdme.disk.Content
---@field table "gpt"|"dos"|nil its table of partitions
---@field id string? of the table
---@field sector_size integer? in bytes
---@field partitions sdme.disk.Partition[]? but for extended ones
---@field filesystem sdme.disk.Filesystem? what is on a disk without partitions
---@field records integer[]? the places in extended partitions that say where logical ones are

---What a disk, or a range of it, holds. What isn't there is nil. `EFORMAT` for a table that lies.
---@param disk sdme.AnyDescriptor a file or a device
---@param options sdme.disk.ProbeOptions? where and what to look for
---@return sdme.disk.Content content
function disk.probe(disk, options) end

---The size of a disk.
---@param disk sdme.AnyDescriptor a file or a device
---@return integer bytes
function disk.size(disk) end

---@class sdme.disk.ReplayOptions
---@field type string of the filesystem
---@field offset integer? where it begins, in bytes; 0
---@field size integer? how many bytes; to the end without

---Whether the ext4 (ext3, ext2), xfs or btrfs in a range of the disk was in use when the disk was
---copied: a mount that writes nothing doesn't see what is only in its journal. False for all
---others, and for an xfs whose log is on another device. `EFORMAT` where there is no such
---filesystem.
---@param disk sdme.AnyDescriptor a file or a device
---@param options sdme.disk.ReplayOptions which filesystem
---@return boolean needed
function disk.needs_replay(disk, options) end

---Makes a file that long; what is added is a hole.
---@param disk sdme.AnyDescriptor a file
---@param bytes integer how long
---@return true done
function disk.resize(disk, bytes) end

---Has what was written on the disk, as `fsync`(2) does.
---@param disk sdme.AnyDescriptor a file or a device
---@return true done
function disk.sync(disk) end

---@class sdme.disk.AttachOptions
---@field file sdme.AnyDescriptor the file
---@field offset integer? where the range begins, in bytes; 0
---@field size integer? how many bytes; to the end without
---@field sector_size integer? in bytes; 512
---@field read_only boolean? true

---A loop device for a range of a file. It ends when neither the handle nor a mount has it.
---
---```lua
---local file <close> = assert(io.tmpfile())
---assert(core.disk.resize(file, 1 << 20))
---for _, partition in ipairs(assert(core.disk.probe(file)).partitions) do
---    print(partition.number, partition.type, (partition.filesystem or {}).type)
---end
---```
---@param options sdme.disk.AttachOptions which range
---@return sdme.disk.Loop loop
function disk.attach(options) end

---A loop device.
---@class sdme.disk.Loop
local Loop = {}

---Its path.
---@return string path `"/dev/loop0"`
function Loop:path() end

---The number of its descriptor.
---@return integer number
function Loop:fileno() end

---Gives it back.
function Loop:close() end
