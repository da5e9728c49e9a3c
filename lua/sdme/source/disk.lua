-- The root filesystem on a disk image, with what its fstab mounts into it from the same disk.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local fstab <const> = require "sdme.source.fstab"
local partition <const> = require "sdme.source.partition"
local partition_type <const> = require "sdme.source.partition_type"

local file <const>, tree <const> = core.file, core.tree

local M <const> = {}

-- Where distributions keep the root in a btrfs that has no default subvolume.
local SUBVOLUMES <const> = { "root", "@", "@rootfs" }

-- A system without one of these is none; a container boots without all the others.
local NEEDED <const> = { ["/usr"] = true, ["/var"] = true }

-- What no filesystem of a disk is mounted on.
local NO_MOUNT_POINTS <const> = { ["/"] = true, ["/proc"] = true, ["/sys"] = true, ["/dev"] = true,
    ["/run"] = true }

-- How fstab names a partition: what of it has to be equal.
local NAMED <const> = {
    uuid = function(it) return it.filesystem and it.filesystem.uuid end,
    label = function(it) return it.filesystem and it.filesystem.label end,
    partuuid = function(it) return it.uuid end,
    partlabel = function(it) return it.name end,
}

-- How the kernel calls the partitions of its first disk.
local DEVICES <const> = {
    "^/dev/[hsv]da(%d+)$", "^/dev/xvda(%d+)$", "^/dev/nvme0n1p(%d+)$", "^/dev/mmcblk0p(%d+)$",
}

---@class sdme.source.Mount
---@field path string where it belongs: "/" first, then outer ones before inner ones
---@field mount userdata a descriptor of the detached mount
---@field partition sdme.Partition

---@class sdme.source.Disk
---@field mounts sdme.source.Mount[]
---@field left_out { path: string, source: string, why: string }[] what of fstab isn't there
---@field stale string[] a line for each filesystem that wasn't unmounted
---@field partitions sdme.Partitions
local Disk <const> = {}
Disk.__index = Disk

local function note_stale(self, of)
    for _, mounted in ipairs(self.mounts) do
        if mounted.partition == of then
            return
        end
    end
    if self.partitions:needs_replay(of) then
        self.stale[#self.stale + 1] = ("%s was in use: what is only in the journal of its %s"
            .. " is left out"):format(partition.describe(self.name, of), of.filesystem.type)
    end
end

