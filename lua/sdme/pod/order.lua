-- Which containers come after which.

local task <const> = require "sdme.task"

local M <const> = {}

local function sorted(nodes)
    local keys <const> = {}
    for key in pairs(nodes) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

-- From the first appearance of its last member on, a path is a cycle.
local function cycle_of(path, key)
    local cycle, inside = {}, false
    for _, each in ipairs(path) do
        inside = inside or each == key
        cycle[#cycle + 1] = inside and each or nil
    end
    cycle[#cycle + 1] = key
    return cycle
end

---The keys of nodes, each behind those that it comes after; else by name.
---@param nodes table<string, { after: string[] }>
---@return string[]? keys nil where there is a cycle
---@return string[]? cycle its keys, the first once more at the end
function M.sort(nodes)
    local keys <const>, seen <const>, path <const> = {}, {}, {}
    local function visit(key)
        if seen[key] == "done" or not nodes[key] then
            return nil
        elseif seen[key] then
            return cycle_of(path, key)
        end
        seen[key], path[#path + 1] = "open", key
        for _, other in ipairs(nodes[key].after) do
            local cycle <const> = visit(other)
            if cycle then
                return cycle
            end
        end
        path[#path], seen[key], keys[#keys + 1] = nil, "done", key
        return nil
    end
    for _, key in ipairs(sorted(nodes)) do
        local cycle <const> = visit(key)
        if cycle then
            return nil, cycle
        end
    end
    return keys
end

---The same nodes, with who comes before in place of who comes after.
---@param nodes table<string, { after: string[] }>
---@return table<string, { after: string[] }>
function M.reverse(nodes)
    local reversed <const> = {}
    for key in pairs(nodes) do
        reversed[key] = { after = {} }
    end
    for key, node in pairs(nodes) do
        for _, other in ipairs(node.after) do
            if reversed[other] then
                table.insert(reversed[other].after, key)
            end
        end
    end
    return reversed
end

-- Is done when all of them have an end: one of these that failed, or true.
local function ended(keys, ends)
    return {
        poll = function() end,
        step = function()
            for _, key in ipairs(keys) do
                if ends[key] == nil then
                    return false
                elseif ends[key] == false then
                    return true, key
                end
            end
            return true, nil
        end,
    }
end

---Works on nodes side by side, each once those that it comes after are done.
---@param nodes table<string, { after: string[] }> without a cycle
---@param work fun(key: string) what it raises is the node's failure
---@param skip fun(key: string, failed: string) is told of a node whose predecessor failed
---@return { key: string, raised: any }[] failures in the order in which they came
function M.run(nodes, work, skip)
    local strands <const>, ends <const>, failures <const> = {}, {}, {}
    for i, key in ipairs(M.sort(nodes)) do
        strands[i] = function()
            local present <const> = {}
            for _, other in ipairs(nodes[key].after) do
                present[#present + 1] = nodes[other] and other or nil
            end
            local fine <const>, why <const> = pcall(function()
                local failed <const> = task.await(ended(present, ends))
                if failed then
                    skip(key, failed)
                end
                work(key)
            end)
            ends[key] = fine
            failures[#failures + 1] = not fine and { key = key, raised = why } or nil
        end
    end
    task.all(table.unpack(strands))
    return failures
end

return M
