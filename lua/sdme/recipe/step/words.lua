-- Steps in a few words.

local M <const> = {}

---The keys of a table, sorted.
---@param map table<string, any>
---@return string[]
function M.sorted(map)
    local names <const> = {}
    for name in pairs(map) do
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

---@param map table<string, string>
---@return string # the names; values may be long
function M.of_map(map)
    return table.concat(M.sorted(map), " ")
end

return M
