---@meta

---Networks of this host whose addresses mean nothing outside of it: what comes from one of them,
---and is for none of them, leaves with the host's own address. They are in the nftables table
---`inet sdme`.
---@class sdme.core.firewall
local firewall = {}

---Adds a network, and whatever of the table is missing.
---
---```lua
---assert(core.firewall.add "10.99.0.0/24")
---print(core.firewall.list()[1])
---assert(core.firewall.remove "10.99.0.0/24")
---```
---@param network string "10.0.0.0/24", "fd00::/64"
---@return true done
function firewall.add(network) end

---Takes a network out, and with the last one the table. No failure if it isn't there.
---@param network string as it was added
---@return true done
function firewall.remove(network) end

---The first address of each network; none without the table.
---@return string[] addresses
function firewall.list() end

---Fails with `EUNSUPPORTED` where the kernel has no nftables.
---@return true done
function firewall.probe() end
