-- Temporary directories and filesystems, gone after `scratch.clean`.

local needs <const> = require "spec.support.needs"
local shell <const> = require "spec.support.shell"

local M <const> = {}

local made <const> = {}

---A new directory in memory, where inodes cost nothing.
---@return string path
function M.directory()
    local path <const> = shell.run("mktemp -d -p /dev/shm sdme-spec.XXXXXX")
    made[#made + 1] = function()
        shell.run("chattr -R -i -a %s 2>/dev/null; rm -rf --one-file-system %s", path, path)
    end
    return path
end

---A new filesystem of `type`, mounted from an image in memory; where that can't be, the spec is
---skipped.
---@param type string "ext4", "btrfs", "xfs"
---@param size string as truncate(1) takes it
---@param options string|nil mount options
---@return string path
function M.filesystem(type, size, options)
    needs.root()
    needs.program("mkfs." .. type)
    local path <const> = M.directory()
    shell.run("truncate -s %s %s", size, path .. "/image")
    shell.run("mkdir %s && PATH=$PATH:/usr/sbin:/sbin mkfs.%s -q %s", path .. "/mount", type,
        path .. "/image")
    needs.that(
        shell.succeeds("mount -o loop%s %s %s", options and "," .. options or "", path .. "/image",
            path .. "/mount"),
        "a loop-mounted " .. type)
    made[#made + 1] = function()
        shell.run("umount -l %s", path .. "/mount")
    end
    return path .. "/mount"
end

---Has `undo` called by `clean`, the latest first.
---@param undo fun()
function M.finally(undo)
    made[#made + 1] = undo
end

---For `after_each`.
function M.clean()
    while #made > 0 do
        table.remove(made)()
    end
end

return M
