---@meta

---The ports of this host that systemd translates to containers, for `--port` of systemd-nspawn(1).
---@class sdme.core.nat
local nat = {}

---@class sdme.nat.Entry
---@field family "inet"|"inet6" of the addresses
---@field protocol "tcp"|"udp" what is translated
---@field port integer of this host
---@field address string in the container
---@field target integer the port in the container

---All of them.
---
---```lua
---for _, entry in ipairs(assert(core.nat.list())) do
---    print(entry.protocol, entry.port, entry.address, entry.target)
---end
---```
---@return sdme.nat.Entry[] entries
function nat.list() end

---Takes one out, as a systemd-nspawn that was killed could not. No failure if it isn't there.
---@param family "inet"|"inet6" of the addresses
---@param protocol "tcp"|"udp" what is translated
---@param port integer of this host
---@return true done
function nat.remove(family, protocol, port) end
