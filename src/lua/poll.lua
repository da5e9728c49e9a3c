---@meta

---Waiting for descriptors, and the clock of it.
---@class sdme.core.poll
local poll = {}

---Waits until a descriptor is ready, or the time is over. An error or hang-up counts as ready.
---`EINTR` when a signal wants us to stop.
---@param entries [sdme.AnyDescriptor, "r"|"w"|"rw"][] what to wait for
---@param seconds number? how long; for ever without
---@return table<integer, true> ready the numbers of the entries that are ready
function poll.wait(entries, seconds) end

---One descriptor for all of them, readable when one is ready, or a signal wants us to stop: for a
---loop that isn't ours.
---
---```lua
---local set <close> = assert(core.poll.set { { 0, "r" }, { 1, "w" } })
---print(next(core.poll.wait({ { set, "r" } }, 1)))
---```
---@param entries [sdme.AnyDescriptor, "r"|"w"|"rw"][] what to wait for
---@return sdme.poll.Set set
function poll.set(entries) end

---The time of the monotonic clock.
---
---```lua
---local began <const> = core.poll.now()
---core.poll.wait({}, 0.01)
---print(core.poll.now() - began)
---```
---@return number seconds
function poll.now() end

---Several descriptors as one.
---@class sdme.poll.Set
local Set = {}

---Its number.
---@return integer number
function Set:fileno() end

---Makes it readable for good.
function Set:wake() end

---Closes it, and none of the others.
function Set:close() end
