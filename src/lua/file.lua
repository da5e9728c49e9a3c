---@meta

---Files and directories. Regular files are read and written whole; nothing here hangs on a fifo.
---@class sdme.core.file
local file = {}

---@class sdme.file.RootOptions
---@field root sdme.AnyDescriptor? a directory that the path counts from; nothing leads out of it
---  then, neither `..` nor any symlink

---@class sdme.file.Options: sdme.file.RootOptions
---@field follow boolean? whether a symlink at the end of the path is followed: to read, list and
---  open
---  it usually is, to look at and change what is there it isn't

---@class sdme.file.OwnerOptions: sdme.file.RootOptions
---@field uid integer? its owner; else as it comes
---@field gid integer? its group; else as it comes

---@class sdme.file.ReadOptions: sdme.file.Options
---@field max integer? how many bytes it may have; 1 MiB

---The content of a regular file; `EFBIG` if it has more than `max` bytes.
---@param path string the file
---@param options sdme.file.ReadOptions? how it is read
---@return string content
function file.read(path, options) end

---A descriptor of a regular file, to read from.
---@param path string the file
---@param options sdme.file.Options? where it is
---@return sdme.Descriptor descriptor
function file.open(path, options) end

---@class sdme.file.WriteOptions: sdme.file.OwnerOptions
---@field mode sdme.Mode? its mode; `"0644"`
---@field sync boolean? whether it is on the disk before this returns; true
---@field exclusive boolean? whether this fails with `EEXIST` if there is one; false

---Writes a file by another name and renames it: whatever happens, there is the old file or the new
---one.
---
---```lua
---local path <const> = os.tmpname()
---assert(core.file.write(path, "hello", { mode = "0600" }))
---print(core.file.read(path))
---assert(core.file.remove(path))
---```
---@param path string the file
---@param data string its content
---@param options sdme.file.WriteOptions? how it is made
---@return true done
function file.write(path, data, options) end

---The names in a directory.
---@param path string the directory
---@param options sdme.file.Options? where it is
---@return string[] names sorted
---@return table<string, string> types the type of each, as in `stat`
function file.list(path, options) end

---@class sdme.file.Stat
---@field type "file"|"directory"|"symlink"|"character"|"block"|"fifo"|"socket" what it is
---@field size integer in bytes
---@field mode integer the permissions
---@field uid integer its owner
---@field gid integer its group
---@field links integer how many names it has
---@field inode integer its number on the filesystem
---@field mtime integer when it was changed, in seconds since 1970
---@field mtime_nsec integer and nanoseconds
---@field device integer the number of the filesystem
---@field mount integer the number of the mount
---@field major integer? of a device node
---@field minor integer? of a device node

---What is at a path.
---
---```lua
---local names, types = core.file.list "/"
---print(#names, types.etc, core.file.stat("/etc").uid)
---```
---@param path string where to look
---@param options sdme.file.Options? where it is
---@return sdme.file.Stat about
function file.stat(path, options) end

---Whether there is something at a path; fails where that can't be told.
---@param path string where to look
---@param options sdme.file.Options? where it is
---@return boolean exists
function file.exists(path, options) end

---@class sdme.file.Filesystem
---@field type string|integer its name, or its magic number
---@field size integer in bytes
---@field free integer bytes that are left for those who aren't root
---@field files_free integer how many files can be made

---The filesystem that a path is on.
---
---```lua
---print(core.file.statfs("/").type, core.file.exists "/etc/passwd")
---```
---@param path string where to look
---@param options sdme.file.RootOptions? where it is
---@return sdme.file.Filesystem about
function file.statfs(path, options) end

---@class sdme.file.MkdirOptions: sdme.file.OwnerOptions
---@field mode sdme.Mode? its mode; `"0755"`
---@field parents boolean? whether those above it are made too, and it is fine if it is there; false

---Makes a directory.
---@param path string the directory
---@param options sdme.file.MkdirOptions? how it is made
---@return true done
function file.mkdir(path, options) end

---@class sdme.file.SymlinkOptions: sdme.file.OwnerOptions
---@field replace boolean? whether what is there is replaced; false

---Makes a symlink.
---@param target string where it leads
---@param path string where it is
---@param options sdme.file.SymlinkOptions? how it is made
---@return true done
function file.symlink(target, path, options) end

---The target of a symlink as it is written.
---@param path string the symlink
---@param options sdme.file.RootOptions? where it is
---@return string target
function file.readlink(path, options) end

---@class sdme.file.MknodOptions: sdme.file.OwnerOptions
---@field major integer? the number of the driver; 0
---@field minor integer? the number of the device; 0
---@field mode sdme.Mode? its mode; `"0600"`

