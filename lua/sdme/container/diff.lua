-- What a container has changed in what it was made from.

local clone <const> = require "sdme.clone"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local files <const> = require "sdme.container.files"
local lifecycle <const> = require "sdme.container.lifecycle"

local file <const> = core.file

local M <const> = {}

-- As many ids as a user namespace of ours has.
local COUNT <const> = 65536

-- The part of `path` below `directory`, nil if it isn't there.
local function below(path, directory)
    if directory == "/" then
        return path:sub(2)
    elseif path == directory then
        return "."
    end
    return path:sub(1, #directory + 1) == directory .. "/" and path:sub(#directory + 2) or nil
end

-- The paths that are asked for, as those of one mount; nil if none of them is in it.
local function paths_below(paths, mount)
    if not paths then
        return nil, true
    end
    local inner <const> = {}
    for _, path in ipairs(paths) do
        inner[#inner + 1] = below(path, mount)
        if below(mount, path) then
            return nil, true
        end
    end
    return inner, #inner > 0
end

local function hidden_below(description, mount)
    local inner <const> = {}
    for _, path in ipairs(description.layers and {} or clone.hidden(description.settings)) do
        local found <const> = below(path, mount)
        inner[#inner + 1] = found ~= "." and found or nil
    end
    return inner
end

local function compare(description, mount, paths)
    local inner <const>, wanted <const> = paths_below(paths, mount)
    local path <const> = files.directory(description, mount) .. "/upper"
    if not wanted or not file.stat(path) then
        return {}
    end
    local lower <close> = files.below(description, mount)
    local upper <close> = fault.check(file.open_directory(path))
    local base <const> = description.userns and description.userns.base
    local changes <const> = fault.check(core.tree.compare {
        lower = lower, upper = upper, paths = inner, hidden = hidden_below(description, mount),
        shift = base and { from = base, to = 0, count = COUNT } or nil,
    })
    local prefix <const> = mount == "/" and "" or mount
    for _, change in ipairs(changes) do
        change.path = prefix .. change.path
        change.from = change.from and prefix .. change.from
    end
    return changes
end

---A difference between a tree and what it was made from.
---@class sdme.Change
---@field path string absolute
---@field change "A"|"M"|"D" added, modified or deleted
---@field type string what it is now, or was: as in `sdme.core.file.stat`
---@field what table<string, true>? of what was modified: content, mode, owner, time, attributes,
---  target
---  or type
---@field size integer? in bytes, of a file that is there
---@field lower_size integer? in bytes, of a file that was there before
---@field from string? where a moved directory was before

---@param name string
---@param paths string[]? absolute; only what is there or below
---@return sdme.Change[] by path
function M.changes(name, paths)
    for _, path in ipairs(paths or {}) do
        if not path:find "^/" then
            fault.usage("%s is no absolute path", path)
        end
    end
    local description <const> = lifecycle.read(name)
    local changes <const> = compare(description, "/", paths)
    for _, mount in ipairs(files.submounts(description)) do
        local inner <const> = compare(description, mount, paths)
        table.move(inner, 1, #inner, #changes + 1, changes)
    end
    table.sort(changes, function(a, b) return a.path < b.path end)
    return changes
end

return M
