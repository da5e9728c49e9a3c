-- What nothing uses: stopped containers aren't that, and nor is a rootfs that one was made from.
-- Volumes of applications are that when there is no container of the name that they were made for.

local cache <const> = require "sdme.cache"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local garbage <const> = require "sdme.garbage"
local pod <const> = require "sdme.pod"
local rootfs <const> = require "sdme.rootfs"
local store <const> = require "sdme.store"
local volume <const> = require "sdme.app.volume"

local M <const> = {}

local function find_pods(kept, found)
    for _, one in ipairs(pod.list()) do
        if not kept[one.name] and #one:containers() == 0 then
            found[#found + 1] = { kind = "pod", name = one.name }
        end
    end
end

-- What is named, each unless somebody has begun to use it meanwhile.
local REMOVE <const> = {
    rootfs = function(name)
        if rootfs.exists(name) then
            rootfs.get(name):remove()
        end
    end,
    pod = function(name)
        pod.get(name):remove()
    end,
}

local function remove_unused(one)
    local fine <const>, why <const> = pcall(REMOVE[one.kind], one.name)
    if not fine and not fault.is(why, "EBUSY") and not fault.is(why, "ENOENT") then
        return why
    end
end

---What could be removed: root filesystems that no container was made from, pods that none is in,
---layers and unfinished things that nothing refers to, volumes of containers that are gone,
---downloads, and images that didn't arrive as a whole.
---@param options { except: string[]? }? names that stay
---@return { kind: string, name: string, size: integer? }[] of the kinds "rootfs", "pod", "layer",
---"blob", "unfinished", "volume", "download" and "image"
function M.find(options)
    local kept <const>, found <const> = {}, {}
    for _, name in ipairs((options or {}).except or {}) do
        kept[name] = true
    end
    store.prepare()
    for _, one in ipairs(rootfs.list()) do
        if not kept[one.name] and #one:users() == 0 then
            local fine <const>, inspected <const> = pcall(one.inspect, one)
            found[#found + 1] = {
                kind = "rootfs", name = one.name, size = fine and inspected.size or nil,
            }
        end
    end
    find_pods(kept, found)
    local unreferenced <const> = garbage.collect { dry_run = true }
    table.move(unreferenced, 1, #unreferenced, #found + 1, found)
    for _, one in ipairs(volume.left()) do
        local size <const> = core.tree.measure(one.path)
        found[#found + 1] = not kept[one.container]
            and { kind = "volume", name = one.name, size = size and size.size } or nil
    end
    for _, entry in ipairs(cache.list()) do
        found[#found + 1] = { kind = entry.kind, name = entry.source, size = entry.size }
    end
    return found
end

---Removes what `find` found. What somebody has begun to use meanwhile stays.
---@param found table[]
function M.remove(found)
    local failure
    for _, one in ipairs(found) do
        failure = REMOVE[one.kind] and remove_unused(one) or failure
    end
    for _, one in ipairs(found) do
        if one.kind == "volume" then
            volume.remove(one.name)
        end
    end
    garbage.collect()
    cache.clean()
    if failure then
        error(failure, 0)
    end
end

return M
