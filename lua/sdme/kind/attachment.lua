-- Networks of ours, and what is attached to them.

local base <const> = require "sdme.kind.base"
local interface <const> = require "sdme.kind.network".interface
local prefix <const> = require "sdme.network.prefix"

local define <const> = base.define
local quote <const> = base.quote

local M <const> = {}

-- A network that smaller ones are made of: the longest that leaves one for a host and a guest, and
-- of IPv6 one that is as long as networks of hosts are (RFC 4291, section 2.5.4).
local SHORTEST <const> = 8
local LONGEST <const> = { [true] = 64, [false] = 29 }

-- A network to take addresses from.
M.network = define {
    expected = "a network such as 10.173.0.0/16 or fd00:1:2::/48",
    parse = function(text)
        local found <const> = text:find("/", 1, true) and prefix.parse(text)
        if not found then
            return nil, ("%s is not %s"):format(quote(text), M.network.expected)
        elseif not found:is_at(found:network()) then
            return nil, ("%s has bits behind its length"):format(quote(text))
        elseif found.length < SHORTEST or found.length > LONGEST[found:is_v6()] then
            return nil, ("%s: its length is %d to %d"):format(quote(text), SHORTEST,
                LONGEST[found:is_v6()])
        end
        return tostring(found)
    end,
}

-- What a network has, where nobody says: as many as the original of IPv4's classes, and of IPv6.
local LENGTH <const> = { [true] = 64, [false] = 24 }

-- The first and the last one mean a network of IPv4, and everybody in it; the first one of IPv6
-- means its routers.
local function is_nobody(address)
    local network <const> = address:network()
    local behind <const> = 32 - address.length
    return address.length < address:bits() - 1 and (address:is_at(network)
        or not address:is_v6() and address:is_at(network:host((1 << behind) - 1)))
end

-- An address for a guest.
M.guest_address = define {
    expected = 'auto, or an address such as 10.0.0.2/24',
    complete = { "auto" },
    parse = function(text)
        if text == "auto" then
            return text
        end
        local found <const> = prefix.parse(text)
        if not found then
            return nil, ("%s is not %s"):format(quote(text), M.guest_address.expected)
        end
        if not text:find("/", 1, true) then
            found.length = LENGTH[found:is_v6()]
        end
        if found.length > found:bits() - 2 or found.length < 8 or is_nobody(found) then
            return nil, ("%s is no address for a guest: its network needs two more"):format(
                quote(text))
        end
        return tostring(found)
    end,
}

local zone <const> = interface "vz-"

-- What a pod is attached to.
M.attachment = define {
    expected = "veth or zone=ZONE",
    complete = { "veth", "zone=" },
    parse = function(text)
        local name <const> = text:match "^zone=(.*)$"
        if text == "veth" then
            return { kind = "veth" }
        elseif not name then
            return nil, ("expected veth or zone=ZONE, not %s"):format(quote(text))
        end
        local checked, why = zone.parse(name)
        return checked and { kind = "zone", zone = checked }, why
    end,
    show = function(value)
        return value.zone and "zone=" .. value.zone or value.kind
    end,
}

return M
