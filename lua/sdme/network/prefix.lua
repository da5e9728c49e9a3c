-- Networks and addresses with the length of their network, IPv4 and IPv6, as numbers to count with.

local M <const> = {}

-- The address families: socket(2).
local IPV4 <const>, IPV6 <const> = 2, 10

-- An address is two numbers of 64 bits, its first bit the first of both families: that of IPv4 is
-- the upper half of the first number.
---@class sdme.Prefix
---@field family integer AF_INET or AF_INET6
---@field high integer the first 64 bits
---@field low integer those behind them
---@field length integer how many of its bits are those of its network
local Prefix <const> = {}
Prefix.__index = Prefix

---How many bits an address has.
---@return integer
function Prefix:bits()
    return self.family == IPV4 and 32 or 128
end

local function make(family, high, low, length)
    return setmetatable({ family = family, high = high, low = low, length = length }, Prefix)
end

local function parse_v4(text)
    local value, count = 0, 0
    for part in (text .. "."):gmatch "([^.]*)%." do
        local byte <const> = part:find "^%d%d?%d?$" and tonumber(part)
        if not byte or byte > 255 or part:find "^0%d" then
            return nil
        end
        value, count = value << 8 | math.tointeger(byte), count + 1
    end
    if count == 4 then
        return value << 32, 0
    end
end

-- The groups of one half of an IPv6 address; nil if something isn't one.
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

local function parse_v6(text)
    local first, last = text:match "^(.-)::(.*)$"
    local before <const>, behind <const> = groups_of(first or text), groups_of(last or "")
    local missing <const> = before and behind and 8 - #before - #behind
    if not missing or (first and missing < 1) or (not first and missing ~= 0) then
        return nil
    end
    for _ = 1, missing do
        before[#before + 1] = 0
    end
    table.move(behind, 1, #behind, #before + 1, before)
    return string.unpack(">I8I8", string.pack((">I2"):rep(8), table.unpack(before)))
end

---Reads an address, with "/" and a length or without.
---@param text string
---@return sdme.Prefix? prefix nil if it is none; its length is that of all bits if none is given
function M.parse(text)
    local address, length = text:match "^([^/]*)/(%d%d?%d?)$"
    address = address or text
    local family <const> = address:find(":", 1, true) and IPV6 or IPV4
    local high, low = (family == IPV6 and parse_v6 or parse_v4)(address)
    local bits <const> = family == IPV4 and 32 or 128
    local number <const> = length and math.tointeger(tonumber(length)) or bits
    if not high or number > bits then
        return nil
    end
    return make(family, high, low, number)
end

-- The bits of both numbers that a length has.
local function masks(length)
    local high <const> = length >= 64 and -1 or ~(-1 >> length)
    local low <const> = length <= 64 and 0 or length >= 128 and -1 or ~(-1 >> (length - 64))
    return high, low
end

---The network that an address is in.
---@return sdme.Prefix
function Prefix:network()
    local high <const>, low <const> = masks(self.length)
    return make(self.family, self.high & high, self.low & low, self.length)
end

---Whether two networks have addresses in common.
---@param other sdme.Prefix
---@return boolean
function Prefix:overlaps(other)
    local high <const>, low <const> = masks(math.min(self.length, other.length))
    return self.family == other.family and (self.high ~ other.high) & high == 0
        and (self.low ~ other.low) & low == 0
end

---How many networks of a length there are in one, which is at most as long: 2^32 are counted.
---@param length integer
---@return integer
function Prefix:count(length)
    return 1 << math.min(length - self.length, 32)
end

---One of them.
---@param length integer up to 64
---@param index integer from 0 on
---@return sdme.Prefix
function Prefix:part(length, index)
    return make(self.family, self.high + (index << (64 - length)), self.low, length)
end

---An address of a network.
---@param index integer from 0 on
---@return sdme.Prefix address with the length of the network
function Prefix:host(index)
    local high = self.high
    local low = self.low
    if self.family == IPV4 then
        high = high + (index << 32)
    else
        low = low + index
    end
    return make(self.family, high, low, self.length)
end

---Whether two addresses are the same, whatever their networks are.
---@param other sdme.Prefix
---@return boolean
function Prefix:is_at(other)
    return self.family == other.family and self.high == other.high and self.low == other.low
end

---The address without the length.
---@return string
function Prefix:address()
    local bytes <const> = self.family == IPV4 and string.pack(">I4", self.high >> 32 & 0xffffffff)
        or string.pack(">i8i8", self.high, self.low)
    return require("sdme.machined").show_address(self.family, bytes)
end

function Prefix:__tostring()
    return ("%s/%d"):format(self:address(), self.length)
end

---Whether it is of IPv6.
---@return boolean
function Prefix:is_v6()
    return self.family == IPV6
end

return M
