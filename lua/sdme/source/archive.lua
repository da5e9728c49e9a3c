-- A tar archive as a rootfs: one layer, unpacked and hashed as it is read.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local layer <const> = require "sdme.store.layer"
local sources <const> = require "sdme.source"
local task <const> = require "sdme.task"

local M <const> = {}

-- Seconds between two looks at how far it is.
local TICK <const> = 0.2

---What an archive may be at most, for core.archive.unpack.
---@return table
function M.limits()
    return {
        size = config.get "unpack_size", entries = config.get "unpack_entries",
        ratio = config.get "unpack_ratio", path = config.get "unpack_path",
    }
end

---Raises unless a file has the digest that was asked for.
---@param what string
---@param digest string
---@param wanted string?
function M.verify(what, digest, wanted)
    if wanted and digest ~= wanted then
        fault.raise("EDIGEST", nil, "%s has the digest %s, not %s", what, digest, wanted)
    end
end

-- What is in an archive of images is unpacked only for as long as its layers are read.
local function read_image(kind, source, tree, context)
    local options <const> = setmetatable({ verify = false }, { __index = context.options })
    return require("sdme.source.oci").read(
        setmetatable({ kind = kind, path = tree, name = source.path }, { __index = source }),
        setmetatable({ options = options }, { __index = context }))
end

---@param source sdme.Source
---@param context table
---@return string[] layers
---@return table origin
---@return table? more of an image
function M.read(source, context)
    local what <const> = source.text
    local check <const> = fault.context(what)
    local item <close> = context.progress:item("unpacking " .. what,
        core.file.stat(source.path, { follow = true }).size)
    local new <close> = context.transaction:new()
    local unpack <close> = fault.check(core.archive.unpack {
        input = source.file, directory = new.tree, limits = M.limits(),
    })
    local found <const> = check(task.await(task.watch(unpack, TICK, function()
        item:update((unpack:progress()))
    end)))
    M.verify(what, found.digest, context.options.verify)
    item:finish()
    local kind <const> = sources.recognize_tree(new.tree)
    if kind ~= "directory" then
        return read_image(kind, source, new.tree, context)
    end
    require("sdme.source.oci").refuse_options(source, context.options)
    -- A layer with OCI's whiteouts is another one as the layer of an image.
    local id <const> = layer.id_of(found.diff_id):gsub("^sha256", found.whiteouts and "tar" or "%0")
    return { context.transaction:add(new, {
        id = id, digest = found.digest, diff_id = found.diff_id, size = found.size,
        entries = found.entries, comment = what,
    }) }, { kind = "archive", source = what, digest = found.digest, size = found.consumed }
end

return M
