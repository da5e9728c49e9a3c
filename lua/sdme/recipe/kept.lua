-- Directories that steps keep between builds: `cache/mounts/ID`, beside the layers. The id is a
-- digest, never a path that a recipe named.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"

local file <const> = core.file

local M <const> = {}

local function directory(...)
    return store.path("cache", "mounts", ...)
end

-- Systems of other kinds keep other things at the same path, and users can't read each other's.
local function id_of(path, system, uid)
    local digest <const> = fault.check(core.digest.new "sha256")
    digest:update(json.encode { path = path, system = system, uid = uid })
    return digest:hex():sub(1, 32)
end

local function make(id, path, system, user)
    if file.stat(directory(id, "tree")) then
        return
    end
    fault.check(file.mkdir(directory(id), { mode = "0700", parents = true }))
    state.write(directory(id, "mount.json"), { path = path, system = system })
    fault.check(file.mkdir(directory(id, "tree"),
        { mode = "0755", uid = user.uid, gid = user.gid }))
end

local Kept <const> = {}
Kept.__index = Kept

function Kept:close()
    for _, lock in ipairs(self.locks) do
        lock:close()
    end
    self.locks = {}
end
Kept.__close = Kept.close

---Directories for one step alone; who wants one of them waits.
---@param context sdme.StepContext
---@param paths string[]
---@param user { uid: integer, gid: integer } who owns those that are new
---@return { binds: table[] } kept to be closed
function M.open(context, paths, user)
    local kept <const> = setmetatable({ locks = {}, binds = {} }, Kept)
    local session <const>, ids <const> = context.builder.session, {}
    local system <const> = (context.builder.record.base.os or {}).id or ""
    for _, path in ipairs(paths) do
        ids[#ids + 1] = { id = id_of(path, system, user.uid), path = path }
    end
    table.sort(ids, function(a, b) return a.id < b.id end) -- so that no two wait for each other
    local fine <const>, why <const> = pcall(function()
        for _, one in ipairs(ids) do
            kept.locks[#kept.locks + 1] = session:wait_for_lock("mount-" .. one.id,
                ("another build that uses the cache of %s"):format(one.path))
            make(one.id, one.path, system, user)
            kept.binds[#kept.binds + 1] = { source = directory(one.id, "tree"), path = one.path }
        end
    end)
    if not fine then
        kept:close()
        error(why, 0)
    end
    return kept
end

---All that is kept.
---@return { id: string, path: string, size: integer }[]
function M.list()
    local list <const> = {}
    for _, id in ipairs(file.list(directory()) or {}) do
        local fine <const>, found <const> = pcall(state.read, directory(id, "mount.json"))
        local size <const> = core.tree.measure(directory(id, "tree"))
        list[#list + 1] = {
            id = id, path = fine and found.path or "damaged", size = size and size.size or 0,
        }
    end
    return list
end

---Removes what no build uses now.
---@return integer freed bytes
function M.clean()
    local freed = 0
    for _, one in ipairs(M.list()) do
        local lock <close> = core.lock.acquire(store.path("locks", "mount-" .. one.id))
        if lock then
            store.discard(directory(one.id))
            freed = freed + one.size
        end
    end
    return freed
end

return M
