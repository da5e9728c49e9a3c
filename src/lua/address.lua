---@meta

---The addresses that network interfaces have.
---@class sdme.core.address
local address = {}

---@class sdme.core.AddressListOptions
---@field netns sdme.AnyDescriptor? a namespace; the caller's without

---@class sdme.core.LinkAddress
---@field address string with the length of its network: "192.0.2.1/24", "2001:db8::1/64"
---@field network string the network that it is in: "192.0.2.0/24", "2001:db8::/64"
---@field link string the name of the interface
---@field index integer the number of the interface

---The addresses of a namespace, but for those that aren't known to be free yet.
---
---```lua
---local netns <close> = assert(core.netns.create())
---assert(core.netns.loopback_up(netns))
---print(core.address.list({ netns = netns })[1].address)
---```
---@param options sdme.core.AddressListOptions? of which namespace
---@return sdme.core.LinkAddress[] addresses
function address.list(options) end

---Watches the addresses of a namespace, which stays for as long as it is watched.
---
---```lua
---local netns <close> = assert(core.netns.create())
---local watch <close> = assert(core.address.watch { netns = netns })
---assert(core.netns.loopback_up(netns))
---print(task.await(watch))
---```
---@param options sdme.core.AddressListOptions? which namespace
---@return sdme.Pending watch ends, time and again, when an address has come or gone
function address.watch(options) end
