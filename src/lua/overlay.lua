---@meta

---Overlays.
---@class sdme.core.overlay
---@field max_lowers integer how many lowers the kernel takes
local overlay = {}

---A lower whose owners are mapped by themselves.
---@class sdme.overlay.Lower
---@field path string|sdme.AnyDescriptor the directory
---@field map_owners sdme.AnyDescriptor a user namespace

---@class sdme.overlay.Options
---@field lowers (string|sdme.AnyDescriptor|sdme.overlay.Lower)[] directories, the topmost first
---@field upper string|sdme.AnyDescriptor|nil what takes the changes; read-only without
---@field work string|sdme.AnyDescriptor|nil an empty directory beside `upper`
---@field map_owners sdme.AnyDescriptor? a user namespace that maps the owners of the lowers, but
---  for
---  those that have one of their own
---@field metacopy boolean? whether a change of owner or mode doesn't copy content up; false
---@field volatile boolean? whether nothing is written out when it ends: else all of the upper's
---  filesystem is; false
---@field read_only boolean? false
---@field descriptors boolean? false mounts by names, as kernels before 6.13 need it; true

---A detached overlay.
---@param options sdme.overlay.Options of what
---@return sdme.Descriptor mount
function overlay.mount(options) end
