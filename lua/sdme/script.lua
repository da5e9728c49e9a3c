-- Scripts of users: loading one, running it, and telling what it raised.

local fault <const> = require "sdme.fault"

local M <const> = {}

-- Scripts load modules that lie beside them, and none from wherever we happen to be called.
local function add_path(file)
    local directory <const> = file:match "^(.*)/[^/]*$" or "."
    package.path = ("%s/?.lua;%s/?/init.lua;%s"):format(directory, directory, package.path)
end

---Reads a script, and has it find the modules that lie beside it.
---@param file string a path; "-" is stdin
---@return function chunk
function M.load(file)
    local from <const> = file ~= "-" and file or nil
    local chunk, why = loadfile(from, "t")
    if not chunk then
        fault.raise("ENOEXEC", nil, "run %s: %s", file, why)
    end
    if from then
        add_path(from)
    end
    return chunk
end

-- What a script raises is told with its position: it is the script's author who reads it.
local function defect(raised)
    local lines <const> = {}
    for line in tostring(raised):gmatch "[^\n]+" do
        lines[#lines + 1] = line
    end
    local first <const> = table.remove(lines, 1) or "the script raised an empty message"
    return fault.new { message = first, details = lines, traceback = raised.traceback }
end

---Runs a script.
---@param file string its path; "-" is stdin
---@param arguments string[]? what it gets as `arg` and `...`
---@return any ... what it returns
function M.run(file, arguments)
    local chunk <const> = M.load(file)
    M.running = file
    arg = { [0] = file, table.unpack(arguments or {}) } -- luacheck: globals arg
    local results <const> = table.pack(xpcall(chunk, fault.catch, table.unpack(arg)))
    if not results[1] then
        error(fault.is(results[2]) and results[2] or defect(results[2]), 0)
    end
    return table.unpack(results, 2, results.n)
end

---The things of a kind in what a script returned: these, or lists of them.
---@param is fun(value: any): boolean tells them
---@param ... any
---@return any[]
function M.find(is, ...)
    local found <const> = {}
    local function add(value)
        if is(value) then
            found[#found + 1] = value
        elseif type(value) == "table" and getmetatable(value) == nil then
            for _, item in ipairs(value) do
                add(item)
            end
        end
    end
    for i = 1, select("#", ...) do
        add((select(i, ...)))
    end
    return found
end

return M
