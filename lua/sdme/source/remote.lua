-- A URL as a rootfs: fetched into the cache, then read as what its first bytes say that it is.

local sources <const> = require "sdme.source"
local url <const> = require "sdme.source.url"

local M <const> = {}

---@param source sdme.Source
---@param context table
---@return string[] layers
---@return table origin
---@return table? more
function M.read(source, context)
    local options <const> = context.options
    local item <close> = context.progress:item("downloading " .. source.text)
    local download <close> = url.download(source.text, {
        verify = options.verify, cache = not options.no_cache,
        progress = function(done, total)
            item:update(done, total)
        end,
    })
    item:finish(download.cached and "not fetched again: it is in the cache" or nil)
    local fetched <close> = sources.open_file(download.path, source.text)
    local inner <const> = setmetatable({
        options = setmetatable({ verify = false }, { __index = options }),
    }, { __index = context })
    local layers <const>, origin <const>, more <const> = sources.read(fetched, inner)
    origin.source = source.text
    return layers, origin, more
end

return M
