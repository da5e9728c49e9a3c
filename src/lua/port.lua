---@meta

---Ports of ours that lead into another network namespace, without a route or a firewall rule.
---@class sdme.core.port
local port = {}

---A socket that listens.
---@param protocol "tcp"|"udp" which
---@param address string of this host
---@param port integer its port; 0 for one that is free
---@return sdme.Descriptor socket
---@return integer port
function port.listen(protocol, address, port) end

---@class sdme.port.Socket
---@field descriptor sdme.Descriptor the socket
---@field protocol "tcp"|"udp" what it is for
---@field address string at which it listens
---@field port integer its port

---The sockets that systemd listened on for us, `sd_listen_fds`(3).
---@return sdme.port.Socket[] sockets
function port.activated() end

---Whether connections of this host may need nobody who forwards, see `link` of the options of
---`forward`; fails with "EUNSUPPORTED" where the kernel can't have that, and with "EPERM" for who
---isn't root.
---
---```lua
---print(core.port.check_redirect())
---```
---@return true able
function port.check_redirect() end

---@class sdme.port.ForwardOptions
---@field netns sdme.AnyDescriptor the namespace
---@field ports [sdme.AnyDescriptor, integer][] sockets, each with the port in there
---@field process integer? the process with whose end this ends
---@field idle number? seconds without a client after which this ends; never without
---@field link integer? the interface of this host whose other end is in the namespace: connections
---  take it where they can, and whoever on this host connects by IPv4 does so without us then
---@field direct number? seconds for which they do, until it is looked at again; 60
---@field silence number? seconds after which a client of UDP is forgotten; 120
---@field connections integer? how many at once; 1024
---@field flows integer? how many clients of UDP at once; 512

---Forwards clients into a namespace.
---
---```lua
---local netns <close> = assert(core.netns.create())
---local socket, port = assert(core.port.listen("tcp", "127.0.0.1", 0))
---local options <const> = { netns = netns, ports = { { socket, 80 } }, idle = 0.01 }
---local forward <close> = assert(core.port.forward(options))
---print(port, forward:clients(), task.await(forward))
---```
---@param options sdme.port.ForwardOptions which
---@return sdme.port.Forward pending ends with `"idle"` or `"ended"`
function port.forward(options) end

---Ports that are being forwarded.
---@class sdme.port.Forward: sdme.Pending
local Forward = {}

---How many clients there are: connections, and clients of UDP.
---@return integer clients
function Forward:clients() end
