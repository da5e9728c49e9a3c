---@meta

---Pipes, and what goes through them.
---@class sdme.core.stream
local stream = {}

---@class sdme.stream.PipeOptions
---@field size integer? bytes that it takes before it is read, where the host allows so many; 65536

---A pipe.
---@param options sdme.stream.PipeOptions? of what kind
---@return sdme.Descriptor from to read from
---@return sdme.Descriptor to to write to
function stream.pipe(options) end

---Reads what is there, again and again: each time it is awaited it ends with some bytes, at the end
---with `""`.
---@param descriptor sdme.AnyDescriptor what to read
---@return sdme.Pending pending ends with the bytes
function stream.chunks(descriptor) end

---@class sdme.stream.ReaderOptions
---@field max integer? how many bytes there may be; 64 MiB

---Reads up to the end; `EFBIG` if there are more than `max` bytes.
---@param descriptor sdme.AnyDescriptor what to read
---@param options sdme.stream.ReaderOptions? how much
---@return sdme.Pending pending ends with the bytes
function stream.reader(descriptor, options) end

---@class sdme.stream.WriterOptions
---@field close boolean? whether the descriptor is closed then; true

---Writes all of a string.
---@param descriptor sdme.AnyDescriptor where to
---@param data string any bytes
---@param options sdme.stream.WriterOptions? how
---@return sdme.Pending pending ends with the number of bytes
function stream.writer(descriptor, data, options) end

---@class sdme.stream.RelayOptions
---@field from sdme.AnyDescriptor what to read
---@field to sdme.AnyDescriptor where to write
---@field close boolean? whether `to` is closed then; false

---Moves bytes until the end.
---
---```lua
---local from, to = core.stream.pipe()
---print(task.all(function()
---    return task.await(core.stream.writer(to, "hello"))
---end, function()
---    return task.await(core.stream.reader(from))
---end))
---```
---@param options sdme.stream.RelayOptions between which
---@return sdme.Pending pending ends with the number of bytes
function stream.relay(options) end
