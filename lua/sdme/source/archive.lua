-- A tar archive as a rootfs: one layer, unpacked and hashed as it is read.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local fault <const> = require "sdme.fault"
local layer <const> = require "sdme.store.layer"
local pulls <const> = require "sdme.store.pull"
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

-- What is asked of images has no meaning for others.
local function refuse_options(source, context)
    require("sdme.source.oci").refuse_options(source, context.options)
end

-- A local file stays where it is: it is digested when somebody asks. For what was fetched `verify`
-- is false, and not nil.
local function unpack(source, context, size)
    local what <const> = source.text
    local check <const> = fault.context(what)
    local item <close> = context.progress:item("unpacking " .. what, size)
    local new <close> = context.transaction:new()
    local unpacking <close> = fault.check(core.archive.unpack {
        input = source.file, directory = new.tree, limits = M.limits(),
        undigested = context.options.verify == nil,
    })
    local found <const> = check(task.await(task.watch(unpacking, TICK, function()
        item:update((unpacking:progress()))
    end)))
    M.verify(what, found.digest, context.options.verify)
    item:finish()
    local kind <const> = sources.recognize_tree(new.tree)
    if kind ~= "directory" then
        return read_image(kind, source, new.tree, context)
    end
    refuse_options(source, context)
    -- A layer with OCI's whiteouts is another one as the layer of an image.
    local id <const> = layer.id_of(found.diff_id):gsub("^sha256", found.whiteouts and "tar" or "%0")
    return { context.transaction:add(new, {
        id = id, digest = found.digest, diff_id = found.diff_id, size = found.size,
        entries = found.entries, comment = what,
    }) }, { kind = "archive", source = what, digest = found.digest, size = found.consumed }
end

local function has_all(ids, transaction)
    for _, id in ipairs(ids) do
        if not transaction:use(id) then
            return false
        end
    end
    return true
end

local function digest_of(source)
    return "sha256:" .. fault.check(digests.file(source.path))
end

-- What an earlier try has unpacked of the very same bytes, and kept.
local function find_kept(source, context, size)
    local digest
    local ids <const> = pulls.find(size, function()
        digest = digest_of(source)
        return digest
    end)
    if not ids or not has_all(ids, context.transaction) then
        return nil
    end
    refuse_options(source, context)
    M.verify(source.text, digest, context.options.verify)
    context.transaction:attach(pulls.begin(digest, source.text, ids, size))
    context.progress:note(source.text .. ": it is unpacked already")
    return ids, { kind = "archive", source = source.text, digest = digest, size = size }
end

---Keeps what was unpacked for another try, should this one fail.
---@param layers string[] as `read` gives them
---@param origin table as `read` gives it
---@param source sdme.Source
---@param transaction sdme.Transaction
function M.keep(layers, origin, source, transaction)
    if not transaction:is_kept() then
        local digest <const> = origin.digest or digest_of(source)
        transaction:attach(pulls.begin(digest, origin.source, layers, origin.size))
    end
end

---@param source sdme.Source
---@param context table
---@return string[] layers
---@return table origin
---@return table? more of an image
function M.read(source, context)
    local size <const> = fault.check(core.file.stat(source.path, { follow = true })).size
    if not context.options.no_cache then
        local layers <const>, origin <const> = find_kept(source, context, size)
        if layers then
            return layers, origin
        end
    end
    return unpack(source, context, size)
end

return M
