---@meta

---Digests, and random bytes.
---@class sdme.core.digest
local digest = {}

---A digest that data is added to.
---@param algorithm "sha256"|"sha512" which
---@return sdme.Digest digest
function digest.new(algorithm) end

---Reads a file in the background.
---@param file string|sdme.AnyDescriptor a regular file, or a descriptor of one, read from where it
---  is
---@param algorithm "sha256"|"sha512"|nil sha256 without
---@param options sdme.file.Options? where it is
---@return sdme.Pending pending ends with the digest in hex, and the size of the file
function digest.file(file, algorithm, options) end

---Random bytes, fit for keys.
---
---```lua
---local digest <close> = assert(core.digest.new "sha256")
---print(digest:update("he"):update("llo"):hex(), #core.digest.random(16))
---print(task.await(core.digest.file "/etc/passwd"))
---```
---@param count integer how many; 1 MiB at most
---@return string bytes
function digest.random(count) end

---A digest of what was added so far.
---@class sdme.Digest
local Digest = {}

---Adds data.
---@param data string any bytes
---@return sdme.Digest digest itself
function Digest:update(data) end

---The digest of all data so far, in lower case; more may follow.
---@return string hex
function Digest:hex() end

---The same, as it is.
---@return string bytes
function Digest:bytes() end

---Frees it.
function Digest:close() end
