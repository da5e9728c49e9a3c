-- Unpacks archives for specs.

local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local M <const> = {}

---A file with these bytes.
---@return string path
function M.file(bytes)
    local path <const> = scratch.directory() .. "/archive"
    local handle <close> = assert(io.open(path, "wb"))
    assert(handle:write(bytes))
    return path
end

---Unpacks the archive at `path` into a new directory, unless the options name one.
---@param path string
---@param options table|nil of core.archive.unpack
---@return string directory
---@return table|nil result
---@return string message
---@return string code
function M.path(path, options)
    local directory <const> = options and options.directory or scratch.directory()
    local input <close> = assert(io.open(path, "rb"))
    local all <const> = { input = input, directory = directory }
    for key, value in pairs(options or {}) do
        all[key] = value
    end
    local pending <close> = assert(core.archive.unpack(all))
    return directory, task.await(pending)
end

---The same for an archive's bytes.
function M.bytes(bytes, options)
    return M.path(M.file(bytes), options)
end

---Unpacks what must be unpacked.
---@return string directory
---@return table result
function M.good(bytes, options)
    local directory <const>, result <const>, message <const> = M.bytes(bytes, options)
    return directory, assert(result, message)
end

---Unpacks what can't be.
---@return string code
---@return string message
---@return string directory
function M.bad(bytes, options)
    local directory <const>, result <const>, message <const>, code <const> =
        M.bytes(bytes, options)
    assert(not result, "it was unpacked")
    return code, message, directory
end

-- All that can be told of a tree from outside, but for the sizes of directories.
local PORTRAIT <const> = [[
    find . ! -type d -printf '%p %y %m %U %G %s %b %n %T@ %l\n' | LC_ALL=C sort
    find . -type d -printf '%p %m %U %G %T@\n' | LC_ALL=C sort
    find . -type b -o -type c | LC_ALL=C sort | xargs -r stat -c '%n %Hr %Lr'
    find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
    find . -print0 | LC_ALL=C sort -z | xargs -0r getfattr -h -d -e hex -m - ]]

---In what two trees differ.
---@param first string
---@param second string
---@return string lines of diff(1), none if they are the same
function M.differences(first, second)
    local files <const> = scratch.directory()
    for name, path in pairs { first = first, second = second } do
        shell.run("cd %s && sh -c %s >%s", path, PORTRAIT, files .. "/" .. name)
    end
    return shell.run("diff %s %s || true", files .. "/first", files .. "/second")
end

return M
