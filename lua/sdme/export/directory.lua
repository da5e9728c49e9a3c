-- A rootfs as a directory.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

local IDS <const> = 65536 -- of a user namespace

---Copies a tree to where nothing is; whatever fails, nothing is left there.
---@param view any descriptor of the directory
---@param path string
---@param options table? `base`, the first id of the user namespace that the tree is in; `threads`;
---  `one_filesystem`
---@return table result `size`, `files`, `directories`
function M.write(view, path, options)
    options = options or {}
    local base <const> = options.base or 0
    local size <const> = fault.check(core.tree.copy(".", path, {
        source_root = view, threads = options.threads, one_filesystem = options.one_filesystem,
        shift = base > 0 and { from = base, to = 0, count = IDS } or nil,
    }))
    fault.check(core.file.sync(path))
    return size
end

return M
