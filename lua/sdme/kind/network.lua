-- Interfaces.

local base <const> = require "sdme.kind.base"

local define <const> = base.define
local quote <const> = base.quote

local M <const> = {}

---The name of a network interface, as the kernel and systemd take it, that begins with `prefix`.
---@param prefix string what systemd puts before it
---@return sdme.Kind
function M.interface(prefix)
    local maximum <const> = 15 - #prefix
    local expected <const> = ("the name of an interface (%d characters at most)"):format(maximum)
    return define {
        expected = expected,
        parse = function(text)
            if #text > maximum or not text:find "^[%w_.+-]+$" or not text:find "[^%d.]" then
                return nil, ("%s is not %s"):format(quote(text), expected)
            end
            return text
        end,
    }
end

return M
