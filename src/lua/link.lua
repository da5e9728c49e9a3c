---@meta

---Network interfaces.
---@class sdme.core.link
local link = {}

---@class sdme.core.VethOptions
---@field name string of one end
---@field peer string the name of the other
---@field netns sdme.AnyDescriptor? the namespace of the one; the caller's without
---@field peer_netns sdme.AnyDescriptor? that of the other; the caller's without

---Makes a virtual Ethernet link. Both ends are down.
---@param options sdme.core.VethOptions its names, and where they are
---@return true done
function link.add_veth(options) end

---@class sdme.core.BridgeOptions
---@field name string its name
---@field netns sdme.AnyDescriptor? the namespace that it is in; the caller's without

---Makes a bridge, which is down.
---@param options sdme.core.BridgeOptions its names, and where they are
---@return true done
function link.add_bridge(options) end

---@class sdme.core.UpOptions
---@field name string of the interface
---@field up boolean? or else down; true without
---@field netns sdme.AnyDescriptor? the namespace that it is in; the caller's without

---Sets an interface up, or down.
---@param options sdme.core.UpOptions which one, and what becomes of it
---@return true done
function link.set_up(options) end

---@class sdme.core.PortOptions
---@field name string of the interface
---@field bridge string? the name of the bridge; none without
---@field netns sdme.AnyDescriptor? the namespace that both are in; the caller's without

---Puts an interface in a bridge, or takes it out of the one that it is in.
---@param options sdme.core.PortOptions which one, and what becomes of it
---@return true done
function link.set_bridge(options) end

---@class sdme.core.MoveOptions
---@field name string of the interface
---@field to sdme.AnyDescriptor the namespace that it goes to
---@field as string? its name there; the same without
---@field netns sdme.AnyDescriptor? the namespace that it is in; the caller's without

---Moves an interface to another namespace, where it is down.
---@param options sdme.core.MoveOptions which one, and where it goes
---@return true done
function link.move(options) end

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
