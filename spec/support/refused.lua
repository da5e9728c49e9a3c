-- What the command line says when it can't do something: one line, perhaps with a hint.

local assert <const> = require "luassert"
local sdme <const> = require "spec.support.sdme"

local M <const> = {}

---Asserts that a command fails, as it should be told.
---@param status integer
---@param pattern string of the line after "sdme: "
---@param ... string the command
---@return string? hint
function M.by(status, pattern, ...)
    local result <const> = sdme.run(...)
    assert.equal(status, result.status, result.err)
    assert.equal("", result.out)
    local lines <const> = {}
    for line in result.err:gmatch "[^\n]+" do
        -- How far a long operation came is told there too.
        lines[#lines + 1] = (#lines > 0 or line:find "^sdme: ") and line or nil
    end
    assert.matches("^sdme: " .. pattern .. "$", lines[1])
    assert.is_true(#lines == 1 or #lines == 2 and lines[2]:find "^hint: " ~= nil, result.err)
    return lines[2] and lines[2]:match "^hint: (.*)"
end

return M
