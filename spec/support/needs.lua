-- What a spec can't do without: where it is missing, the spec is skipped and says so.

local shell <const> = require "spec.support.shell"

local M <const> = {}

local function skip(missing)
    pending("needs " .. missing) -- luacheck: ignore 113 (busted's)
end

function M.root()
    if shell.run("id -u") ~= "0" then
        skip("root")
    end
end

---@param ... string names of programs
function M.program(...)
    for _, name in ipairs { ... } do
        if not shell.succeeds("PATH=$PATH:/usr/sbin:/sbin command -v %s", name) then
            skip("the program " .. name)
        end
    end
end

---@param condition any
---@param what string
function M.that(condition, what)
    if not condition then
        skip(what)
    end
end

return M
