-- Addresses of networks, in digits.

local base <const> = require "sdme.kind.base"

local define <const> = base.define
local quote <const> = base.quote

local M <const> = {}

-- The groups of 16 bits in a part of an IPv6 address; nil if it isn't one.
local function groups_of(text)
    local groups <const> = {}
    for group in (text == "" and "" or text .. ":"):gmatch "([^:]*):" do
        if not group:find "^%x%x?%x?%x?$" then
            return nil
        end
        groups[#groups + 1] = tonumber(group, 16)
    end
    return groups
end

-- RFC 4291, 2.2: eight groups, of which "::" stands for one or more that are zero.
local function parse_ipv6(text)
    local head, tail = text:match "^(.-)::(.*)$"
    local first <const>, last <const> = groups_of(head or text), groups_of(tail or "")
    local missing <const> = first and last and 8 - #first - #last
    if not missing or head and missing < 1 or not head and missing ~= 0 then
        return nil
    end
    for _ = 1, missing do
        first[#first + 1] = 0
    end
    return table.move(last, 1, #last, #first + 1, first)
end

-- Where the longest run of zeros begins, and its length.
local function longest_zeros(groups)
    local best, length, run = 0, 1, 0
    for i = 1, #groups do
        run = groups[i] == 0 and run + 1 or 0
        if run > length then
            best, length = i - run + 1, run
        end
    end
    return best, best > 0 and length or 0
end

-- The one form of RFC 5952, 4.
local function show_ipv6(groups)
    local function joined(first, last)
        local words <const> = {}
        for i = first, last do
            words[#words + 1] = ("%x"):format(groups[i])
        end
        return table.concat(words, ":")
    end
    local start <const>, length <const> = longest_zeros(groups)
    if length == 0 then
        return joined(1, 8)
    end
    return joined(1, start - 1) .. "::" .. joined(start + length, 8)
end

local function parse_ipv4(text)
    local bytes <const> = { text:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$" }
    for i, byte in ipairs(bytes) do
        -- A leading zero is octal to some.
        if #byte > 3 or tonumber(byte) > 255 or byte:find "^0%d" then
            return nil
        end
        bytes[i] = tonumber(byte)
    end
    return bytes[1] and table.concat(bytes, ".") or nil
end

-- ::ffff:0:0/96 (RFC 4291, 2.5.5.2): the same as an IPv4 address, and no other socket's.
local function is_mapped(groups)
    for i = 1, 5 do
        if groups[i] ~= 0 then
            return false
        end
    end
    return groups[6] == 0xffff
end

---An IPv4 or IPv6 address, in its one form.
M.address = define {
    expected = "an IPv4 or IPv6 address",
    parse = function(text)
        local groups <const> = parse_ipv6(text)
        local address <const> = groups and show_ipv6(groups) or parse_ipv4(text)
        if not address then
            return nil, quote(text) .. " is not an IPv4 or IPv6 address"
        elseif groups and is_mapped(groups) then
            return nil, quote(text) .. " is an IPv4 address; write it as one"
        end
        return address
    end,
}

return M
