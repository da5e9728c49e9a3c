-- What the last build of a name did: `cache/builds/NAME.json`. It refers to the layers of all steps
-- that were done, whether the build came to its end or not, and to those of the build before it.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local layer <const> = require "sdme.store.layer"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"

local file <const> = core.file

local M <const> = {}

---@class sdme.BuildStep
---@field kind string "run", "copy", ...
---@field what string the step in a few words
---@field where string the user's file and line
---@field key string? of the step: what its layer is called unless it was made anew
---@field layer string? that it made; steps that only say how the result runs have none
---@field seconds number? that it took when it was run
---@field hit boolean? whether it was found
---@field parts table<string, string> what the key is made of
---@field config table? of the image, after a step that changes it

---@class sdme.BuildRecord
---@field name string
---@field created string
---@field finished boolean
---@field base table what the recipe begins with: layers, os, systemd, image, apps, origin
---@field steps sdme.BuildStep[]

local function directory()
    return store.path("cache", "builds")
end

local function path_of(name)
    return store.path("cache", "builds", name .. ".json")
end

---The lock that a build of a name has.
---@param name string
---@return string
function M.lock_name(name)
    return "build-" .. name
end

---What is known of the last build. A damaged record tells nothing, and is written anew.
---@param name string
---@return sdme.BuildRecord?
function M.read(name)
    local fine <const>, record <const> = pcall(state.read, path_of(name))
    if not fine or type(record.steps) ~= "table" or type(record.base) ~= "table" then
        return nil
    end
    record.name = name
    return record
end

-- The layers of a build itself, each once.
local function own_layers(record)
    local list <const>, seen <const> = {}, {}
    local function add(id)
        if id and not seen[id] then
            seen[id], list[#list + 1] = true, id
        end
    end
    for _, id in ipairs(layer.named(record.base)) do
        add(id)
    end
    for _, step in ipairs(record.steps) do
        add(step.layer)
    end
    return list, add
end

---Writes down how far a build is.
---@param record sdme.BuildRecord
---@param before sdme.BuildRecord? of the build before it
function M.write(record, before)
    local layers <const>, add <const> = own_layers(record)
    for _, id in ipairs(before and own_layers(before) or {}) do
        add(id)
    end
    fault.check(file.mkdir(directory(), { mode = "0700", parents = true }))
    local written <const> = { layers = json.array(layers) }
    for _, key in ipairs { "created", "finished", "base" } do
        written[key] = record[key]
    end
    written.steps = json.array(record.steps)
    state.write(path_of(record.name), written, { sync = false })
end

---What a rootfs would be after some steps of the last build of a name.
---@param name string
---@param number integer
---@return table description as rootfs.read gives it
function M.description(name, number)
    local record <const> = M.read(name)
    if not record then
        fault.raise("ENOENT", "`sdme fs cache ls` shows what was built", "there is no build of %s",
            name)
    elseif number > #record.steps then
        fault.raise("ENOENT", nil, "the last build of %s came to step %d, not to %d", name,
            #record.steps, number)
    end
    local description <const> = {}
    for key, value in pairs(record.base) do
        description[key] = value
    end
    description.layers = table.move(record.base.layers, 1, #record.base.layers, 1, {})
    for i = 1, number do
        local step <const> = record.steps[i]
        description.layers[#description.layers + 1] = step.layer
        description.image = step.config and { config = step.config } or description.image
    end
    description.created = record.created
    return description
end

---All builds.
---@return { name: string, record: sdme.BuildRecord? }[] # a damaged one has no record
function M.list()
    local list <const> = {}
    for _, entry in ipairs(file.list(directory()) or {}) do
        local name <const> = entry:match "^(.+)%.json$"
        if name then
            local record <const> = M.read(name)
            list[#list + 1] = { name = name, record = record }
        end
    end
    return list
end

---Forgets a build: its layers stay as long as something else refers to them.
---@param name string
---@return string[] layers that it referred to
function M.forget(name)
    local fine <const>, record <const> = pcall(state.read, path_of(name))
    file.remove(path_of(name))
    return fine and record.layers or {}
end

return M
