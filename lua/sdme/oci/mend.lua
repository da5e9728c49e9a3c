-- Whiteouts of nothing. In a directory that several layers have, overlayfs drops them; of one that
-- only a single layer has it lists them, as names that aren't there. So such a directory is made
-- once more, in a layer above.

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
            paths[#paths + 1] = lists_nothing(tree, path) and path:sub(2) or nil
        end
        table.sort(paths)
    end
    return paths
end

---Adds a layer to a stack where overlayfs would list names that aren't there.
---@param ids string[] from the bottom to the top
---@param transaction sdme.Transaction
---@return string[] ids
function M.stack(ids, transaction)
    local paths <const> = to_mend(ids)
    if #paths == 0 then
        return ids
    end
    local key <const> = step.key(ids, { directories = paths })
    if not transaction:use(key) then
        local new <close> = transaction:new()
        local tree <close> = upper.open(new.tree, view.stack(ids), 0)
        for _, path in ipairs(paths) do
            if path ~= "" then -- the top comes with the layer
                tree:directory(path)
            end
        end
        transaction:add(new, { id = key, size = 0, parent = ids[#ids],
            comment = "directories with whiteouts of nothing" })
    end
    return table.move({ key }, 1, 1, #ids + 1, table.move(ids, 1, #ids, 1, {}))
end

return M
