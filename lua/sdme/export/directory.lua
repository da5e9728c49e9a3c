-- A rootfs as a directory.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

local IDS <const> = 65536 -- of a user namespace

---Copies a tree to where nothing is; whatever fails, nothing is left there.
---@param view any descriptor of the directory
---@param path string
---@param options table? `base`, the first id of the user namespace that the tree is in; `threads`;
---  `one_filesystem`; `target_root`, a descriptor of a directory in which the path is one that is
---  there and empty
---@return table size `size`, `files`, `directories`
function M.copy(view, path, options)
    options = options or {}
    local base <const> = options.base or 0
    return fault.check(core.tree.copy(".", path, {
        source_root = view, threads = options.threads,
        one_filesystem = options.one_filesystem, target_root = options.target_root,
        into = options.target_root ~= nil,
        shift = base > 0 and { from = base, to = 0, count = IDS } or nil,
    }))
end

---Writes a tree as a directory, to where nothing is; whatever fails, nothing is left there.
---@param view any descriptor of the directory
---@param path string
---@param options table? those of `copy`
---@return table result `size`, `files`, `directories`
function M.write(view, path, options)
    local size <const> = M.copy(view, path, options)
    fault.check(core.file.sync(path))
    return size
end

return M
