-- Ports of the host that lead to others.

local address <const> = require("sdme.kind.address").address
local base <const> = require "sdme.kind.base"

local define <const> = base.define
local quote <const> = base.quote
local misfit <const> = base.misfit

local M <const> = {}

local FORM <const> = "[PROTO:][ADDRESS:]HOST[-HOST][:CTR[-CTR]]"

-- What one setting may open: each port takes two sockets.
local MAX_RANGE <const> = 1024

local function port_number(text, which)
    if text == "" then
        return nil, ("the %s port is missing"):format(which)
    elseif not text:find "^%d+$" then
        return nil, quote(text) .. " is not a port number"
    end
    local number <const> = tonumber(text)
    if number < 1 or number > 65535 then
        return nil, ("port %s is not between 1 and 65535"):format(quote(text))
    end
    return math.tointeger(number)
end

-- The first port of a range, and how many there are.
local function port_range(text, which)
    local first_text <const>, last_text <const> = text:match "^(%d+)%-(%d+)$"
    local first <const>, why <const> = port_number(first_text or text, which)
    if not first or not last_text then
        return first, first and 1 or why
    end
    local last <const>, last_why <const> = port_number(last_text, which)
    if not last then
        return nil, last_why
    elseif last < first then
        return nil, quote(text) .. " ends before it begins"
    elseif last - first >= MAX_RANGE then
        return nil, ("%s has more than %d ports"):format(quote(text), MAX_RANGE)
    end
    return first, last - first + 1
end

-- The protocol comes first ("udp:53:53") or last ("53:53/udp").
local function split_protocol(text)
    local rest, last = text:match "^([^/]*)/(.*)$"
    local first, ports = (rest or text):match "^(%a%w*):(.*)$"
    if first and first:find "^%x+$" and text:find("::", 1, true) then
        first, ports = nil, nil -- an IPv6 address
    end
    if first and last then
        return nil, quote(text) .. " names the protocol twice"
    end
    local protocol <const> = first or last or "tcp"
    if protocol ~= "tcp" and protocol ~= "udp" then
        return nil, ("the protocol is tcp or udp, not %s"):format(quote(protocol))
    end
    return protocol, ports or rest or text
end

-- The address, if there is one, and what comes behind it.
local function split_address(text)
    local bracketed <const>, behind <const> = text:match "^%[([^%]]*)%]:(.*)$"
    local plain <const>, ports <const> = text:match "^([%d.]*%.[%d.]*):(.*)$"
    if bracketed and not bracketed:find(":", 1, true) then
        return nil, quote(bracketed) .. " is not an IPv6 address"
    elseif bracketed or plain then
        local found <const>, why <const> = address.parse(bracketed or plain)
        return found, found and (behind or ports) or why
    end
    return false, text
end

-- The ports of the host, and those in the container if it names them.
local function split_ports(ports)
    local host <const>, container <const> = ports:match "^([^:]*):(.*)$"
    if container and container:find(":", 1, true) then
        return nil, ("%s has too many parts; expected %s, an IPv6 address in []"):format(
            quote(ports), FORM)
    end
    return host or ports, container
end

-- The first port on either side, and how many there are.
local function parse_ranges(text)
    local on_host <const>, inside <const> = split_ports(text)
    if not on_host then
        return nil, inside
    end
    local host <const>, count <const> = port_range(on_host, "host's")
    if not host then
        return nil, count
    end
    local container <const>, size <const> = port_range(inside or on_host, "container's")
    if container and size ~= count then
        return nil, ("%s: as many ports of the host as of the container are needed"):format(
            quote(text))
    end
    return container and host, container or size, count
end

local function parse_port(text)
    local protocol <const>, located <const> = split_protocol(text)
    if not protocol then
        return nil, located
    end
    local at <const>, ports <const> = split_address(located)
    if at == nil then
        return nil, ports
    end
    local host <const>, container <const>, count <const> = parse_ranges(ports)
    if not host then
        return nil, container
    end
    return {
        protocol = protocol, address = at or nil, host = host, container = container,
        count = count > 1 and count or nil,
    }
end

-- A number from Lua may be anything; what `parse` takes is a port.
local function range(first, count)
    return (count and "%.14g-%.14g" or "%.14g"):format(first, count and first + count - 1)
end

local function show(port)
    local at <const> = port.address
    return ("%s:%s%s:%s"):format(port.protocol or "tcp",
        not at and "" or at:find(":", 1, true) and "[" .. at .. "]:" or at .. ":",
        range(port.host, port.count), range(port.container or port.host, port.count))
end

local PORT_FIELDS <const> = {
    protocol = "string", address = "string", host = "number", container = "number",
    count = "number",
}

local function accept_table(value)
    local why <const> =
        misfit(value, PORT_FIELDS, "{ protocol=, address=, host=, container=, count= }")
    local count <const> = not why and value.count and (math.tointeger(value.count) or 0) or 1
    if why then
        return nil, why
    elseif not value.host then
        return nil, "the host's port is missing"
    elseif count < 1 or count > MAX_RANGE then
        return nil, ("count is not between 1 and %d"):format(MAX_RANGE)
    elseif value.address then
        local checked <const>, address_why <const> = address.parse(value.address)
        if not checked then
            return nil, address_why
        end
    end
    return parse_port(show(value))
end

---A port of the host that leads to one of the container.
---@class sdme.Port
---@field protocol "tcp"|"udp"|nil tcp without
---@field address string? of the host; all of them without
---@field host integer the port of the host
---@field container integer? the port in the container; the same without
---@field count integer? how many there are, one after another, on both sides; 1 without

M.port = define {
    expected = "a port as " .. FORM,
    type = "sdme.Port|integer|string",
    parse = parse_port,
    accept = function(value)
        if type(value) == "number" then
            return parse_port(("%.14g"):format(value))
        end
        return accept_table(value)
    end,
    show = show,
}

return M
