-- What lies in the data directory, and who may touch it when.
--
-- Everything unfinished lives in staging/ and holds a lock of its own; an entry whose lock is free
-- is garbage, whoever made it. What exists is finished, because it came by a rename.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local lazy <const> = require "sdme.lazy"

local file <const> = core.file
local task <const> = lazy.module "sdme.task"

local M <const> = {}

-- The directories below the data directory; all of them are root's alone.
local DIRECTORIES <const> = {
    "containers", "fs", "layers", "cache", "staging", "locks", "ranges", "ephemeral",
    "volumes", "pods", "zones", "secrets",
}

-- Seconds that a command waits for another one that holds a lock.
local PATIENCE <const> = 10

---A path in the data directory.
---@param ... string components
---@return string
function M.path(...)
    return table.concat({ config.get "datadir", ... }, "/")
end

-- The data directory that we have seen whole.
local prepared

---Makes the data directory.
function M.prepare()
    local check <const> = fault.context "prepare the data directory"
    local there <const> = {}
    for _, name in ipairs(file.list(M.path()) or {}) do
        there[name] = true
    end
    for _, name in ipairs(DIRECTORIES) do
        if not there[name] then
            check(file.mkdir(M.path(name), { mode = "0700", parents = true }))
            check(file.chmod(M.path(), "0700"))
        end
    end
    prepared = M.path()
end

local function lock_path(kind, name)
    return M.path("locks", kind .. "-" .. name)
end

-- Whoever has a lock alone removes its file at the end; of those who share one, the last does.
local Shared <const> = {}
Shared.__index = Shared

function Shared:close()
    if self.lock then
        self.lock:close()
        self.lock = nil
        local lock <close> = core.lock.acquire(self.path)
    end
end
Shared.__close = Shared.close

-- A data directory that went away since we have seen it is made again.
local function acquire(path, options)
    if prepared == M.path() then
        local lock, message, code = core.lock.acquire(path, options or {})
        if code ~= "ENOENT" then
            return lock, message, code
        end
    end
    M.prepare()
    return core.lock.acquire(path, options or {})
end

---Takes the lock of an object, waiting a little for whoever has it.
---@param kind string "container", ...
---@param name string
---@param options { shared: boolean? }? others may share it too
---@return userdata lock to be closed
function M.lock(kind, name, options)
    local path <const> = lock_path(kind, name)
    local deadline <const> = core.poll.now() + PATIENCE
    while true do
        local lock, message, code = acquire(path, options)
        if lock then
            return options and options.shared and setmetatable({ lock = lock, path = path }, Shared)
                or lock
        elseif code ~= "EAGAIN" then
            fault.raise(code, nil, "%s", message)
        elseif core.poll.now() > deadline then
            local holder <const> = core.lock.holder(path)
            fault.raise("EBUSY", "wait for it, or end it", "%s %s is in use by another command%s",
                kind, name, holder and (" (process %d)"):format(holder) or "")
        end
        task.sleep(0.05)
    end
end

local Held <const> = {}

function Held:__close()
    for _, lock in ipairs(self) do
        lock:close()
    end
end

---Has objects stay: takes the locks of all of them, to share with others who do.
---@param kind string "pod", ...
---@param names string[]
---@param check fun() raises if one of them isn't there, now that none can go
---@return table held to be closed
function M.hold(kind, names, check)
    local held <const> = setmetatable({}, Held)
    local fine <const>, why <const> = pcall(function()
        for i, name in ipairs(names) do
            held[i] = M.lock(kind, name, { shared = true })
        end
        check()
    end)
    if not fine then
        Held.__close(held)
        error(why, 0)
    end
    return held
end

---@class sdme.Stage
---@field path string a directory to build in
---@field lock userdata?
local Stage <const> = {}
Stage.__index = Stage

---Renames the finished directory to where it belongs; nothing may be there.
---@param target string
---@param options { sync: boolean? }? `sync = false`: a crash of the host may undo it
function Stage:commit(target, options)
    local sync <const> = not options or options.sync ~= false
    fault.check(file.rename(self.path, target, { replace = false, sync = sync }))
    self:close()
end

---Removes whatever is left of it.
function Stage:close()
    if self.lock then
        if file.stat(self.path) then
            core.tree.remove(self.path)
        end
        self.lock:close()
        self.lock = nil
    end
end
Stage.__close = Stage.close

local function random_name()
    return (core.digest.random(8):gsub(".", function(byte)
        return ("%02x"):format(byte:byte())
    end))
end

-- The lock comes first and goes last, so that an entry without one is nobody's.
local function new_stage()
    while true do
        local id <const> = random_name()
        local lock <const>, message <const>, code <const> =
            core.lock.acquire(lock_path("staging", id))
        if not lock and code ~= "EAGAIN" then -- who sweeps has each lock for a moment
            fault.raise(code, nil, "%s", message)
        elseif lock and not file.stat(M.path("staging", id)) then
            return setmetatable({ path = M.path("staging", id), lock = lock }, Stage)
        elseif lock then
            lock:close()
        end
    end
end

---A directory for something unfinished, removed when it is closed uncommitted.
---@return sdme.Stage
function M.stage()
    M.prepare()
    local stage <const> = new_stage()
    local made <const>, message <const>, code <const> = file.mkdir(stage.path, { mode = "0700" })
    if not made then
        stage:close()
        fault.check(made, message, code)
    end
    return stage
end

---Makes an object vanish at once. Closing the stage takes its files away.
---@param path string
---@return sdme.Stage to be closed
function M.set_aside(path)
    local stage <const> = new_stage()
    local renamed <const>, message <const>, code <const> =
        file.rename(path, stage.path, { sync = true })
    if not renamed then
        stage:close()
        fault.check(renamed, message, code)
    end
    return stage
end

---Makes an object vanish at once, and then takes its files away.
---@param path string
function M.discard(path)
    local stage <close> = M.set_aside(path)
    fault.check(core.tree.remove(stage.path))
end

---What lies in staging/, and whether anybody is at work on it.
---@return { path: string, alive: boolean }[]
function M.stages()
    local stages <const> = {}
    for i, id in ipairs(file.list(M.path "staging") or {}) do
        local lock <close> = core.lock.acquire(lock_path("staging", id))
        stages[i] = { path = M.path("staging", id), alive = lock == nil }
    end
    return stages
end

---Whether anybody is at work on an entry of staging/.
---@param id string
---@return boolean
function M.is_alive(id)
    local lock <close> = core.lock.acquire(lock_path("staging", id))
    return lock == nil
end

---Removes what commands that were killed have left behind: unfinished things, and locks.
---@param before (fun(path: string))? called for each thing before it is removed
function M.sweep(before)
    for _, id in ipairs(file.list(M.path "staging") or {}) do
        local lock <close> = core.lock.acquire(lock_path("staging", id))
        if lock and file.stat(M.path("staging", id)) then
            if before then
                before(M.path("staging", id))
            end
            core.tree.remove(M.path("staging", id))
        end
    end
    for _, name in ipairs(file.list(M.path "locks") or {}) do
        local lock <close> = core.lock.acquire(M.path("locks", name)) -- closing it removes the file
    end
end

return M
