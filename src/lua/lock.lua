---@meta

---Locks on files, which go with the process that holds them.
---@class sdme.core.lock
local lock = {}

---@class sdme.lock.Options
---@field shared boolean? whether others may have it, too, who want to share it; false

---Takes a lock, and makes the file for it. `EAGAIN` if another holds it. An exclusive lock that is
---given back takes the file away.
---
---```lua
---local path <const> = os.tmpname()
---do
---    local lock <close> = assert(core.lock.acquire(path))
---    print(core.lock.holder(path))
---end
---print(core.lock.holder(path))
---```
---@param path string the file
---@param options sdme.lock.Options? how it is taken
---@return sdme.Lock lock
function lock.acquire(path, options) end

---The process that holds a lock.
---@param path string its file
---@return integer? pid nil if nobody does
function lock.holder(path) end

---A lock that is held.
---@class sdme.Lock
local Lock = {}

---Gives it back.
function Lock:close() end
