---@meta

---D-Bus. Values of Lua and of D-Bus by signature:
---
---| signature | Lua |
---|---|---|
---| `b` | boolean |
---| `y n q i u x t` | integer, checked for range; `t` above 2^63-1 is negative |
---| `d` | number |
---| `s o g` | string, checked |
---| `h` | descriptor |
---| `ay` | string of any bytes |
---| `a` | array |
---| `a{}` | table |
---| `()` | array of the members |
---| `v` | written: `{ signature, value }`; read: the plain value |
---@class sdme.core.bus
local bus = {}

---A connection to the host's system bus.
---
---```lua
---local bus <close> = assert(core.bus.open_system())
---print(task.await(bus:property("org.freedesktop.systemd1", "/org/freedesktop/systemd1",
---    "org.freedesktop.systemd1.Manager", "Version")))
---```
---@return sdme.Bus bus
function bus.open_system() end

---A connection to the system bus of a container.
---@param name string the container
---@return sdme.Bus bus
function bus.open_machine(name) end

---A connection to the bus at an address.
---@param address string `"unix:path=..."`
---@return sdme.Bus bus
function bus.open_address(address) end

---An object path with a name escaped.
---@param prefix string the path above
---@param name string what is escaped
---@return string path
function bus.path(prefix, name) end

---A connection.
---@class sdme.Bus
local Bus = {}

---@class sdme.bus.CallOptions
---@field destination string who is called
---@field path string the object
---@field interface string? of the method
---@field member string the method
---@field signature string? of the arguments; `""`
---@field arguments any[]? by the signature
---@field timeout number? seconds; 25

---Calls a method.
---@param options sdme.bus.CallOptions which
---@return sdme.Pending pending ends with the values of the reply, or `nil, message, code, name of
---  the
---  D-Bus error`
function Bus:call(options) end

---Reads a property.
---@param destination string whose
---@param path string the object
---@param interface string of the property
---@param name string of the property
---@return sdme.Pending pending ends with its value
function Bus:property(destination, path, interface, name) end

---Reads all properties of an interface.
---@param destination string whose
---@param path string the object
---@param interface string of the properties
---@return sdme.Pending pending ends with a table of them
function Bus:properties(destination, path, interface) end

---@class sdme.bus.EmitOptions
---@field path string the object
---@field interface string of the signal
---@field member string the signal
---@field signature string? of the arguments; `""`
---@field arguments any[]? by the signature

---Broadcasts a signal.
---@param options sdme.bus.EmitOptions which
---@return true done
function Bus:emit(options) end

---@class sdme.bus.MatchOptions
---@field sender string? who sends it
---@field path string? the object
---@field path_namespace string? or one below
---@field interface string? of the signal
---@field member string? the signal
---@field arg0 string? its first argument
---@field arg1 string? its second
---@field arg2 string? its third
---@field arg3 string? its fourth
---@field arg4 string? its fifth
---@field arg0namespace string? its first argument, or that and what follows a dot

---A subscription to signals, in place before any call that is made after it.
---@param options sdme.bus.MatchOptions which
---@return sdme.bus.Match match
function Bus:match(options) end

---Our name on the bus.
---@return string? name nil while the connection is being made
function Bus:unique_name() end

---Closes the connection.
function Bus:close() end

---A subscription.
---@class sdme.bus.Match
local Match = {}

---@class sdme.bus.NextOptions
---@field timeout number? seconds; for ever without

---The next signal.
---@param options sdme.bus.NextOptions? how long to wait
---@return sdme.Pending pending ends with `{ path=, interface=, member=, sender=, arguments= }`, or
---  with
---  `nil, message, "ETIMEDOUT"`
function Match:next(options) end

---Ends the subscription.
function Match:close() end
