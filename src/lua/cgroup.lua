---@meta

---Control groups.
---@class sdme.core.cgroup
local cgroup = {}

---Begins what the next move of a process between cgroups would wait for, such as the start of a
---unit: a grace period of the kernel.
---
---```lua
---local move <close> = assert(core.cgroup.expect_move())
---```
---@return sdme.Pending pending ends with true once that is over
function cgroup.expect_move() end
