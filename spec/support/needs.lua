-- What a spec can't do without: where it is missing, the spec is skipped and says so.

local shell <const> = require "spec.support.shell"

local M <const> = {}

-- `pending` is a global of the specs alone; what it raises is a skip to every core of busted.
local raise_skip <const> = require "busted.core"().pending

local function skip(missing)
    raise_skip("needs " .. missing)
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
