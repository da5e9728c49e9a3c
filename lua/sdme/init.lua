-- The public API: what `require "sdme"` gives. doc/lua.md describes it name by name.
--
-- Every part is loaded when it is first used, so that a script pays for what it takes.

local core <const> = require "sdme.core"

local M <const> = { version = core.version, core = core }

local function container(name)
    return function(...)
        return require("sdme.container")[name](...)
    end
end

---Makes a container that isn't running; see `sdme create --help` for the options.
---@type fun(options: table?): sdme.Container
M.create = container "create"

---Makes a container and starts it.
---@type fun(options: table?): sdme.Container
M.new = container "new"

---The container of that name, or whose name alone begins so.
---@type fun(name: string): sdme.Container
M.container = container "get"

---All containers, by name.
---@type fun(): sdme.Container[]
M.containers = container "list"

local function rootfs(name)
    return function(...)
        return require("sdme.rootfs")[name](...)
    end
end

M.fs = {
    ---Makes a rootfs of a directory, an archive, a disk image, or a URL of one.
    ---@type fun(source: string, options: sdme.ImportOptions?): sdme.Rootfs
    import = rootfs "import",

    ---The rootfs of that name.
    ---@type fun(name: string): sdme.Rootfs
    get = rootfs "get",

    ---All root filesystems, by name.
    ---@type fun(): sdme.Rootfs[]
    list = rootfs "list",
}

---Runs functions side by side and returns the first result of each.
---@type fun(...: function): any ...
function M.all(...)
    return require("sdme.task").all(...)
end

local LAZY <const> = { task = "sdme.task", config = "sdme.config" }

return setmetatable(M, {
    __index = function(self, key)
        if not LAZY[key] then
            return nil
        end
        self[key] = require(LAZY[key])
        return self[key]
    end,
})
