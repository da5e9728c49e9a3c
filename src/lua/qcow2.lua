---@meta

---QCOW2 disk images, read and written in process: versions 2 and 3, compressed clusters (zlib,
---zstd), extended L2 entries. Encryption, external data files and features that are newer are
---refused by name (`EUNSUPPORTED`), and what breaks the format is `EFORMAT`.
---@class sdme.core.qcow2
local qcow2 = {}

---@class sdme.qcow2.OpenOptions
---@field file sdme.AnyDescriptor the image; it may be closed afterwards
---@field name string? for messages; `"the image"`
---@field backing sdme.AnyDescriptor? the image's directory, where a backing file must be under a
---  plain name, in the format that the image states (raw or qcow2); else that is `EPERM`

---Opens an image to read it.
---@param options sdme.qcow2.OpenOptions which
---@return sdme.qcow2.Image image
function qcow2.open(options) end

---@class sdme.qcow2.CreateOptions
---@field input sdme.AnyDescriptor the raw disk
---@field output sdme.AnyDescriptor an empty file
---@field name string? for messages; `"the image"`
---@field size integer? bytes of the disk; the input's without, and more adds zeros
---@field compression "zlib"|"zstd"|nil none without
---@field level integer? how hard to compress
---@field cluster_size integer? in bytes; 65536
---@field threads integer? as many as processors without

---Writes an image of a raw disk. The same input gives the same image, whatever the threads.
---
---```lua
---local disk <close> = assert(io.tmpfile())
---assert(disk:write(("hello"):rep(100000)))
---disk:flush()
---local file <close> = assert(io.tmpfile())
---local back <close> = assert(io.tmpfile())
---print(task.await(core.qcow2.create { input = disk, output = file, compression = "zstd" }).size)
---local image <close> = assert(core.qcow2.open { file = file })
---print(image:info().size, image:read(0, 5), task.await(image:extract { output = back }).written)
---```
---@param options sdme.qcow2.CreateOptions what and how
---@return sdme.qcow2.Conversion pending ends with `{ size= }` of the image
function qcow2.create(options) end

---An open image.
---@class sdme.qcow2.Image
local Image = {}

---@class sdme.qcow2.Info
---@field version integer 2 or 3
---@field size integer bytes of the disk
---@field cluster_size integer in bytes
---@field refcount_bits integer of each cluster
---@field compression string of compressed clusters
---@field backing_file string? the image below it
---@field backing_format string? and its format
---@field snapshots integer how many it has
---@field dirty boolean whether it wasn't closed; it reads well
---@field corrupt boolean whether somebody marked it so; reading may fail
---@field lazy_refcounts boolean whether these may be behind
---@field extended_l2 boolean whether clusters have parts

---What its header says.
---@return sdme.qcow2.Info info
function Image:info() end

---A part of the disk, shorter at its end.
---@param offset integer where it begins
---@param size integer how many bytes, 16 MiB at most
---@return string bytes
function Image:read(offset, size) end

---@class sdme.qcow2.ExtractOptions
---@field output sdme.AnyDescriptor a file that has no data there yet
---@field offset integer? where in the disk it begins; 0
---@field size integer? how many bytes; to the end without
---@field output_offset integer? where in the file they go; as `offset`, so that parts of one disk
---  can go
---  to one file
---@field threads integer? as many as processors without

---Expands the disk, or a part of it, into a file. What reads as zeros stays a hole. If it fails or
---is closed, the file is as it was.
---@param options sdme.qcow2.ExtractOptions what and where to
---@return sdme.qcow2.Conversion pending ends with `{ written=, holes= }`
function Image:extract(options) end

---Closes it; an extraction goes on.
function Image:close() end

---An image that is being written or expanded.
---@class sdme.qcow2.Conversion: sdme.Pending
local Conversion = {}

---How far it is.
---@return integer done bytes of the disk
---@return integer all of them
function Conversion:progress() end
