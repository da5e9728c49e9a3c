---@meta

---Whole trees. No symlink in them is followed.
---@class sdme.core.tree
local tree = {}

---How owners move: ids from `from` on become those from `to` on.
---@class sdme.tree.Shift
---@field from integer? the first id; 0
---@field to integer? what it becomes; 0
---@field count integer? how many; 65536

---@class sdme.tree.CopyOptions
---@field source_root sdme.AnyDescriptor? a directory that the source counts from
---@field target_root sdme.AnyDescriptor? a directory that the target counts from
---@field shift sdme.tree.Shift? how owners move
---@field overlay boolean? whether `trusted.overlay.*` is copied too; false
---@field one_filesystem boolean? whether what is mounted in the source is left out; true
---@field exclude string[]? paths in the source that are left out
---@field exclude_content string[]? directories that become empty; the target may lie in one of them
---@field into boolean? whether it fills a directory that is there and empty; false
---@field merge boolean? whether the target may be there: a directory that is on both sides stays as
---  it is and gets what it lacks, also one behind a symlink, which `target_root` confines; anything
---  else replaces what is no directory there; false
---@field uid integer? whose all of it becomes; setuid bits, capabilities and ACLs stay behind then
---@field gid integer? and whose group
---@field mode sdme.Mode? of files, and of directories, which may be searched besides by whoever may
---  read them
---@field time integer? what everything gets, in seconds since 1970
---@field digest boolean? whether to tell the digest of what was written, as `digest` does; false
---@field threads integer? as many as processors without

---@class sdme.tree.Size
---@field size integer bytes of the files' content
---@field digest string? of all of it, where that was asked for
---@field allocated integer? bytes on the disk
---@field files integer how many files
---@field directories integer how many directories

---Copies a file or a directory and all below it to what must not exist: owners, modes, times, ACLs,
---extended attributes, hard links, holes; data is shared where the filesystem can. Whatever fails,
---nothing is left of the target.
---@param source string what to copy
---@param target string where to
---@param options sdme.tree.CopyOptions? how
---@return sdme.tree.Size copied
function tree.copy(source, target, options) end

---@class sdme.tree.DigestOptions
---@field root sdme.AnyDescriptor? a directory that the source counts from
---@field shift sdme.tree.Shift? how owners move
---@field one_filesystem boolean? whether what is mounted in the source is left out; true
---@field exclude string[]? paths in the source that are left out
---@field exclude_content string[]? directories that count as empty
---@field uid integer? whose all of it counts as
---@field gid integer? and whose group
---@field mode sdme.Mode? of files and directories, as `copy` has it
---@field threads integer? as many as processors without

---What `copy` with the same options would make. The digest is of names, types, modes, owners
---(unless the copy is given one), targets of links, devices, attributes, contents, and which names
---are of one file; times aren't in it, nor where the tree is. `EBUSY` names a file that changes
---meanwhile.
---@param source string a file or a directory
---@param options sdme.tree.DigestOptions? how it would be copied
---@return sdme.tree.Size size with the digest
function tree.digest(source, options) end

---@class sdme.tree.CompareOptions
---@field lower sdme.AnyDescriptor the tree without the upper directory
---@field upper sdme.AnyDescriptor the upper directory of an overlay
---@field shift sdme.tree.Shift? how the upper's owners move to the lower's
---@field paths string[]? all that is listed, with what is below
---@field hidden string[]? directories in which the lower counts as empty
---@field threads integer? as many as processors without

---What the upper directory of an overlay changes in what is below it. A deleted directory is one
---change, an added one is as many as there are files in it. A file that was copied up and is as
---before isn't listed. Of a moved directory (`from`), the changes since then are.
---@param options sdme.tree.CompareOptions what to compare
---@return sdme.Change[] changes by path
function tree.compare(options) end

---Removes a directory and all below it; `EBUSY` if something is mounted there.
---@param path string the directory, or a file
---@param options sdme.file.RootOptions? where it is
---@return true done
function tree.remove(path, options) end

---What a directory holds, on its filesystem.
---@param path string the directory
---@param options sdme.file.RootOptions? where it is
---@return sdme.tree.Size size
function tree.measure(path, options) end

---Gives the directory, and whatever below it was changed later, that time instead.
---@param path string the directory
---@param latest integer seconds since 1970
---@param options sdme.file.RootOptions? where it is
---@return integer changed how many files
function tree.clamp(path, latest, options) end

---@class sdme.tree.ShiftOptions: sdme.tree.Shift
---@field threads integer? as many as processors without
---@field root sdme.AnyDescriptor? a directory that the path counts from

---Changes the owners of a whole tree.
---
---```lua
---assert(core.tree.copy("/etc", "/var/tmp/example"))
---print(core.tree.measure("/var/tmp/example").files)
---print(core.tree.shift("/var/tmp/example", { from = 0, to = 65536 }) > 0)
---assert(core.tree.remove "/var/tmp/example")
---```
---@param path string the directory
---@param options sdme.tree.ShiftOptions how they move
---@return integer changed how many files
function tree.shift(path, options) end
