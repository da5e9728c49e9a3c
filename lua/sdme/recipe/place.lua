-- Where a recipe copies from: this host, what another recipe makes, a rootfs, or a container as it
-- is now.

local container <const> = require "sdme.container"
local copy <const> = require "sdme.copy"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local layer <const> = require "sdme.store.layer"
local recipes <const> = require "sdme.recipe"
local rootfs <const> = require "sdme.rootfs"
local view <const> = require "sdme.view"

local M <const> = {}

-- As many ids as a user namespace of ours has.
local COUNT <const> = 65536

---@class sdme.CopyPlace
---@field path string what is meant there
---@field root userdata? a descriptor that nothing leads out of; this host's files without
---@field shift table? what becomes of owners
---@field held any what is closed with it
local Place <const> = {}
Place.__index = Place

function Place:close()
    if self.held then
        self.held:close()
        self.held = nil
    end
end
Place.__close = Place.close

local function new(fields)
    return setmetatable(fields, Place)
end

local function of_host(builder, path)
    return new { path = path:find "^/" and path or builder.recipe.directory .. "/" .. path }
end

local function of_recipe(builder, recipe, path)
    local found <const> = builder.session:result(recipe, builder.build)
    for _, id in ipairs(layer.named(found)) do
        builder.transaction:use(id)
    end
    local root <const> = view.stack(found.layers)
    return new { path = path, root = root, held = root }
end

local function of_copy(text)
    local opened <const> = copy.open(text)
    return new {
        path = opened.path, root = opened.root, held = opened,
        shift = opened.base ~= 0 and { from = opened.base, to = 0, count = COUNT } or nil,
    }
end

local function has_container(name)
    for _, other in ipairs(container.names()) do
        if other == name then
            return true
        end
    end
    return false
end

-- The name of a rootfs or a container: "fs:NAME" or "NAME", as `sdme cp` has them.
local function named(from)
    local class <const> = (getmetatable(from) or {}).__name
    if class == "sdme.rootfs" then
        return "fs:" .. from.name
    elseif class == "sdme.container" then
        return from.name
    elseif type(from) ~= "string" then
        fault.usage("copy: 'from' is a recipe, a rootfs, a container, or a name of one, not a %s",
            class or type(from))
    elseif rootfs.exists(from) then
        return "fs:" .. from
    elseif has_container(from) then
        return from
    end
    fault.raise("ENOENT", "`sdme fs ls` and `sdme ps` show those that exist",
        "copy: there is no rootfs or container %s", from)
end

---Opens the place of a path.
---@param builder sdme.Builder
---@param from sdme.Recipe|sdme.Rootfs|sdme.Container|string|nil this host without
---@param path string relative ones of this host count from the recipe's own directory
---@return sdme.CopyPlace # to be closed; a container that isn't running can't be started until then
function M.open(builder, from, path)
    if from == nil then
        return of_host(builder, path)
    end
    local absolute <const> = path:find "^/" and path or "/" .. path
    if recipes.is(from) then
        return of_recipe(builder, from, absolute)
    end
    return of_copy(named(from) .. ":" .. absolute)
end

---What `core.tree` is told of a place.
---@param place sdme.CopyPlace
---@return table options
function M.options(place)
    return { root = place.root, shift = place.shift, one_filesystem = place.root ~= nil }
end

---Whether a directory exists there.
---@param root userdata
---@param path string
---@return boolean
function M.is_directory(root, path)
    local stat <const> = core.file.stat(path, { root = root, follow = true })
    return stat ~= nil and stat.type == "directory"
end

return M
