-- Recipes: what a root filesystem is made of, as a function that calls steps.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local position <const> = require "sdme.recipe.position"
local text <const> = require "sdme.text"

local M <const> = {}

---A recipe: what a root filesystem is made of.
---@class sdme.Recipe
---@field name string? of the root filesystem that it makes
---@field from string|table|sdme.Recipe what it begins with
---@field make fun(b: sdme.Builder, arg: string[])? its steps
---@field directory string absolute, that of its file: what relative paths of the host count from
---@field source string its file, as faults name it
local Recipe <const> = { __name = "sdme.recipe" }
Recipe.__index = Recipe

function Recipe:__tostring()
    return "recipe " .. (self.name or "without a name")
end

-- What a recipe is described by: types, and whether it can do without.
local FIELDS <const> = {
    name = { string = true, ["nil"] = true },
    from = { string = true, table = true },
    build = { ["function"] = true, ["nil"] = true },
}

local function check_field(name, value)
    local types <const> = FIELDS[name]
    if not types[type(value)] then
        local expected <const> = {}
        for wanted in pairs(types) do
            expected[#expected + 1] = wanted ~= "nil" and wanted or nil
        end
        table.sort(expected)
        fault.usage("sdme.recipe: '%s' is a %s, not %s", name, table.concat(expected, " or a "),
            value == nil and "missing" or "a " .. type(value))
    end
end

local function check(description)
    if type(description) ~= "table" then
        fault.usage("sdme.recipe: expected a table, not a %s", type(description))
    end
    for name in pairs(description) do
        if not FIELDS[name] then
            local meant <const> = text.nearest(tostring(name), { "name", "from", "build" })
            fault.raise("EUSAGE", meant and ("did you mean %s?"):format(meant) or nil,
                "sdme.recipe: there is no '%s'", tostring(name))
        end
    end
    for name in pairs(FIELDS) do
        check_field(name, description[name])
    end
    local _, why <const> = kind.name.check(description.name or "nameless")
    if why then
        fault.usage("sdme.recipe: %s", why)
    end
    require("sdme.recipe.base").check(description.from)
end

local function absolute(directory)
    local opened <close> = core.file.open_directory(directory)
    return opened and core.file.readlink("/proc/self/fd/" .. opened:fileno()) or directory
end

---@class sdme.RecipeDescription
---@field name string? of the root filesystem that it makes
---@field from string|table|sdme.Recipe what it begins with: the name of a rootfs, "scratch" for
---  nothing, what `fs import` takes, that as `source` in a table with options of `sdme.fs.import`,
---  or another recipe
---@field build fun(b: sdme.Builder, arg: string[])? calls the steps

---Describes how a root filesystem is made: see `sdme.recipe`.
---@param description sdme.RecipeDescription
---@return sdme.Recipe # raises `EUSAGE`, with the caller's line, for what it doesn't know
function M.new(description)
    local where <const> =
        position.of_caller(type(description) == "table" and description.build or nil)
    position.blame(where, check, description)
    return setmetatable({
        name = description.name, from = description.from, make = description.build,
        directory = absolute(where.directory), source = where.source,
    }, Recipe)
end

---Whether a value is a recipe.
---@param value any
---@return boolean
function M.is(value)
    return getmetatable(value) == Recipe
end

---@class sdme.BuildOptions
---@field name string? of the rootfs, instead of the recipe's own; of one recipe only
---@field force boolean? replaces a rootfs of that name, once the new one is complete
---@field no_cache boolean? runs every step, and fetches again what the recipe begins with
---@field why boolean? tells what each step's key is made of, and what of it has changed
---@field arg string[]? arguments for the recipe's function
---@field quiet boolean? shows neither progress nor output

local OPTIONS <const> = {
    name = "string", force = "boolean", no_cache = "boolean", why = "boolean", arg = "table",
    quiet = "boolean",
}

local function check_options(options)
    for name, value in pairs(options) do
        if not OPTIONS[name] then
            fault.usage("build has no option '%s'", tostring(name))
        elseif type(value) ~= OPTIONS[name] then
            fault.usage("build: '%s' is a %s, not a %s", name, OPTIONS[name], type(value))
        end
    end
    return options
end

local function build(recipes, options)
    return require("sdme.recipe.session").build(recipes, check_options(options or {}))
end

---Builds it, and gives the result its name, which is what a rootfs is found by. A step is found
---instead of done if it was done before on the same state: the key of its layer is made of the
---layer below, of what is done and of all that this reads. A build that fails keeps the steps that
---it has finished, and `sdme new -r NAME@STEP` has what the last build of NAME had made after that
---step. If `SOURCE_DATE_EPOCH` is set, steps have it, and no file of a new layer is newer: the same
---inputs give the same bytes.
---
---Raises `EEXEC` for a command that fails, with the end of its output, `ELOOP` for recipes that
---need each other, `EEXIST` if the name is taken by anything but this very result.
---
---```lua
---local greeting <const> = sdme.recipe {
---    name = "greeting", from = "debian",
---    build = function(b)
---        b:write("/etc/motd", "hello\n")
---        b:run "chmod 0600 /etc/motd"
---    end,
---}
---print(greeting:build({ quiet = true }).name)
---```
---@param options sdme.BuildOptions? how
---@return sdme.Rootfs rootfs
function Recipe:build(options)
    return (build({ self }, options))
end

---Builds recipes side by side. What several of them need is built once.
---@param ... sdme.Recipe|sdme.BuildOptions recipes, and options at the end
---@return sdme.Rootfs ... one for each; raises the first failure once all have come to their end
function M.build(...)
    local recipes <const> = { ... }
    local options <const> = not M.is(recipes[#recipes]) and table.remove(recipes) or nil
    for i, recipe in ipairs(recipes) do
        if not M.is(recipe) then
            fault.usage("sdme.build: argument %d is no recipe", i)
        end
    end
    if options ~= nil and type(options) ~= "table" then
        fault.usage("sdme.build: expected recipes, and a table of options")
    elseif options and options.name and #recipes > 1 then
        fault.usage("sdme.build: 'name' is for one recipe")
    end
    return build(recipes, options)
end

return M
