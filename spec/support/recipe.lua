-- Recipes of specs: files in a directory of their own, built by the command, and what they made.

local core <const> = require "sdme.core"
local rootfs <const> = require "sdme.rootfs"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local view <const> = require "sdme.view"

local M <const> = {}

---A directory for a recipe and what it copies, on a real filesystem.
---@return string path
function M.directory()
    local path <const> = shell.run "mktemp -d /var/tmp/sdme-spec.XXXXXX"
    scratch.finally(function()
        shell.run("rm -rf %s", path)
    end)
    return path
end

---Writes a recipe, of which only the steps are given.
---@param directory string
---@param steps string Lua, with `b`, `arg` and `sdme`
---@param options { name: string?, from: string? }? "web" and "scratch" without; `from` is Lua
---@return string path
function M.write(directory, steps, options)
    options = options or {}
    local path <const> = ("%s/%s.lua"):format(directory, options.name or "web")
    assert(core.file.write(path, ([[
local sdme = require "sdme"
return sdme.recipe { name = %q, from = %s, build = function(b, arg)
%s
end }
]]):format(options.name or "web", options.from or '"scratch"', steps), { sync = false }))
    return path
end

---Builds one.
---@return { status: integer, out: string, err: string }
function M.run(directory, steps, options, ...)
    local name <const> = (options or {}).name or "web"
    return sdme.run("fs", "build", name, M.write(directory, steps, options), "-f", ...)
end

---The same; raises unless it succeeds.
---@return string what it said
function M.build(directory, steps, options, ...)
    local result <const> = M.run(directory, steps, options, ...)
    if result.status ~= 0 then
        error(("status %d\n%s"):format(result.status, result.err), 2)
    end
    return result.err
end

---What a build has made.
---@param name string? "web" without
---@return userdata descriptor of its root, to be closed
function M.open(name)
    return view.stack(rootfs.read(name or "web").layers)
end

---Its files: "PATH TYPE MODE UID:GID", sorted, but for the directories that every build has.
---@param name string?
---@return string
function M.list(name)
    local root <close> = M.open(name)
    local lines <const> = {}
    local function add(path)
        local names <const>, types = core.file.list(path, { root = root })
        for _, one in ipairs(assert(names, types)) do
            local at <const> = path .. one
            local stat <const> = assert(core.file.stat(at, { root = root }))
            lines[#lines + 1] =
                ("%s %s %o %d:%d"):format(at, stat.type, stat.mode, stat.uid, stat.gid)
            if stat.type == "directory" then
                add(at .. "/")
            end
        end
    end
    add "/"
    return table.concat(lines, "\n")
end

---The content of a file.
---@param path string
---@param name string?
---@return string
function M.read(path, name)
    local root <close> = M.open(name)
    return (assert(core.file.read(path, { root = root })))
end

return M
