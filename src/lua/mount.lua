---@meta

---Mounts as descriptors. A detached mount is seen by whoever holds its descriptor, and is gone with
---it.
---@class sdme.core.mount
local mount = {}

---@class sdme.mount.CloneOptions
---@field recursive boolean? whether what is mounted below comes too; false
---@field map_owners sdme.AnyDescriptor? a user namespace that maps its owners; `EUNSUPPORTED` if
---  the
---  filesystem can't
---@field read_only boolean? false
---@field inert boolean? read-only, with devices and setuid bits void; false

---A detached copy of a mount, with a path as its root.
---@param path string|sdme.AnyDescriptor the root
---@param options sdme.mount.CloneOptions? what it is like
---@return sdme.Descriptor mount
function mount.clone(path, options) end

---@class sdme.mount.FilesystemOptions
---@field type string `"ext4"` and the like
---@field source string? the block device
---@field options table<string, string|true>? of the filesystem
---@field read_only boolean? true
---@field inert boolean? whether devices, setuid bits and programs in it are void; true

---Mounts the filesystem on a block device where nobody else sees it. `EUNSUPPORTED` if the kernel
---doesn't have it.
---@param options sdme.mount.FilesystemOptions which, and what it is like
---@return sdme.Descriptor mount
function mount.filesystem(options) end

---Puts a detached mount on a path, or on what a descriptor is of.
---@param mount sdme.AnyDescriptor the mount
---@param target string|sdme.AnyDescriptor where it goes
---@return true done
function mount.attach(mount, target) end

---Gives this process a mount namespace of its own: mounts of the host come in, none goes out.
---@return true done
function mount.unshare() end

---@class sdme.mount.Mount
---@field id integer its number
---@field parent integer that of the mount that it is on
---@field root string what of its filesystem is there
---@field target string where it is
---@field options string as mountinfo has them
---@field type string of the filesystem
---@field source string what is mounted

---The mounts that we see.
---
---```lua
---local view <close> = assert(core.mount.clone("/etc", { inert = true }))
---print(core.file.read("hostname", { root = view }))
---print(core.mount.list()[1].target)
---```
---@return sdme.mount.Mount[] mounts
function mount.list() end
