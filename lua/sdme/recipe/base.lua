-- What a recipe begins with: a rootfs, nothing, or a source that is imported for it. What was
-- imported is remembered in `cache/bases/KEY.json`, which refers to its layers, without a name.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"
local layer <const> = require "sdme.store.layer"
local rootfs <const> = require "sdme.rootfs"
local sources <const> = require "sdme.source"
local state <const> = require "sdme.store.state"
local step <const> = require "sdme.step"
local store <const> = require "sdme.store"
local printable <const> = require("sdme.text").printable

local file <const> = core.file

local M <const> = {}

-- A base that is empty has this name, as with Docker.
local SCRATCH <const> = "scratch"

local OPTIONS <const> = {
    source = "string", install_packages = "string", verify = "string", platform = "string",
    credentials = "string", allow_backing = "boolean", oci_mode = "string", base_fs = "string",
}

---Raises for what no recipe can begin with.
---@param from any
function M.check(from)
    if type(from) ~= "table" or require("sdme.recipe").is(from) then
        return
    end
    for name, value in pairs(from) do
        if not OPTIONS[name] then
            fault.usage("sdme.recipe: there is no '%s' in from", tostring(name))
        elseif type(value) ~= OPTIONS[name] then
            fault.usage("sdme.recipe: '%s' in from is a %s, not a %s", name, OPTIONS[name],
                type(value))
        end
    end
    if not from.source then
        fault.usage("sdme.recipe: from has no source")
    end
end

local function digest(text)
    local sum <const> = fault.check(core.digest.new "sha256")
    sum:update(text)
    return sum:hex()
end

-- The content of a directory, as a digest; nothing else tells that a file in it has changed.
local function digest_tree(path)
    local root <close> = fault.check(file.open_directory(path))
    local output <close> = fault.check(io.open("/dev/null", "wb"))
    return require("sdme.export.tar").write(root, output, { whiteouts = true }).digest
end

-- What tells that a local source is another one now. What is fetched stays what it was.
local function stamp(source)
    if source.kind == "directory" or source.kind == "layout" then
        return digest_tree(source.path)
    end
    local stat <const> = source.path and file.stat(source.path, { follow = true })
    return stat and ("%d %d %d %d"):format(stat.inode, stat.size, stat.mtime, stat.mtime_nsec) or ""
end

local function path_of(key)
    return store.path("cache", "bases", key .. ".json")
end

-- What was made of it before, if all of it is here still.
local function remembered(key, mark, transaction)
    local fine <const>, found <const> = pcall(state.read, path_of(key))
    if not fine or found.stamp ~= mark or not found.layers then
        return nil
    end
    local whole = true
    for _, id in ipairs(layer.named(found)) do
        whole = transaction:use(id) and whole
    end
    return whole and found or nil
end

local function import(source, key, mark, session)
    local options <const> = setmetatable({
        install_packages = session.from.install_packages or "no",
        no_cache = session.options.no_cache,
    }, { __index = session.from })
    require("sdme.source.oci").check_options(source, options)
    local transaction <close> = layer.begin()
    local context <const> = {
        name = sources.name(source.suggested), transaction = transaction, options = options,
        progress = session.progress, oci_mode = "base",
    }
    local layers <const>, origin <const>, more <const> = sources.read(source, context)
    origin.source = printable(origin.source)
    local found <const> = more or {}
    found.layers, found.origin, found.stamp = layers, origin, mark
    if not found.apps then
        require("sdme.distro").prepare(found, context)
    end
    found.layers = json.array(found.layers)
    found.created = os.date "!%Y-%m-%dT%H:%M:%SZ"
    fault.check(file.mkdir(store.path("cache", "bases"), { mode = "0700", parents = true }))
    local old <const> = select(2, pcall(state.read, path_of(key)))
    transaction:replace(type(old) == "table" and old.layers or {})
    state.write(path_of(key), found)
    transaction:saved()
    return found
end

---The lock of whoever imports it.
---@param key string
---@return string
function M.lock_name(key)
    return "base-" .. key:sub(1, 32)
end

-- A relative path counts from the recipe's own directory, if there is such a file.
local function locate(text, directory)
    local path <const> = directory .. "/" .. text
    return text:sub(1, 1) ~= "/" and not text:find "^%a+://" and file.stat(path) and path or text
end

local function key_of(from, text)
    local described <const> = { source = printable(text) }
    for name in pairs(OPTIONS) do
        if name ~= "credentials" and name ~= "source" then
            described[name] = from[name]
        end
    end
    return digest(json.encode(described))
end

local function imported(from, directory, transaction, session)
    local text <const> = locate(from.source, directory)
    local source <close> = sources.open(text)
    local key <const> = key_of(from, text)
    -- One command at a time imports a source; the others wait, and find it.
    local _ <close> = session:wait_for_lock(M.lock_name(key), "another command that imports it")
    local mark <const> = stamp(source)
    local found = not session.options.no_cache and remembered(key, mark, transaction)
    if not found then
        found = import(source, key, mark, setmetatable({ from = from }, { __index = session }))
        for _, id in ipairs(layer.named(found)) do
            transaction:use(id)
        end
    end
    found.stamp = nil
    return found
end

-- One layer with nothing in it.
local function scratch(transaction)
    local id <const> = step.key({}, "scratch")
    if not transaction:use(id) then
        local new <close> = transaction:new()
        transaction:add(new, { id = id, size = 0, entries = 1, comment = SCRATCH })
    end
    return { layers = { id }, origin = { kind = "recipe", source = SCRATCH } }
end

local function named(name, transaction)
    local found <const> = rootfs.read(name)
    for _, id in ipairs(layer.named(found)) do
        transaction:use(id)
    end
    layer.check(layer.named(found), "rootfs " .. name)
    return found
end

-- A word is the name of a rootfs; an image of the same name would have a tag.
local function of_name(name, transaction)
    if not rootfs.exists(name) then
        fault.raise("ENOENT", ("`sdme fs ls` shows those that exist; %s:latest would be an image")
            :format(name), "there is no rootfs %s", name)
    end
    return named(name, transaction)
end

---What a recipe begins with, if that is no recipe.
---@param recipe sdme.Recipe
---@param transaction sdme.Transaction which uses its layers from now on
---@param session sdme.BuildSession
---@return table description as rootfs.read gives it
function M.open(recipe, transaction, session)
    local from <const> = recipe.from
    if from == SCRATCH then
        return scratch(transaction)
    elseif type(from) == "string" and kind.rootfs.check(from) then
        return of_name(from, transaction)
    end
    return imported(type(from) == "string" and { source = from } or from, recipe.directory,
        transaction, session)
end

---What was imported for recipes.
---@return { key: string, source: string?, layers: string[] }[]
function M.list()
    local list <const> = {}
    for _, name in ipairs(file.list(store.path("cache", "bases")) or {}) do
        local key <const> = name:match "^(%x+)%.json$"
        if key then
            local fine <const>, found <const> = pcall(state.read, path_of(key))
            list[#list + 1] = {
                key = key, source = fine and found.origin and found.origin.source or nil,
                layers = fine and found.layers or {},
            }
        end
    end
    return list
end

---Forgets one.
---@param key string
---@return string[] layers that it referred to
function M.forget(key)
    local fine <const>, found <const> = pcall(state.read, path_of(key))
    file.remove(path_of(key))
    return fine and found.layers or {}
end

return M