local function add(self, path, mount, of)
    note_stale(self, of)
    self.mounts[#self.mounts + 1] = { path = path, mount = mount, partition = of }
end

-- /etc/os-release is mostly a link to the other, which may be on another partition.
local function has_os_release(mount)
    return file.exists("/etc/os-release", { root = mount })
        or file.exists("/usr/lib/os-release", { root = mount })
end

local function mount_checked(self, of, options)
    return fault.context(partition.describe(self.name, of))(self.partitions:mount(of, options))
end

-- A mount of the root filesystem in a partition, if there is one in it.
local function find_root_in(self, of)
    local mount <const>, message <const>, code <const> = self.partitions:mount(of)
    if not mount then
        return nil, message, code
    elseif has_os_release(mount) then
        return mount
    end
    mount:close()
    for _, subvolume in ipairs(of.filesystem.type == "btrfs" and SUBVOLUMES or {}) do
        local inner <const> = self.partitions:mount(of, { subvol = subvolume })
        if inner and has_os_release(inner) then
            return inner
        elseif inner then
            inner:close()
        end
    end
    return nil
end

local function with_type(self, mount_point)
    local found <const> = {}
    for _, one in ipairs(self.partitions.list) do
        if partition_type.mount_point(one.type, self.architecture) == mount_point then
            found[#found + 1] = one
        end
    end
    return found
end

-- Those that may hold a root filesystem, the largest first: it is rarely a small one, and of an
-- image that is compressed, each one that is looked into has to be expanded.
local function candidates(self)
    local found <const> = {}
    for _, one in ipairs(self.partitions.list) do
        if partition.can_mount(one) and one.filesystem.type ~= "vfat" then
            found[#found + 1] = one
        end
    end
    table.sort(found, function(a, b)
        return a.size > b.size or a.size == b.size and a.offset < b.offset
    end)
    return found
end

local function no_root(self, failures)
    local any = false
    for _, one in ipairs(self.partitions.list) do
        self.partitions:refuse(one)
        any = any or one.filesystem ~= nil
    end
    if not any then
        fault.raise("EFORMAT", nil, "%s: there is no filesystem on it that is known", self.name)
    end
    error(fault.new {
        message = self.name .. ": no filesystem on it has an /etc/os-release", code = "ENOENT",
        details = failures,
    }, 0)
end

-- What can't be but the root: a filesystem that is the whole disk, or a partition of that type.
local function find_declared_root(self)
    local first <const> = self.partitions.list[1]
    local declared <const> = first.number and with_type(self, "/") or { first }
    for _, one in ipairs(declared) do
        self.partitions:refuse(one)
        if partition.can_mount(one) then
            return find_root_in(self, one) or mount_checked(self, one), one
        end
    end
    return nil
end

local function find_root(self)
    local declared <const>, where <const> = find_declared_root(self)
    if declared then
        return declared, where
    end
    local failures <const> = {}
    for _, one in ipairs(candidates(self)) do
        local mount <const>, message <const> = find_root_in(self, one)
        if mount then
            return mount, one
        elseif message then
            failures[#failures + 1] = partition.describe(self.name, one) .. ": " .. message
        end
    end
    no_root(self, failures)
end

-- What fstab's first field means: which property, and its value; nil if it is no device.
local function parse_source(source)
    local tag <const>, value <const> = source:match "^(%u+)=(.+)$"
    if tag and NAMED[tag:lower()] then
        return tag:lower(), (value:gsub('^"(.*)"$', "%1"))
    end
    local link <const>, name <const> = source:match "^/dev/disk/by%-(%l+)/(.+)$"
    if link and NAMED[link] then
        return link, name
    end
    for _, pattern in ipairs(DEVICES) do
        local number <const> = source:match(pattern)
        if number then
            return "number", math.tointeger(tonumber(number))
        end
    end
    return source:find "^/dev/" and "unknown" or nil
end

local function is_named(one, property, value)
    if property == "number" then
        return one.number == value
    end
    local get <const> = NAMED[property]
    local own <const> = get and get(one)
    return own ~= nil and own:lower() == value:lower()
end

local function find_partition(self, property, value)
    for _, one in ipairs(self.partitions.list) do
        if is_named(one, property, value) then
            return one
        end
    end
    return nil
end

-- What of fstab's options chooses what is mounted, and not how.
local function subvolume_of(entry, of)
    if of.filesystem.type ~= "btrfs" then
        return nil
    end
    local chosen <const> = {}
    for _, key in ipairs { "subvol", "subvolid" } do
        local value <const> = entry.options[key]
        chosen[key] = type(value) == "string" and value ~= "" and value or nil
    end
    return chosen
end

local function leave_out(self, entry, why)
    if NEEDED[entry.path] and not entry.options.nofail then
        fault.raise("EUNSUPPORTED", nil, "%s: its fstab mounts %s from %s: %s", self.name,
            entry.path, entry.source, why)
    end
    self.left_out[#self.left_out + 1] = { path = entry.path, source = entry.source, why = why }
end

local function mount_entry(self, entry, of)
    if not of then
        return leave_out(self, entry, "it isn't on this disk")
    elseif not partition.can_mount(of) then
        return leave_out(self, entry, ("its filesystem is %s"):format(
            of.filesystem and of.filesystem.type or "none that is known"))
    end
    local mount <const>, message <const>, code <const> =
        self.partitions:mount(of, subvolume_of(entry, of))
    if not mount then
        return leave_out(self, entry, code == "EUNSUPPORTED"
            and "this kernel has no " .. of.filesystem.type or message)
    end
    add(self, entry.path, mount, of)
end

-- A path that is mounted twice shows what was mounted last.
local function entries_of_disk(self)
    local by_path <const>, paths <const> = {}, {}
    for _, entry in ipairs(fstab.read(self.mounts[1].mount, self.name)) do
        local property <const>, value <const> = parse_source(entry.source)
        local top <const> = entry.path:match "^/[^/]*"
        if property and entry.type ~= "swap" and not NO_MOUNT_POINTS[top]
            and not entry.options.noauto then
            paths[#paths + 1] = not by_path[entry.path] and entry.path or nil
            by_path[entry.path] = { entry = entry, of = find_partition(self, property, value) }
        end
    end
    table.sort(paths)
    return by_path, paths
end

local function is_empty(self, path)
    local names <const> = file.list(path, { root = self.mounts[1].mount, follow = false })
    return names == nil or #names == 0
end

-- Where fstab says nothing of them, the types of partitions do, as systemd-gpt-auto-generator(8).
local function mount_by_type(self, taken)
    for _, path in ipairs { "/home", "/srv", "/usr" } do
        local of <const> = with_type(self, path)[1]
        if of and not taken[path] and is_empty(self, path) then
            mount_entry(self, { path = path, source = "its type", options = {} }, of)
        end
    end
end

local function mount_all(self)
    local root <const>, of <const> = find_root(self)
    add(self, "/", root, of)
    local by_path <const>, paths <const> = entries_of_disk(self)
    for _, path in ipairs(paths) do
        mount_entry(self, by_path[path].entry, by_path[path].of)
    end
    mount_by_type(self, by_path)
    table.sort(self.mounts, function(a, b) return a.path < b.path end)
end

---Finds the root filesystem on a disk and mounts it, and what belongs into it, read-only and where
---nobody else sees it.
---@param disk any a descriptor of a regular file or block device
---@param options { name: string?, reader: table?, architecture: string? }? see partition.open;
--- the architecture as in /proc/sys/kernel/arch
---@return sdme.source.Disk to be closed: then nothing of it is left
function M.open(disk, options)
    options = options or {}
    local name <const> = options.name or "the disk"
    local self <const> = setmetatable({
        name = name, mounts = {}, left_out = {}, stale = {},
        architecture = options.architecture or partition_type.architecture(),
        partitions = partition.open(disk, { name = name, reader = options.reader }),
    }, Disk)
    local ok <const>, raised <const> = xpcall(mount_all, fault.catch, self)
    if not ok then
        self:close()
        error(raised, 0)
    end
    return self
end

---The whole tree, unless it comes from several filesystems.
---@return userdata? descriptor of its root, open as long as the disk is
function Disk:whole()
    return #self.mounts == 1 and self.mounts[1].mount or nil
end

-- Where others are mounted, whose files come there instead.
local function mount_points_in(self, entry)
    local paths <const> = {}
    for _, other in ipairs(self.mounts) do
        local inner <const> = other.path:sub(#entry.path + (entry.path == "/" and 1 or 2))
        if other ~= entry and inner ~= ""
            and (entry.path == "/" or other.path:sub(1, #entry.path + 1) == entry.path .. "/") then
            paths[#paths + 1] = inner
        end
    end
    return paths
end

-- The directory that ext4 makes for itself, while nothing was found.
local function own_directories(entry)
    local found <const> = file.list("lost+found", { root = entry.mount, follow = false })
    if found and #found == 0 and entry.partition.filesystem.type:find "^ext" then
        return { "lost+found" }
    end
    return nil
end

local function copy_mount(self, entry, target, options, more)
    return fault.context(self.name)(tree.copy("/", target, {
        source_root = entry.mount, exclude = own_directories(entry),
        exclude_content = mount_points_in(self, entry), shift = options.shift,
        threads = options.threads, target_root = more and more.root, into = more and more.into,
    }))
end

-- A mount point that is there keeps its place, and so its parent the time of its last change.
local function copy_into(self, entry, root, options)
    local check <const> = fault.context(self.name)
    local names <const> = file.list(entry.path, { root = root, follow = false })
    local into <const> = names ~= nil and #names == 0
    if not into and file.exists(entry.path, { root = root }) then
        check(tree.remove(entry.path, { root = root }))
    elseif not into then
        local parent <const> = entry.path:match "^(.+)/[^/]+$"
        if parent then
            check(file.mkdir(parent, { parents = true, root = root }))
        end
    end
    return copy_mount(self, entry, entry.path, options, { root = root, into = into })
end

---Copies the whole tree to a path, which must not exist; whatever fails, nothing is left of it.
---@param target string
---@param options { shift: table?, threads: integer? }? as core.tree.copy takes them
---@return { size: integer, files: integer, directories: integer }
function Disk:copy(target, options)
    options = options or {}
    local total <const> = copy_mount(self, self.mounts[1], target, options)
    local ok <const>, raised <const> = xpcall(function()
        local root <close> = fault.check(file.open_directory(target))
        for i = 2, #self.mounts do
            for what, count in pairs(copy_into(self, self.mounts[i], root, options)) do
                total[what] = total[what] + count
            end
        end
    end, fault.catch)
    if not ok then
        tree.remove(target)
        error(raised, 0)
    end
    return total
end

function Disk:close()
    for i = #self.mounts, 1, -1 do
        self.mounts[i].mount:close()
    end
    self.mounts = {}
    self.partitions:close()
end
Disk.__close = Disk.close

return M
