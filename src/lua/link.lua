---@meta

---The network interfaces of this host.
---@class sdme.core.link
local link = {}

---Removes an interface. No failure if there is none.
---@param name string its name, or an alternative one
---@return true done
function link.remove(name) end

---Removes the bridge `vz-ZONE` that systemd-nspawn(1) has made for `--network-zone`, if no
---interface is on it.
---
---```lua
---assert(core.link.remove "ve-gone")
---print(core.link.remove_zone "nowhere")
---```
---@param zone string the name of the zone
---@return boolean removed whether it was there, and is gone
function link.remove_zone(zone) end
