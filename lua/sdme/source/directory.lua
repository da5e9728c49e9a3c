-- A directory of this host as a rootfs: one layer, copied, or shared where the filesystem can.

local clone <const> = require "sdme.clone"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

-- What lies below the directory and isn't its own: filesystems of the kernel, our own data.
local function left_out(path, hidden)
    local prefix <const> = path == "/" and "/" or path .. "/"
    local list <const> = {}
    for _, directories in ipairs { clone.foreign(), hidden or {} } do
        for _, directory in ipairs(directories) do
            if directory:sub(1, #prefix) == prefix and #directory > #prefix then
                list[#list + 1] = directory:sub(#prefix + 1)
            end
        end
    end
    return list
end

-- Without links in it, as the mount table has it.
local function real_path(path)
    local directory <close> = fault.check(core.file.open_directory(path))
    return fault.check(core.file.readlink(("/proc/self/fd/%d"):format(directory:fileno())))
end

---@param source sdme.Source
---@param context table
---@return string[] layers
---@return table origin
function M.read(source, context)
    if context.options and context.options.verify then
        fault.usage("%s is a directory, which has no digest to verify", source.text)
    end
    local path <const> = real_path(source.path)
    if context.look then
        local root <close> = fault.check(core.file.open_directory(path))
        context.look(root)
    end
    local copied
    local layer <close> = context.transaction:new(function(tree)
        copied = fault.check(core.tree.copy(path, tree,
            { one_filesystem = false, exclude_content = left_out(path, context.hidden) }))
    end)
    local id <const> = context.transaction:add(layer, {
        size = copied.size, entries = copied.files + copied.directories, comment = path,
    })
    return { id }, { kind = "directory", source = path }
end

return M
