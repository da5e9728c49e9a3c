-- The sockets of the host that ports take.

local kind <const> = require "sdme.kind"

local M <const> = {}

---How many ports one container or pod may have: each takes up to two sockets of its forwarder.
M.MAX = 1024

-- A port without an address is open at all of them.
local EVERYWHERE <const> = { "0.0.0.0", "::" }

---@class sdme.port.HostSocket
---@field protocol "tcp"|"udp"
---@field address string
---@field number integer
---@field target integer? the port that it leads to
---@field position integer? of its port in the list

---The sockets of a list of ports.
---@param ports sdme.Port[]?
---@return sdme.port.HostSocket[]
function M.of(ports)
    local sockets <const> = {}
    for position, port in ipairs(ports or {}) do
        for i = 0, (port.count or 1) - 1 do
            for _, address in ipairs(port.address and { port.address } or EVERYWHERE) do
                sockets[#sockets + 1] = {
                    protocol = port.protocol, address = address, number = port.host + i,
                    target = port.container + i, position = position,
                }
            end
        end
    end
    return sockets
end

---A list of ports in which none has a count.
---@param ports sdme.Port[]?
---@return sdme.Port[]
function M.single(ports)
    local singles <const> = {}
    for _, port in ipairs(ports or {}) do
        for i = 0, (port.count or 1) - 1 do
            singles[#singles + 1] = {
                protocol = port.protocol, address = port.address, host = port.host + i,
                container = port.container + i,
            }
        end
    end
    return singles
end

local function wildcard(address)
    return address:find(":", 1, true) and "::" or "0.0.0.0"
end

local function key(socket)
    return socket.protocol .. socket.number
end

-- Whether one takes what comes to the other.
local function collides(a, b)
    return a.address == b.address or a.address == wildcard(b.address)
        or b.address == wildcard(a.address)
end

---What knows of sockets, and finds those that can't be beside another one.
---@class sdme.port.Table
local Table <const> = {}
Table.__index = Table

---@return sdme.port.Table
function M.table()
    return setmetatable({ by_key = {} }, Table)
end

---@param socket sdme.port.HostSocket
---@param holder any whose it is
function Table:add(socket, holder)
    local list <const> = self.by_key[key(socket)] or {}
    list[#list + 1] = { socket = socket, holder = holder }
    self.by_key[key(socket)] = list
end

---@param socket sdme.port.HostSocket
---@return any holder nil where it can be had
function Table:find(socket)
    for _, entry in ipairs(self.by_key[key(socket)] or {}) do
        if collides(entry.socket, socket) then
            return entry.holder
        end
    end
    return nil
end

---Ports as listings show them: the protocol only where it isn't tcp.
---@param ports sdme.Port[]?
---@return string[]
function M.shown(ports)
    local texts <const> = {}
    for i, port in ipairs(ports or {}) do
        texts[i] = kind.port.show(port):gsub("^tcp:", "")
    end
    return texts
end

---What a message calls a port.
---@param protocol string
---@param address string?
---@param number integer
---@return string
function M.name(protocol, address, number)
    local at <const> = not address and "" or address:find(":", 1, true) and "[" .. address .. "]:"
        or address .. ":"
    return ("%s %s%d"):format(protocol, at, number)
end

-- The first socket of a list that another port of the list has too.
local function find_twice(ports)
    local seen <const> = M.table()
    for _, socket in ipairs(M.of(ports)) do
        if seen:find(socket) then
            return socket
        end
        seen:add(socket, true)
    end
    return nil
end

---What keeps ports from being those of one container or pod.
---@param ports sdme.Port[]?
---@return string? why
function M.problem(ports)
    local count = 0
    for _, port in ipairs(ports or {}) do
        count = count + (port.count or 1)
    end
    if count > M.MAX then
        return ("%d ports are more than %d"):format(count, M.MAX)
    end
    local twice <const> = find_twice(ports)
    return twice and M.name(twice.protocol, ports[twice.position].address, twice.number)
        .. " of the host is given twice" or nil
end

return M
