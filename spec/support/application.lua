-- Root filesystems with applications, written by hand: what an import of an image makes.

local json <const> = require "sdme.json"
local sdme <const> = require "spec.support.sdme"

local M <const> = {}

-- Of an image that says no more than its command.
local CONFIG <const> = {
    entrypoint = {}, env = {}, labels = {}, ports = {}, user = "", volumes = {}, workdir = "/",
}

local function complete(config)
    local whole <const> = {}
    for _, fields in ipairs { CONFIG, config } do
        for key, value in pairs(fields) do
            whole[key] = value
        end
    end
    return whole
end

local function path_of(name)
    return ("%s/fs/%s.json"):format(sdme.datadir(), name)
end

---Changes what a rootfs says of its only application.
---@param name string of the rootfs
---@param fields table of the application's config
function M.change(name, fields)
    local from <close> = assert(io.open(path_of(name)))
    local description <const> = json.decode(from:read "a")
    for key, value in pairs(fields) do
        description.apps[1].config[key] = value
    end
    local to <close> = assert(io.open(path_of(name), "w"))
    to:write(json.encode(description))
end

---Makes a rootfs of another one, with applications whose files are those of that, too.
---@param name string
---@param base string
---@param configs table<string, table> what an image would say, by application
function M.make(name, base, configs)
    local from <close> = assert(io.open(path_of(base)))
    local description <const> = json.decode(from:read "a")
    description.apps = {}
    for app, config in pairs(configs) do
        table.insert(description.apps, {
            name = app, layers = json.array(description.layers), config = complete(config),
        })
    end
    table.sort(description.apps, function(a, b) return a.name < b.name end)
    local to <close> = assert(io.open(path_of(name), "w"))
    to:write(json.encode(description))
end

return M
