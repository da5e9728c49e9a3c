-- A rootfs as a tar archive.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local task <const> = require "sdme.task"

local M <const> = {}

-- Name, the compression as the runtime calls it, and suffixes.
local VARIANTS <const> = {
    { "tar", "none", ".tar" },
    { "tar.gz", "gzip", ".tar.gz", ".tgz" },
    { "tar.bz2", "bzip2", ".tar.bz2", ".tbz2", ".tbz" },
    { "tar.xz", "xz", ".tar.xz", ".txz" },
    { "tar.zst", "zstd", ".tar.zst", ".tzst" },
    { "tar.lz4", "lz4", ".tar.lz4" },
}

---The seconds of https://reproducible-builds.org/specs/source-date-epoch/, nil if it isn't set.
---@return integer?
function M.source_date()
    local text <const> = os.getenv "SOURCE_DATE_EPOCH"
    if not text or text == "" then
        return nil
    end
    local seconds <const> = text:find "^%d+$" and math.tointeger(tonumber(text))
    return seconds or fault.usage("SOURCE_DATE_EPOCH is no number of seconds: %s", text)
end

-- Goes on with the pack, and tells how far it is.
local function with_progress(pack, tell)
    return {
        poll = function()
            local descriptor <const>, events <const> = pack:poll()
            return descriptor, events, 0.2
        end,
        step = function()
            tell((pack:progress()))
            return pack:step()
        end,
    }
end

---Writes a tree as a tar archive.
---@param view any descriptor of the directory
---@param output any descriptor to write to
---@param options table? `compression`, `level`, `threads`, `sync`, `exclude`, `one_filesystem`,
---  `whiteouts`; `base`, the first id of the user namespace that the tree is in; `modified`, which
---  is SOURCE_DATE_EPOCH if that is set; `progress(done)`, of bytes before compression
---@return table result `digest`, `diff_id`, `size`, `entries`
function M.write(view, output, options)
    options = options or {}
    local pack <close> = fault.check(core.archive.pack {
        root = view, output = output, compression = options.compression, level = options.level,
        threads = options.threads, shift = options.base, exclude = options.exclude,
        one_filesystem = options.one_filesystem, sync = options.sync,
        whiteouts = options.whiteouts,
        modified = options.modified or M.source_date(),
    })
    local pending <const> = options.progress and with_progress(pack, options.progress) or pack
    return fault.check(task.await(pending))
end

local function new_format(name, compression, ...)
    return {
        name = name, suffixes = { ... }, stream = true,
        takes = compression ~= "none" and { "level" } or nil,
        write = function(view, output, options)
            return M.write(view, output,
                setmetatable({ compression = compression }, { __index = options }))
        end,
    }
end

M.formats = {}
for i, variant in ipairs(VARIANTS) do
    M.formats[i] = new_format(table.unpack(variant))
end

return M
