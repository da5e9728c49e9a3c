-- The layers that root filesystems and containers are stacks of: trees that never change.
--
--     layers/ID/tree          what the layer has; whiteouts and opaque marks are overlayfs's
--     layers/ID/layer.json    where it came from
--     layers/ID/base          a link to the id on the disk of its user 0, where that isn't 0: there
--                             may be hundreds of layers to be mounted, and this is quickly read
--     layers/ID/unwritten     a link to the boot of the host in which the layer was made, as long
--                             as it may not be on the disk as a whole: in another boot it is lost
--
-- Only what was imported is referred to while it is on its way to the disk, and by nothing but its
-- name: who has nothing else to lose need not wait. A container waits.
--
-- A layer that no rootfs, container or running command refers to is garbage. A command that is at
-- work notes the layers it counts on in its stage (`uses/`), before it makes or looks for them: so
-- nobody collects them meanwhile, and if it is killed, whoever sweeps its stage knows what it left.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local lazy <const> = require "sdme.lazy"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"
local text <const> = require "sdme.text"

local step <const> = lazy.module "sdme.step"

local file <const> = core.file

local M <const> = {}

-- Ids become names of directories.
local ID_PATTERN <const> = "^[a-z0-9]+%-[0-9a-f]+$"

-- User ids are of 32 bits, and the last one is none (credentials(7)).
local MAXIMUM_BASE <const> = (1 << 32) - 2

-- As many forms of a layer are remembered.
local MAXIMUM_BLOBS <const> = 16

---@class sdme.Layer
---@field id string
---@field base integer the id on the disk of its user 0: what was the upper of a user namespace
---@field digest string? of the blob that it was unpacked from
---@field media_type string? of that blob
---@field diff_id string? of the tar stream in it
---@field size integer? bytes in files
---@field entries integer?
---@field created string
---@field blobs { digest: string, media_type: string, size: integer }[]? what it came as
---@field opaque boolean? nothing below it shows
---@field whiteouts boolean? it says that something below it doesn't show
---@field parent string? the topmost layer below it that it was made on
---@field comment string? what made it

---@param id string
---@return string the directory of its tree
function M.path(id)
    return store.path("layers", id, "tree")
end

-- What names a boot of the host (random(4)).
local BOOT <const> = "/proc/sys/kernel/random/boot_id"

local boot

local function current_boot()
    boot = boot or fault.check(file.read(BOOT)):gsub("%s", "")
    return boot
end

-- What a layer has for as long as it may not be on the disk.
local UNWRITTEN <const> = "unwritten"

local function mark_of(id)
    return store.path("layers", id, UNWRITTEN)
end

---@param id string
---@return boolean
---@return boolean? unwritten whether it may not be on the disk yet
function M.exists(id)
    if not file.exists(M.path(id)) then
        return false
    end
    local made_in <const> = file.exists(mark_of(id)) and file.readlink(mark_of(id))
    return not made_in or made_in == current_boot(), made_in and true
end

local function flush()
    local written <close> = fault.check(file.flush(store.path "layers"))
    fault.check(task.await(written))
end

