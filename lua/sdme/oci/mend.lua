-- Directories that an overlay of an image's layers would show otherwise than the image has them.
-- They are made once more, in a layer above.
--
-- Whiteouts of nothing: in a directory that several layers have, overlayfs drops them; of one that
-- only a single layer has it lists them, as names that aren't there.
--
-- Directories that a layer has files in, but no entry about: they are to be as they are in the
-- layers below, and the one that was made for the files hides that.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local layer <const> = require "sdme.store.layer"
local step <const> = require "sdme.step"
local upper <const> = require "sdme.upper"
local view <const> = require "sdme.view"

local file <const> = core.file

local M <const> = {}

local function is_whiteout(path, root)
    local stat <const> = file.stat(path, { root = root })
    return stat ~= nil and stat.type == "character" and stat.major == 0 and stat.minor == 0
end

-- Adds the directories that have whiteouts to a set.
local function find_whiteouts(root, path, set)
    local names <const>, types <const> = fault.check(file.list(path, { root = root }))
    for _, name in ipairs(names) do
        local inner <const> = path .. "/" .. name
        if types[name] == "directory" then
            find_whiteouts(root, inner, set)
        elseif types[name] == "character" and not set[path] and is_whiteout(inner, root) then
            set[path] = true
        end
    end
end

local function directories_with_whiteouts(ids)
    local set <const> = {}
    for _, id in ipairs(ids) do
        if layer.read(id).whiteouts then
            local root <close> = fault.check(file.open_directory(layer.path(id)))
            find_whiteouts(root, ".", set)
        end
    end
    return set
end

-- Whether a directory lists what isn't there.
local function lists_nothing(tree, path)
    for _, name in ipairs(file.list(path, { root = tree, follow = false }) or {}) do
        local inner <const> = path .. "/" .. name
        if not file.stat(inner, { root = tree }) or is_whiteout(inner, tree) then
            return true
        end
    end
    return false
end

local function to_mend(ids)
    local paths <const>, set <const> = {}, directories_with_whiteouts(ids)
    if next(set) then
        local tree <close> = view.stack(ids)
        for path in pairs(set) do
            paths[#paths + 1] = lists_nothing(tree, path) and path:sub(3) or nil
        end
        table.sort(paths)
    end
    return paths
end

-- What a directory is made with if there is no entry about it, and belongs to root.
local PLAIN <const> = tonumber("755", 8)

local function is_plain(stat)
    return stat.mode == PLAIN and stat.uid == 0 and stat.gid == 0
end

local function set_of(list)
    local set <const> = {}
    for _, each in ipairs(list) do
        set[each] = true
    end
    return set
end

-- A layer's own directories, and whatever else it has, are as they should be.
local function forget_entries(wanted, implied, id)
    if next(wanted) then
        local root <close> = fault.check(file.open_directory(layer.path(id)))
        for path in pairs(wanted) do
            wanted[path] = (implied[path] or not file.exists(path, { root = root }))
                and wanted[path] or nil
        end
    end
end

-- What the directories without an entry are to be, by path.
local function find_implied(ids)
    local wanted <const> = {}
    for i, id in ipairs(ids) do
        local implied <const> = layer.read(id).implied or {}
        forget_entries(wanted, set_of(implied), id)
        if i > 1 and #implied > 0 then
            local below <close> = view.stack(table.move(ids, 1, i - 1, 1, {}))
            for _, path in ipairs(implied) do
                local stat <const> = not wanted[path]
                    and file.stat(path, { root = below, follow = false })
                if stat and stat.type == "directory" and not is_plain(stat) then
                    wanted[path] = { mode = stat.mode, uid = stat.uid, gid = stat.gid }
                end
            end
        end
    end
    return wanted
end

-- Fills a layer with directories: those that others are in come first.
local function fill(tree, root, paths, wanted)
    for _, path in ipairs(paths) do
        local as <const> = wanted[path]
        if as then
            local parent <const> = path:match "^(.+)/[^/]+$"
            if parent then
                tree:directory(parent)
            end
            fault.check(file.mkdir(path,
                { root = root, mode = as.mode, uid = as.uid, gid = as.gid }))
        elseif path ~= "" then -- the top comes with the layer
            tree:directory(path)
        end
    end
end

local function add_implied(paths, wanted)
    local known <const> = set_of(paths)
    for path in pairs(wanted) do
        paths[#paths + 1] = not known[path] and path or nil
    end
    table.sort(paths)
end

---Adds a layer to a stack of which overlayfs would show some directories wrong.
---@param ids string[] from the bottom to the top
---@param transaction sdme.Transaction
---@return string[] ids
function M.stack(ids, transaction)
    local paths <const>, wanted <const> = to_mend(ids), find_implied(ids)
    add_implied(paths, wanted)
    if #paths == 0 then
        return ids
    end
    local key <const> = step.key(ids, { directories = paths, wanted = wanted })
    if not transaction:use(key) then
        local new <close> = transaction:new()
        local root <close> = fault.check(file.open_directory(new.tree))
        local tree <close> = upper.open(new.tree, view.stack(ids), 0)
        fill(tree, root, paths, wanted)
        transaction:add(new, { id = key, size = 0, parent = ids[#ids],
            comment = "directories as the image has them" })
    end
    return table.move({ key }, 1, 1, #ids + 1, table.move(ids, 1, #ids, 1, {}))
end

return M
