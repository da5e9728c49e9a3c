---@meta

---Network namespaces as descriptors.
---@class sdme.core.netns
local netns = {}

---@class sdme.netns.CreateOptions
---@field loopback boolean? whether its loopback interface is up; false
---@field parameters table<string, string>? what `set_parameter` sets, by name; 16 at most

---A new namespace that no process is in.
---@param options sdme.netns.CreateOptions? what it has from the beginning
---@return sdme.Descriptor netns
function netns.create(options) end

---A namespace that a thread is making.
---@class sdme.netns.Creation
local Creation = {}

---Begins what `create` does, which takes the kernel as long as a program takes to start, for those
---who have something else to do meanwhile.
---
---```lua
---local creation <close> = assert(core.netns.begin { loopback = true })
---local netns <close> = assert(creation:finish())
---```
---@param options sdme.netns.CreateOptions? what it has from the beginning
---@return sdme.netns.Creation creation
function netns.begin(options) end

---Waits until it is made.
---@return sdme.Descriptor netns
function Creation:finish() end

---Lets go of it where it isn't finished.
function Creation:close() end

---The namespace at a path, or that of a process.
---@param where string|integer the path, or the process by its number
---@return sdme.Descriptor netns
function netns.open(where) end

---Mounts a namespace on a path, which keeps it alive.
---@param netns sdme.AnyDescriptor the namespace
---@param path string where
---@return true done
function netns.hold(netns, path) end

---Takes what `hold` mounted away.
---@param path string where
---@return true done
function netns.release(path) end

---Moves the calling thread into a namespace, for a process that is about to become another program.
---@param netns sdme.AnyDescriptor the namespace
---@return true done
function netns.enter(netns) end

---Moves the calling thread into a namespace, for a process that is about to become another program.
---@param netns sdme.AnyDescriptor the namespace
---@return true done
function netns.enter(netns) end

---Whether two descriptors are of the same namespace.
---@param a sdme.AnyDescriptor one
---@param b sdme.AnyDescriptor the other
---@return boolean same
function netns.is_same(a, b) end

---Has its loopback interface go up.
---@param netns sdme.AnyDescriptor the namespace
---@return true done
function netns.loopback_up(netns) end

---Sets a parameter of a namespace.
---@param netns sdme.AnyDescriptor the namespace
---@param name string what it is called below /proc/sys/net: "ipv4/ip_forward"
---@param value string as it is written there
---@return true done
function netns.set_parameter(netns, name, value) end

---A socket in a namespace.
---@param netns sdme.AnyDescriptor the namespace
---@param family "inet"|"inet6" of its addresses
---@param type "stream"|"dgram" of the socket
---@return sdme.Descriptor socket
function netns.socket(netns, family, type) end

---The addresses of its interfaces that others may reach.
---
---```lua
---local netns <close> = assert(core.netns.create())
---assert(core.netns.loopback_up(netns))
---print(#core.netns.addresses(netns), core.netns.is_same(netns, core.netns.open(1)))
---```
---@param netns sdme.AnyDescriptor the namespace
---@return string[] addresses
function netns.addresses(netns) end
