-- State files: JSON with a version, written under another name, synced, and renamed.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local lazy <const> = require "sdme.lazy"
local store <const> = require "sdme.store"

local file <const> = core.file
local json <const> = lazy.module "sdme.json"

local M <const> = {}

-- What this sdme writes, and the newest that it reads.
local VERSION <const> = 1

-- No state comes near to it; a larger file is not ours.
local MAXIMUM_SIZE <const> = 1 << 20

local HINT <const> = "restore the file, or remove what it is of"

local function is_a(wanted)
    return function(value)
        return type(value) == wanted
    end
end

-- Ids of layers are names of directories, which are removed in the end.
local function is_layer(id)
    return type(id) == "string" and id:find "^[a-z0-9]+%-[0-9a-f]+$" ~= nil
end

local function are_layers(ids)
    for _, id in ipairs(type(ids) == "table" and ids or { false }) do
        if not is_layer(id) then
            return false
        end
    end
    return true
end

-- An application's name becomes one of directories and units; it has layers of its own.
local function is_app(app)
    return type(app) == "table" and kind.name.check(app.name) ~= nil
        and type(app.layers) == "table" and are_layers(app.layers) and #app.layers > 0
        and type(app.config) == "table"
end

-- What has to be right wherever it is read, since it is followed; a file need not have it.
local FIELDS <const> = {
    created = is_a "string", os = is_a "table", origin = is_a "table", settings = is_a "table",
    size = function(size)
        return math.type(size) == "integer"
    end,
    layers = are_layers, steps = is_a "table", base = is_a "table", image = is_a "table",
    blobs = is_a "table",
    apps = function(apps)
        for _, app in ipairs(type(apps) == "table" and apps or { false }) do
            if not is_app(app) then
                return false
            end
        end
        return true
    end,
    snapshot = function(snapshot)
        local fine = type(snapshot) == "table" and is_layer(snapshot.id)
        for name, id in pairs(fine and snapshot.apps or {}) do
            fine = fine and kind.name.check(name) ~= nil and is_layer(id)
        end
        return fine
    end,
    definition = function(definition)
        return type(definition) == "table" and kind.name.check(definition.pod) ~= nil
            and kind.name.check(definition.key) ~= nil and type(definition.after) == "table"
    end,
    stale = is_a "string",
    build = function(build)
        return type(build) == "table" and type(build.recipe) == "string"
            and type(build.stage) == "string" and build.stage:find "^%x+$" ~= nil
    end,
    userns = function(userns)
        return type(userns) == "table" and math.type(userns.base) == "integer"
            and math.type(userns.count) == "integer"
    end,
}

local function check(state, damaged)
    if type(state) ~= "table" or math.type(state.version) ~= "integer" then
        damaged "it has no version"
    end
    for name, is_right in pairs(FIELDS) do
        if state[name] ~= nil and not is_right(state[name]) then
            damaged(("its '%s' is wrong"):format(name))
        end
    end
end

---@param path string
---@param hint string? what to do where it is damaged
---@return table
function M.read(path, hint)
    local text <const> = fault.check(file.read(path, { max = MAXIMUM_SIZE, follow = false }))
    local function damaged(why)
        fault.raise("EFORMAT", hint or HINT, "%s is damaged: %s", path, why)
    end
    local ok <const>, state <const> = pcall(json.decode, text, "it")
    if not ok then
        damaged((tostring(state):gsub("^it: ", "")))
    elseif type(state) == "table" and math.type(state.version) == "integer"
        and state.version > VERSION then
        fault.raise("EUNSUPPORTED", "update sdme",
            "%s has version %d, and this sdme knows versions up to %d", path, state.version,
            VERSION)
    end
    check(state, damaged)
    return state
end

---The state of a container, which is called as its directory is.
---@param name string
---@return table
function M.container(name)
    local path <const> = store.path("containers", name, "state.json")
    local hint <const> = "restore the file, or: sdme rm " .. name
    local description <const> = M.read(path, hint)
    if not description.settings then
        fault.raise("EFORMAT", hint, "%s is damaged: it has no settings", path)
    end
    description.name = name
    return description
end

---Where the state of a pod is.
---@param name string
---@return string path
function M.pod_path(name)
    return store.path("pods", name .. ".json")
end

local function date(time)
    return os.date("!%Y-%m-%dT%H:%M:%SZ", time)
end

---Makes the state of a pod. One that has nothing but its name has an empty file: that is whole
---whatever of it was on the disk when the power went, so that nobody has to wait for the disk.
---@param name string
---@param ports sdme.Port[]?
function M.make_pod(name, ports)
    if ports and #ports > 0 then
        M.write(M.pod_path(name), { created = date(), ports = ports })
    else
        fault.check(file.write(M.pod_path(name), "", { mode = "0600", sync = false }))
    end
end

---Whether a pod still has nothing but its name.
---@param name string
---@return boolean
---@return integer? time when it was made
function M.is_new_pod(name)
    local about <const> = file.stat(M.pod_path(name))
    if about and about.size == 0 then
        return true, about.mtime
    end
    return false
end

---The state of a pod.
---@param name string
---@return table
function M.pod(name)
    local is_new <const>, time <const> = M.is_new_pod(name)
    return is_new and { version = VERSION, created = date(time) }
        or M.read(M.pod_path(name), "restore the file, or: sdme pod rm " .. name)
end

---Has a pod be on the disk, for whoever refers to it.
---@param name string
function M.keep_pod(name)
    if M.is_new_pod(name) then
        M.write(M.pod_path(name), M.pod(name))
    end
end

---@param path string
---@param state table
---@param options { sync: boolean? }? `sync = false`: a crash of the host may take it
function M.write(path, state, options)
    state.version = VERSION
    local text <const> = json.encode(state, { indent = 2 }) .. "\n"
    if #text > MAXIMUM_SIZE then
        fault.raise("EFBIG", nil, "%s would have %d bytes: %d is the most", path, #text,
            MAXIMUM_SIZE)
    end
    local sync <const> = not options or options.sync ~= false
    fault.check(file.write(path, text, { mode = "0600", sync = sync }))
end

return M
