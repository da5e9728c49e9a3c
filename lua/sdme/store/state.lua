-- State files: JSON with a version, written under another name, synced, and renamed.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local store <const> = require "sdme.store"

local M <const> = {}

-- What this sdme writes, and the newest that it reads.
local VERSION <const> = 1

-- No state comes near to it; a larger file is not ours.
local MAXIMUM_SIZE <const> = 1 << 20

local HINT <const> = "restore the file, or remove its directory by hand"

---@param path string
---@return table
function M.read(path)
    local text <const> = fault.check(core.file.read(path, { max = MAXIMUM_SIZE, follow = false }))
    local ok, state = pcall(json.decode, text, path)
    if not ok then
        fault.raise("EFORMAT", HINT, "%s is damaged: %s", path, tostring(state))
    elseif type(state) ~= "table" or math.type(state.version) ~= "integer" then
        fault.raise("EFORMAT", HINT, "%s is damaged: it has no version", path)
    elseif state.version > VERSION then
        fault.raise("EUNSUPPORTED", "update sdme",
            "%s has version %d, and this sdme knows versions up to %d", path, state.version,
            VERSION)
    end
    return state
end

---The state of a container, which is called as its directory is.
---@param name string
---@return table
function M.container(name)
    local description <const> = M.read(store.path("containers", name, "state.json"))
    if type(description.settings) ~= "table" then
        fault.raise("EFORMAT", HINT, "%s is damaged: it has no settings",
            store.path("containers", name, "state.json"))
    end
    description.name = name
    return description
end

---@param path string
---@param state table
function M.write(path, state)
    state.version = VERSION
    local text <const> = json.encode(state, { indent = 2 }) .. "\n"
    fault.check(core.file.write(path, text, { mode = "0600", sync = true }))
end

return M
