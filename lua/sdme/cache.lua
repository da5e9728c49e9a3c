-- What imports have fetched and builds have made, and may need again: files from the web, layers of
-- images that didn't arrive as a whole, steps of recipes and what these begin with, directories
-- that steps keep.

local base <const> = require "sdme.recipe.base"
local core <const> = require "sdme.core"
local kept <const> = require "sdme.recipe.kept"
local layer <const> = require "sdme.store.layer"
local pull <const> = require "sdme.store.pull"
local record <const> = require "sdme.recipe.record"
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

---@class sdme.CacheEntry
---@field kind "download"|"image"|"archive"|"base"|"build"|"directory"
---@field key string
---@field source string
---@field size integer
---@field complete boolean
---@field layers integer? how many it has, or is going to have
---@field present integer? how many of them are here
---@field steps integer? of a build

local function add_layers(entries, kind, key, source, ids, complete)
    local size <const>, present <const> = size_of(ids)
    entries[#entries + 1] = {
        kind = kind, key = key, source = source or "damaged", size = size, complete = complete,
        layers = #ids, present = present,
    }
    return entries[#entries]
end

local function add_builds(entries)
    for _, build in ipairs(record.list()) do
        local one <const> = build.record or { steps = {} }
        local ids <const> = {}
        for _, step in ipairs(one.steps) do
            ids[#ids + 1] = step.layer
        end
        add_layers(entries, "build", build.name, build.name, ids, one.finished == true).steps =
            #one.steps
    end
end

---What the cache has, by kind: `download` for files, `image` for pulls that haven't come to an end,
---`archive` for what is unpacked and waits for an answer, `base` for what recipes begin with,
---`build` for the last build of a name, `directory` for those that steps keep.
---@return sdme.CacheEntry[]
function M.list()
    local entries <const> = {}
    for _, file in ipairs(url.cached()) do
        entries[#entries + 1] = { kind = "download", key = file.key, source = file.url,
            size = file.size, complete = file.complete }
    end
    for _, one in ipairs(pull.list()) do
        local kind <const> = one.size and "archive" or "image"
        add_layers(entries, kind, one.key, one.source, one.layers, false)
    end
    for _, one in ipairs(base.list()) do
        add_layers(entries, "base", one.key, one.source, one.layers, true)
    end
    add_builds(entries)
    for _, one in ipairs(kept.list()) do
        entries[#entries + 1] = { kind = "directory", key = one.id, source = one.path,
            size = one.size, complete = true }
    end
    return entries
end

-- Forgets what nobody is at work on; returns the layers that it referred to.
local function forget(layers, lock_name, forgetting, key)
    local lock <close> = core.lock.acquire(store.path("locks", lock_name))
    local ids <const> = lock and forgetting(key) or {}
    table.move(ids, 1, #ids, #layers + 1, layers)
end

---Empties the cache but for what is in use now.
---@return integer freed bytes
function M.clean()
    store.prepare()
    local layers <const> = pull.forget()
    for _, build in ipairs(record.list()) do
        forget(layers, record.lock_name(build.name), record.forget, build.name)
    end
    for _, one in ipairs(base.list()) do
        forget(layers, base.lock_name(one.key), base.forget, one.key)
    end
    local sizes <const> = {}
    for _, id in ipairs(layers) do
        sizes[id] = size_of { id }
    end
    local freed = url.clean() + kept.clean()
    for _, id in ipairs(layer.collect(layers)) do
        freed = freed + sizes[id]
    end
    return freed
end

return M
