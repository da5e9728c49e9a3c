---@meta

---Connections to servers in other network namespaces.
---@class sdme.core.connection
local connection = {}

---Connects to a TCP port.
---
---```lua
---local netns <close> = assert(core.netns.create())
---assert(core.netns.loopback_up(netns))
---print(task.await(core.connection.open(netns, "127.0.0.1", 80)))
---```
---@param netns sdme.AnyDescriptor the namespace
---@param address string in it, in digits
---@param port integer 1 to 65535
---@return sdme.Pending pending ends with a descriptor; `ECONNREFUSED` where nobody listens
function connection.open(netns, address, port) end
