---@meta

---Processes that a container with a user namespace asks its host for, in a network that only the
---host can enter.
---@class sdme.core.broker
local broker = {}

---@class sdme.core.broker.Options
---@field connection sdme.AnyDescriptor a socket that keeps messages apart (SOCK_SEQPACKET)
---@field netns sdme.AnyDescriptor the network
---@field base integer the id on the host of the container's root
---@field count integer how many ids it has

---Serves one connection: has what is asked for run as a child of who asks would, but in another
---network. Fails with "EPERM" where that isn't root of the container. Waits for the other side, up
---to 10 seconds.
---@param options sdme.core.broker.Options whom to serve, and with what
---@return true served
function broker.serve(options) end

---The path that the socket of a connection is bound to.
---@param connection sdme.AnyDescriptor a unix socket
---@return string path
function broker.path(connection) end

---Whether the kernel has what it takes to serve; fails with "EUNSUPPORTED" where it lacks that.
---
---```lua
---print(core.broker.check())
---```
---@return true able
function broker.check() end

return broker
