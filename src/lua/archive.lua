---@meta

---Tar archives, unpacked and packed.
---@class sdme.core.archive
local archive = {}

---What an archive may hold.
---@class sdme.archive.Limits
---@field size integer? bytes of the files together
---@field entries integer? how many entries
---@field ratio integer? how many times the archive's size it may expand to
---@field window integer? what zstd may look back, in bytes
---@field path integer? bytes of each path
---@field depth integer? directories in each path

---@class sdme.archive.UnpackOptions
---@field input sdme.AnyDescriptor the archive, which is read to its end
---@field directory string|sdme.AnyDescriptor an empty directory
---@field whiteouts boolean? whether those of OCI layers become overlayfs's; false
---@field unmarked_end boolean? whether it takes an archive that lacks the zeros at its end, for who
---  checks its digest; false
---@field undigested boolean? whether a compressed one gets no `digest`; false
---@field compression "none"|"gzip"|"bzip2"|"xz"|"zstd"|"lz4"|nil told from the first bytes without
---@field threads integer? as many as processors without
---@field limits sdme.archive.Limits? what it may hold

---Unpacks a tar archive (v7, ustar, pax, GNU), plain or compressed. A child process does it that
---can reach nothing else; it is gone when the object is closed. Owners, modes, times, ACLs,
---extended attributes, hard links, holes, devices and fifos are kept; `security.selinux` and the
---like and what steers overlayfs are not. An ACL with a name that has no number is an error, since
---that name means somebody else here.
---
---Ends with `{ digest=, diff_id=, compression=, consumed=, size=, entries=, whiteouts=, implied=
---}`: `digest` is of the bytes read, `consumed` their number, `diff_id` is of the tar stream inside
---(both `"sha256:..."`), `whiteouts` is whether there were any, and `implied` has the directories
---that no entry is about, but that some lie in; of many, the first thousand. `EFORMAT` names the
---entry that is wrong, `EFBIG`, `ENAMETOOLONG` and (of the window) `ENOBUFS` the limit. What was
---unpacked by then stays.
---@param options sdme.archive.UnpackOptions what and how
---@return sdme.archive.Unpack pending
function archive.unpack(options) end

---An archive that is being unpacked.
---@class sdme.archive.Unpack: sdme.Pending
local Unpack = {}

---How far it is.
---@return integer bytes read so far
---@return integer entries begun so far
function Unpack:progress() end

---@class sdme.archive.PackOptions
---@field root sdme.AnyDescriptor the directory
---@field output sdme.AnyDescriptor a file, pipe or socket
---@field compression "none"|"gzip"|"zstd"|"bzip2"|"xz"|"lz4"|nil none without
---@field level integer? 1 to 9, of zstd 1 to 19; of gzip usually 6, zstd 3, bzip2 9, xz 4 and lz4 1
---@field threads integer? of gzip and zstd; as many as processors without
---@field shift integer? the first of the 65536 ids of a user namespace, which become 0 and up;
---  `EOVERFLOW` names a file with an id that isn't one of them
---@field whiteouts boolean? whether those of overlayfs are written as OCI layers have them; without
---  it
---  there must be none
---@field modified integer? what all later times become, in seconds since 1970
---@field exclude string[]? paths to leave out; a `*` as their last name stands for all that is
---  there
---@field sync boolean? whether a file is on the disk before the end; false
---@field one_filesystem boolean? whether what is mounted in there is left out; true

---Packs a directory into a tar archive (pax): `"./"` first, then all below it in the order of the
---bytes of the names, in each directory the files before the directories. All that `unpack` keeps
---is kept, and sockets are left out. The same tree gives the same bytes, however many threads there
---are. All of it stays below 64 MB, but for xz from level 5 on, and zstd from 7 on.
---
---Ends with `{ digest=, diff_id=, size=, entries= }`: `size` in bytes and `digest` are of what was
---written, `diff_id` is of the tar archive before it was compressed. `EBUSY` names a file that
---changed meanwhile. What was written by then stays.
---
---```lua
---assert(core.file.write("/var/tmp/empty.tar", ("\0"):rep(1024)))
---assert(core.file.mkdir "/var/tmp/layer")
---local input <close> = assert(core.file.open "/var/tmp/empty.tar")
---local layer <const> = assert(task.await(assert(core.archive.unpack {
---    input = input, directory = "/var/tmp/layer",
---})))
---print(layer.diff_id, layer.entries)
---
---local root <close> = assert(core.file.open_directory "/etc")
---local output <close> = assert(io.open("/var/tmp/empty.tar", "wb"))
---print(task.await(assert(core.archive.pack {
---    root = root, output = output, compression = "zstd", modified = 0,
---})).digest)
---assert(core.tree.remove "/var/tmp/layer")
---```
---@param options sdme.archive.PackOptions what and how
---@return sdme.archive.Pack pending
function archive.pack(options) end

---An archive that is being packed.
---@class sdme.archive.Pack: sdme.Pending
local Pack = {}

---How far it is.
---@return integer bytes of the archive so far, before it is compressed
---@return integer entries so far
function Pack:progress() end
