-- What is made when something of it is first asked for, so that a command loads what it uses and no
-- more. Only fields are passed on: to assign one, or to call it, takes the real thing.

local M <const> = {}

---What stands for a table that a function makes.
---@generic T: table
---@param make fun(): T
---@return T
function M.value(make)
    local meta <const> = {}
    function meta.__index(_, key)
        local made <const> = make()
        meta.__index = made
        return made[key]
    end
    return setmetatable({}, meta)
end

---What stands for a module.
---@param name string
---@return table
function M.module(name)
    return M.value(function()
        return require(name)
    end)
end

return M