-- Those that may not be on the disk yet; what is lost never will.
local function unwritten(ids)
    local found <const> = {}
    for _, id in ipairs(ids) do
        local made_in <const> = file.readlink(mark_of(id))
        found[#found + 1] = made_in and made_in == current_boot() and id or nil
    end
    return found
end

---Has layers on the disk that were added without: before something lasting refers to them.
---@param ids string[]
function M.write_out(ids)
    local marked <const> = unwritten(ids)
    if #marked == 0 then
        return
    end
    flush()
    for _, id in ipairs(marked) do
        file.remove(mark_of(id)) -- another build that has this layer may have been quicker
    end
    flush()
end

---The same in the background, by a process that outlives this one.
---@param ids string[]
function M.begin_write_out(ids)
    local marked <const> = unwritten(ids)
    if #marked > 0 then
        fault.check(file.write_out(store.path "layers", marked, UNWRITTEN))
    end
end

---Raises unless all of a stack is there.
---@param ids string[]
---@param what string? what they are needed for
---@return string[] unwritten those that may not be on the disk yet
function M.check(ids, what)
    local marked <const> = {}
    for _, id in ipairs(ids) do
        local exists <const>, is_marked <const> = M.exists(id)
        marked[#marked + 1] = is_marked and id or nil
        if not exists then
            fault.raise("ENOENT", id:find "^local" == nil
                    and "`sdme fs import --force` of what it came from brings it back" or nil,
                "%sthe layer %s is %s", what and what .. ": " or "", id,
                file.stat(M.path(id)) and "lost: it wasn't on the disk when the host went down"
                or "missing")
        end
    end
    return marked
end

---The id on the disk of a layer's user 0: of what was the upper of a user namespace.
---@param id string
---@return integer
function M.base(id)
    local link <const> = store.path("layers", id, "base")
    local target <const> = file.readlink(link) or "0"
    local base <const> = target:find "^%d+$" and math.tointeger(tonumber(target))
    if not base or base > MAXIMUM_BASE then
        fault.raise("EFORMAT", nil, "%s is damaged: '%s' is no id of a user", link, target)
    end
    return base
end

---@param id string
---@return sdme.Layer
function M.read(id)
    M.check { id }
    local layer <const> = state.read(store.path("layers", id, "layer.json"))
    layer.id = id
    layer.base = M.base(id)
    return layer
end

---Notes that a layer came as a blob: it may go out as the same one.
---@param id string
---@param blob { digest: string, media_type: string, size: integer }
function M.add_blob(id, blob)
    local path <const> = store.path("layers", id, "layer.json")
    local description <const> = state.read(path)
    description.blobs = description.blobs or {}
    for _, known in ipairs(description.blobs) do
        if known.digest == blob.digest and known.media_type == blob.media_type then
            return
        end
    end
    if #description.blobs < MAXIMUM_BLOBS then
        description.blobs[#description.blobs + 1] = blob
        state.write(path, description)
    end
end

---@return string[] ids
function M.list()
    return file.list(store.path "layers") or {}
end

---The id of a layer whose content has a digest.
---@param digest string "sha256:..."
---@return string
function M.id_of(digest)
    local id <const> = digest:gsub(":", "-")
    if not id:find(ID_PATTERN) then
        fault.raise("EFORMAT", nil, "%s is no digest", digest)
    end
    return id
end

-- Whoever adds references shares it; whoever removes what has none has it alone.
local function lock_references(shared)
    return store.lock("layers", "references", { shared = shared })
end

---Nothing is collected while it is held, by any number of commands.
---@return userdata lock to be closed
function M.hold()
    return lock_references(true)
end

local function describe(directory, description, options)
    local written <const> = {}
    for key, value in pairs(description) do
        written[key] = value
    end
    written.id, written.base = nil, nil
    written.comment = written.comment and text.printable(written.comment) -- JSON is UTF-8
    written.created = written.created or os.date "!%Y-%m-%dT%H:%M:%SZ"
    if (description.base or 0) ~= 0 then
        fault.check(file.symlink(("%d"):format(description.base), directory .. "/base"))
    end
    state.write(directory .. "/layer.json", written, options)
end

local function random_id()
    return "local-" .. core.digest.random(16):gsub(".", function(byte)
        return ("%02x"):format(byte:byte())
    end)
end

-- What a command does with layers, from its first look at one until something refers to them.
---@class sdme.Transaction
---@field stage sdme.Stage
local Transaction <const> = {}
Transaction.__index = Transaction

---@return sdme.Transaction to be closed once what it made is referred to
function M.begin()
    local stage <const> = store.stage()
    local made <const>, message <const>, code <const> =
        file.mkdir(stage.path .. "/uses", { mode = "0700" })
    if not made then
        stage:close()
        fault.check(made, message, code)
    end
    return setmetatable({ stage = stage, made = {}, notes = {} }, Transaction)
end

---Counts on a layer from now on.
---@param id string
---@return boolean whether it is there
function Transaction:use(id)
    local lock <close> = M.hold()
    fault.check(file.write(self.stage.path .. "/uses/" .. id, "", { mode = "0600", sync = false }))
    return M.exists(id)
end

---@class sdme.NewLayer
---@field tree string the directory to fill
---@field stage sdme.Stage
local NewLayer <const> = {}
NewLayer.__index = NewLayer

function NewLayer:close()
    self.stage:close()
end
NewLayer.__close = NewLayer.close

---A layer to fill.
---@param tree (fun(path: string))? makes its directory in another way, by a rename say
---@return sdme.NewLayer to be closed
function Transaction:new(tree)
    local layer <const> = setmetatable({ stage = store.stage(), transaction = self }, NewLayer)
    layer.tree = layer.stage.path .. "/tree"
    local fine <const>, why <const> = pcall(tree or function(path)
        fault.check(file.mkdir(path, { mode = "0755", uid = 0, gid = 0 }))
    end, layer.tree)
    if not fine then
        layer:close()
        error(why, 0)
    end
    return layer
end

---Makes the place of a layer whose tree will come by a rename.
---@param description table of its layer.json
---@return string id
function Transaction:reserve(description)
    local stage <close> = store.stage()
    local id <const> = random_id()
    describe(stage.path, description)
    self:use(id)
    stage:commit(store.path("layers", id))
    self.made[#self.made + 1] = id
    return id
end

-- What was only needed to fill it.
local function remove_rest(stage)
    for _, name in ipairs(file.list(stage.path) or {}) do
        if name ~= "tree" then
            fault.check(core.tree.remove(stage.path .. "/" .. name))
        end
    end
end

local UNSYNCED <const> = { sync = false }

---Puts a filled layer in its place. If there is one of that id, that stays, and this one goes. It
---comes to the disk by `write_out`.
---@param layer sdme.NewLayer
---@param description table of its layer.json; without an id it gets one of its own
---@return string id
function Transaction:add(layer, description)
    local id <const> = description.id or random_id()
    remove_rest(layer.stage)
    describe(layer.stage.path, description, UNSYNCED)
    fault.check(file.symlink(current_boot(), layer.stage.path .. "/" .. UNWRITTEN))
    if not self:use(id) then
        local place <const> = store.path("layers", id)
        local fine <const> = pcall(layer.stage.commit, layer.stage, place, UNSYNCED)
        if not fine and not M.exists(id) then
            if file.stat(place) then
                store.discard(place) -- what is left of one whose tree is gone, or was never written
            end
            layer.stage:commit(place, UNSYNCED)
        end
        self.made[#self.made + 1] = id
    end
    layer:close()
    return id
end

---All layers that a rootfs or a container counts on: its own, those of its applications, and what
---a snapshot is about to make.
---@param description table
---@return string[] ids
function M.named(description)
    local layers <const> = description.layers or {}
    local ids <const> = table.move(layers, 1, #layers, 1, {})
    for _, app in ipairs(description.apps or {}) do
        table.move(app.layers, 1, #app.layers, #ids + 1, ids)
    end
    local snapshot <const> = description.snapshot or {}
    ids[#ids + 1] = snapshot.id
    for _, id in pairs(snapshot.apps or {}) do
        ids[#ids + 1] = id
    end
    return ids
end

-- Adds the layers that a state file names to a set. What can't be read may refer to anything.
local function add_references(set, path)
    for _, id in ipairs(M.named(state.read(path))) do
        set[id] = true
    end
end

local function add_all(set, directory, suffix)
    for _, name in ipairs(file.list(store.path(directory)) or {}) do
        local path <const> = store.path(directory, name) .. suffix
        local fine <const>, why <const> = pcall(add_references, set, path)
        if not fine and file.stat(path) then
            error(why, 0)
        end
    end
end

-- A dead stage's `uses` don't count: its command does nothing with them any more.
local function add_used(set, own)
    for _, stage in ipairs(store.stages()) do
        for _, id in ipairs(stage.path ~= own and stage.alive
            and file.list(stage.path .. "/uses") or {}) do
            set[id] = true
        end
    end
end

local function references(own)
    local set <const> = {}
    add_all(set, "fs", "")
    add_all(set, "containers", "/state.json")
    add_all(set, "cache/pulls", "")
    add_all(set, "cache/bases", "")
    add_all(set, "cache/builds", "")
    add_used(set, own)
    return set
end

---Removes those of the layers that nothing refers to.
---@param ids string[]
---@param own string? the path of a stage that doesn't count, because it is about to go
---@return string[] removed
function M.collect(ids, own)
    local removed <const> = {}
    if #ids == 0 then
        return removed
    end
    local stages <const> = {}
    do
        local lock <close> = lock_references(false)
        local referred <const> = references(own)
        for _, id in ipairs(ids) do
            if not referred[id] and file.stat(store.path("layers", id)) then
                stages[#stages + 1] = store.set_aside(store.path("layers", id))
                removed[#removed + 1] = id
            end
        end
    end
    for _, stage in ipairs(stages) do
        stage:close()
    end
    return removed
end

---The same for a command that has done what it was to do: where a damaged state file hides what is
---referred to, the layers stay, and `sdme fs gc` says so.
---@param ids string[]
---@param own string?
function M.release(ids, own)
    local fine <const>, why <const> = pcall(M.collect, ids, own)
    if not fine and (not fault.is(why) or fault.is(why, "EINTR")) then
        error(why, 0)
    end
end

---The layers that nothing refers to.
---@return string[] ids
function M.garbage()
    local lock <close> = M.hold()
    local referred <const>, garbage <const> = references(), {}
    for _, id in ipairs(M.list()) do
        garbage[#garbage + 1] = not referred[id] and id or nil
    end
    return garbage
end

---Lets go of layers that something else referred to until now.
---@param ids string[]
function Transaction:replace(ids)
    for _, id in ipairs(ids) do
        self:use(id)
        self.made[#self.made + 1] = id
    end
end

---Has a note of what is being made (store/pull.lua) taken back by `saved`, and closed at the end.
---@param note table with `remove` and `close`
function Transaction:attach(note)
    self.notes[#self.notes + 1] = note
end

---Whether what is being made is noted, and so stays for another try when this one fails.
---@return boolean
function Transaction:is_kept()
    return #self.notes > 0
end

---Says that what was made is referred to.
function Transaction:saved()
    for _, note in ipairs(self.notes) do
        note:remove()
    end
end

---Ends the transaction: what it made or replaced and nothing refers to is removed.
function Transaction:close()
    if self.stage.lock then
        local fine <const>, why <const> = pcall(M.release, self.made, self.stage.path)
        self.stage:close()
        for _, note in ipairs(self.notes) do
            note:close()
        end
        if not fine then
            error(why, 0)
        end
    end
end
Transaction.__close = Transaction.close

-- The layers of an entry of staging/: those that a command counted on, or those of a rootfs (which
-- is a file) or a container that was about to be removed.
local function layers_of_stage(path)
    local ids <const> = file.list(path .. "/uses") or {}
    for _, description in ipairs { path, path .. "/state.json" } do
        local set <const> = {}
        pcall(add_references, set, description)
        for id in pairs(set) do
            ids[#ids + 1] = id
        end
    end
    return ids
end

---Removes what commands that were killed have left behind.
function M.sweep()
    store.sweep(function(path)
        M.release(layers_of_stage(path), path)
    end)
    step.sweep()
end

return M
