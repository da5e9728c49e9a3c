-- A rootfs as a disk image: one filesystem, without a partition table.

local core <const> = require "sdme.core"
local directory <const> = require "sdme.export.directory"
local disk_image <const> = require "sdme.disk_image"
local fault <const> = require "sdme.fault"
local task <const> = require "sdme.task"

local M <const> = {}

-- Seconds between two looks at how far it is.
local TICK <const> = 0.2

---What the filesystem can be; the first one is what it is otherwise.
---@type string[]
M.filesystems = disk_image.filesystems

---How a qcow2 image can be compressed; the first one is how it is otherwise.
---@type string[]
M.compressions = { "zstd", "zlib", "none" }

-- The one of a list that was chosen.
local function choice(list, chosen, what)
    for _, name in ipairs(list) do
        if name == (chosen or list[1]) then
            return name
        end
    end
    return fault.raise("EUSAGE", "there are " .. table.concat(list, ", "), "no such %s: %s", what,
        tostring(chosen))
end

---Writes a tree as a filesystem.
---@param view any descriptor of the directory
---@param output any descriptor of a regular file to read and write
---@param options table? `filesystem`; the others are those of export.directory
---@return table result `size`, `files`, `directories`
function M.write_raw(view, output, options)
    options = options or {}
    local filesystem <const> = choice(M.filesystems, options.filesystem, "filesystem")
    local content <const> = fault.check(core.tree.measure(".", { root = view }))
    content.size = disk_image.make {
        file = output, filesystem = filesystem, content = content,
        fill = function(mount)
            directory.copy(view, "/", setmetatable({ target_root = mount }, { __index = options }))
        end,
    }
    return content
end

---Writes a tree as a filesystem in a qcow2 image.
---@param view any descriptor of the directory
---@param output any descriptor of an empty file
---@param options table those of `write_raw`; `nameless()` opens a file to read and write that has
---  no name; `compression` is "zstd", "zlib" or "none"; `level`, `threads`; `progress(done, total)`
---  of bytes of the disk
---@return table result `size`, `files`, `directories`
function M.write_qcow2(view, output, options)
    local compression <const> = choice(M.compressions, options.compression, "compression")
    local raw <close> = options.nameless()
    local result <const> = M.write_raw(view, raw, options)
    local image <close> = fault.check(core.qcow2.create {
        input = raw, output = output, level = options.level, threads = options.threads,
        compression = compression ~= "none" and compression or nil,
    })
    result.size = fault.check(task.await(task.watch(image, TICK, function()
        if options.progress then
            options.progress(image:progress())
        end
    end))).size
    fault.check(core.disk.sync(output))
    return result
end

M.formats = {
    { name = "raw", suffixes = { ".raw", ".img" }, takes = { "filesystem" },
        write = M.write_raw },
    { name = "qcow2", suffixes = { ".qcow2" }, takes = { "filesystem", "compression", "level" },
        write = M.write_qcow2 },
}

return M
