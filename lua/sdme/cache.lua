-- What imports have fetched, and may need again: files from the web, and the layers of images that
-- didn't arrive as a whole.

local layer <const> = require "sdme.store.layer"
local pull <const> = require "sdme.store.pull"
local store <const> = require "sdme.store"
local url <const> = require "sdme.source.url"

local M <const> = {}

local function size_of(ids)
    local size, count = 0, 0
    for _, id in ipairs(ids) do
        local fine <const>, found <const> = pcall(layer.read, id)
        if fine then
            size, count = size + (found.size or 0), count + 1
        end
    end
    return size, count
end

---What the cache has, by kind: `download` for files, `image` for pulls that haven't come to an end,
---`archive` for what is unpacked and waits for an answer.
---@return { kind: "download"|"image"|"archive", key: string, source: string, size: integer,
--- complete: boolean, layers: integer?, present: integer? }[] an image has `present` of `layers`
function M.list()
    local entries <const> = {}
    for _, file in ipairs(url.cached()) do
        entries[#entries + 1] = { kind = "download", key = file.key, source = file.url,
            size = file.size, complete = file.complete }
    end
    for _, one in ipairs(pull.list()) do
        local size <const>, present <const> = size_of(one.layers)
        local kind <const> = one.size and "archive" or "image"
        entries[#entries + 1] = { kind = kind, key = one.key, source = one.source or "damaged",
            size = size, complete = false, layers = #one.layers, present = present }
    end
    return entries
end

---Empties the cache but for what is being fetched now.
---@return integer freed bytes
function M.clean()
    store.prepare()
    local layers <const> = pull.forget()
    local sizes <const> = {}
    for _, id in ipairs(layers) do
        sizes[id] = size_of { id }
    end
    local freed = url.clean()
    for _, id in ipairs(layer.collect(layers)) do
        freed = freed + sizes[id]
    end
    return freed
end

return M
