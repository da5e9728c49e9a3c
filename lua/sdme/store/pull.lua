-- What is being pulled: `cache/pulls/KEY.json` names the layers that an image is going to have, so
-- that those which are finished stay when the rest fails, and the next try finds them. An archive
-- that was unpacked for nothing, since somebody has to be asked, is kept in the same way.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"
local text <const> = require "sdme.text"

local file <const> = core.file

local M <const> = {}

-- Seconds after which nobody is expected to try again.
local PATIENCE <const> = 7 * 24 * 3600

-- Seconds between two looks whether another command is done.
local INTERVAL <const> = 0.2

local function path_of(key)
    return store.path("cache", "pulls", key .. ".json")
end

local function lock_path(key)
    return store.path("locks", "pull-" .. key)
end

-- Whoever pulls the same image waits, and then finds it.
local function lock(key)
    while true do
        local held, message, code = core.lock.acquire(lock_path(key))
        if held then
            return held
        elseif code ~= "EAGAIN" then
            fault.raise(code, nil, "%s", message)
        end
        task.sleep(INTERVAL)
    end
end

local function write_note(key, note)
    fault.check(file.mkdir(store.path("cache", "pulls"), { mode = "0700", parents = true }))
    state.write(path_of(key), note)
end

---@class sdme.Pull
local Pull <const> = {}
Pull.__index = Pull

---Begins a pull: from now on the layers are referred to, those that are there and those to come.
---@param digest string of the image's manifest
---@param source string
---@param ids string[]
---@param size integer? of an archive, in bytes; its digest is that of the file
---@return sdme.Pull to be removed when a rootfs refers to them, and to be closed
function M.begin(digest, source, ids, size)
    local key <const> = digest:match ":(%x+)$"
    local self <const> = setmetatable({ key = key, lock = lock(key) }, Pull)
    local fine <const>, why <const> = pcall(write_note, key, {
        created = os.date "!%Y-%m-%dT%H:%M:%SZ", digest = digest, layers = json.array(ids),
        source = text.printable(source), size = size,
    })
    if not fine then
        self:close()
        error(why, 0)
    end
    return self
end

---Takes the note back.
function Pull:remove()
    file.remove(path_of(self.key))
end

function Pull:close()
    if self.lock then
        self.lock:close()
        self.lock = nil
    end
end
Pull.__close = Pull.close

---The pulls that haven't come to an end, those under way too.
---@return { key: string, source: string?, layers: string[], size: integer?, age: integer }[] a
--- damaged one has no `source`; only an archive has a `size`; `age` is in seconds
function M.list()
    local pulls <const> = {}
    for _, name in ipairs(file.list(store.path("cache", "pulls")) or {}) do
        local key <const> = name:match "^(%x+)%.json$"
        local stat <const> = key and file.stat(path_of(key))
        if stat then
            local fine <const>, note <const> = pcall(state.read, path_of(key))
            pulls[#pulls + 1] = {
                key = key, source = fine and note.source or nil,
                layers = fine and note.layers or {}, size = fine and note.size or nil,
                age = os.time() - stat.mtime // 1,
            }
        end
    end
    return pulls
end

---The layers of an archive that was kept.
---@param size integer of the file, in bytes
---@param get_digest fun(): string of the file; called only if one of that size is kept
---@return string[]? ids
function M.find(size, get_digest)
    local digest
    for _, pull in ipairs(M.list()) do
        if pull.size == size then
            digest = digest or get_digest()
            if pull.key == digest:match ":(%x+)$" then
                return pull.layers
            end
        end
    end
    return nil
end

---Forgets pulls that nobody is at work on.
---@param options { old: boolean? }? `old`: only those that nobody is expected to go on with
---@return string[] layers that they referred to
function M.forget(options)
    local layers <const> = {}
    for _, pull in ipairs(M.list()) do
        if not (options and options.old) or pull.age > PATIENCE then
            local held <close> = core.lock.acquire(lock_path(pull.key))
            if held then
                file.remove(path_of(pull.key))
                table.move(pull.layers, 1, #pull.layers, #layers + 1, layers)
            end
        end
    end
    return layers
end

return M