---Makes a device node, a fifo or a socket.
---@param path string where it will be
---@param type "character"|"block"|"fifo"|"socket" what it is
---@param options sdme.file.MknodOptions? how it is made
---@return true done
function file.mknod(path, type, options) end

---Makes what tells overlayfs that nothing is there.
---@param path string where nothing shall be
---@param options sdme.file.RootOptions? where it is
---@return true done
function file.whiteout(path, options) end

---Removes one file or empty directory.
---@param path string what to remove
---@param options sdme.file.RootOptions? where it is
---@return true done
function file.remove(path, options) end

---@class sdme.file.RenameOptions: sdme.file.RootOptions
---@field replace boolean? whether what is there is replaced; true
---@field exchange boolean? whether the two change places; false
---@field sync boolean? whether it is on the disk before this returns; false

---Renames what is at a path.
---@param from string its path
---@param to string the new one
---@param options sdme.file.RenameOptions? how
---@return true done
function file.rename(from, to, options) end

---A descriptor to read and write a new file, mode 0600, which will be `path`, and has no name until
---then: nothing is left of it if this process is killed. `EOPNOTSUPP` where the filesystem has no
---such files.
---@param path string where it will be
---@param options sdme.file.RootOptions? where that is
---@return sdme.Descriptor descriptor
function file.nameless(path, options) end

---@class sdme.file.LinkOptions: sdme.file.RootOptions
---@field replace boolean? whether what is there is replaced; else that is `EEXIST`
---@field sync boolean? whether the name is on the disk before this returns; false

---Gives a file without a name its name.
---
---```lua
---do
---    local file <close> = assert(core.file.nameless "/tmp/linked")
---    assert(core.file.link(file, "/tmp/linked", { replace = true }))
---end
---print(core.file.stat("/tmp/linked").size, core.file.remove "/tmp/linked")
---```
---@param descriptor sdme.AnyDescriptor what `nameless` gave
---@param path string its name
---@param options sdme.file.LinkOptions? how
---@return true done
function file.link(descriptor, path, options) end

---A descriptor of a directory, for `root`.
---
---```lua
---local tree <const> = "/var/tmp/example"
---assert(core.file.mkdir(tree .. "/a/b", { parents = true }))
---local root <close> = assert(core.file.open_directory(tree))
---assert(core.file.symlink("/etc", "out", { root = root }))
---print(core.file.stat("out/passwd", { root = root }))
---assert(core.tree.remove(tree))
---```
---@param path string the directory
---@param options sdme.file.Options? where it is
---@return sdme.Descriptor descriptor
function file.open_directory(path, options) end

---Changes the owner.
---@param path string whose owner
---@param uid integer the new one; -1 keeps it
---@param gid integer the new group; -1 keeps it
---@param options sdme.file.Options? where it is
---@return true done
function file.chown(path, uid, gid, options) end

---Changes the mode.
---@param path string whose mode
---@param mode sdme.Mode the new one
---@param options sdme.file.Options? where it is
---@return true done
function file.chmod(path, mode, options) end

---The value of an extended attribute; `ENODATA` if there is none.
---@param path string whose attribute
---@param name string of the attribute
---@param options sdme.file.Options? where it is
---@return string value
function file.get_attribute(path, name, options) end

---Sets an extended attribute.
---@param path string whose attribute
---@param name string of the attribute
---@param value string any bytes
---@param options sdme.file.Options? where it is
---@return true done
function file.set_attribute(path, name, value, options) end

---Takes an extended attribute away; `ENODATA` if there is none.
---@param path string whose attribute
---@param name string of the attribute
---@param options sdme.file.Options? where it is
---@return true done
function file.remove_attribute(path, name, options) end

---The names of all extended attributes.
---@param path string whose attributes
---@param options sdme.file.Options? where it is
---@return string[] names sorted
function file.list_attributes(path, options) end

---Has all of the filesystem that a directory is on written to the disk.
---@param path string the directory
---@param options sdme.file.RootOptions? where it is
---@return true done
function file.sync(path, options) end

---The same as `sync`, in the background.
---
---```lua
---assert(sdme.task.await(assert(core.file.flush "/tmp")))
---```
---@param path string the directory
---@param options sdme.file.RootOptions? where it is
---@return sdme.Pending pending ends with true
function file.flush(path, options) end

---The same as `sync`, by a process that outlives this one. Once everything is on the disk it takes
---the file that says it may not be out of some directories.
---
---```lua
---assert(core.file.mkdir("/tmp/new/one", { parents = true }))
---assert(core.file.write("/tmp/new/one/unwritten", ""))
---assert(core.file.write_out("/tmp/new", { "one" }, "unwritten"))
---```
---@param path string a directory
---@param names string[] directories in it
---@param mark string the file in them
---@param options sdme.file.RootOptions? where it is
---@return true done that it has begun
function file.write_out(path, names, mark, options) end
