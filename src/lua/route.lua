---@meta

---What network interfaces have on them: addresses, routes and neighbours.
---@class sdme.core.route
local route = {}

---@class sdme.core.AddressOptions
---@field link string the name of the interface
---@field address string with the length of its network: "192.0.2.1/24", "2001:db8::1/64"
---@field netns sdme.AnyDescriptor? the namespace that the interface is in; the caller's without

---Gives an interface an address, which is used at once: nobody is asked whether another has it. One
---that it has stays as it is.
---@param options sdme.core.AddressOptions of which interface
---@return true done
function route.add_address(options) end

---Takes an address away. No failure if the interface doesn't have it.
---@param options sdme.core.AddressOptions of which interface
---@return true done
function route.remove_address(options) end

---@class sdme.core.RouteOptions
---@field to string a network; "0.0.0.0/0" and "::/0" are all there is
---@field link string the name of the interface at which packets go out
---@field gateway string? who takes them from there
---@field netns sdme.AnyDescriptor? the namespace that it is for; the caller's without

---Sets a route, which replaces the one to the same network.
---@param options sdme.core.RouteOptions where to, and by which way
---@return true done
function route.add(options) end

---@class sdme.core.NeighbourOptions
---@field link string the name of the interface
---@field address string of the neighbour
---@field hardware string its hardware address: "02:00:00:00:00:01"
---@field netns sdme.AnyDescriptor? the namespace that the interface is in; the caller's without

---Tells an interface the hardware address of a neighbour, for good.
---@param options sdme.core.NeighbourOptions of which interface, and who
---@return true done
function route.add_neighbour(options) end

---@class sdme.core.RouteListOptions
---@field netns sdme.AnyDescriptor? a namespace; the caller's without

---@class sdme.core.Route
---@field to string a network
---@field link string? the interface
---@field gateway string? who takes the packets

---The routes by which packets leave a namespace, in all of its tables.
---
---```lua
---local netns <close> = assert(core.netns.create())
---local other <close> = assert(core.netns.create())
---assert(core.link.add_veth { name = "a", netns = netns, peer = "b", peer_netns = other })
---assert(core.link.set_up { name = "a", netns = netns })
---assert(core.route.add_address { link = "a", address = "10.0.0.1/24", netns = netns })
---print(core.route.list({ netns = netns })[1].to)
---```
---@param options sdme.core.RouteListOptions? of which namespace
---@return sdme.core.Route[] routes
function route.list(options) end
