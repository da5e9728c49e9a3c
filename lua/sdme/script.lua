-- The scripts of users.

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

return M
