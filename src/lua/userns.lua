---@meta

---User namespaces as descriptors.
---@class sdme.core.userns
local userns = {}

---A user namespace whose ids from `inside` on are the host's from `outside` on.
---
---```lua
---local userns <close> = assert(core.userns.create(524288, 65536))
---print(userns:fileno() > 2, core.overlay.max_lowers)
---```
---@param outside integer the first id of the host
---@param count integer how many
---@param inside integer? the first id inside; 0
---@return sdme.Descriptor namespace
function userns.create(outside, count, inside) end
