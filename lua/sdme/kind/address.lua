-- Addresses of networks, in digits.

local base <const> = require "sdme.kind.base"
local prefix <const> = require "sdme.network.prefix"

local M <const> = {}

-- ::ffff:0:0/96 (RFC 4291, 2.5.5.2): another way to write an IPv4 address.
local MAPPED <const> = prefix.parse "::ffff:0:0/96"

---An IPv4 or IPv6 address, in its one form.
M.address = base.define {
    expected = "an IPv4 or IPv6 address",
    parse = function(text)
        local found <const> = not text:find("/", 1, true) and prefix.parse(text)
        if not found then
            return nil, base.quote(text) .. " is not an IPv4 or IPv6 address"
        elseif found:overlaps(MAPPED) then
            return nil, base.quote(text) .. " is an IPv4 address; write it as one"
        end
        return found:address()
    end,
}

return M
