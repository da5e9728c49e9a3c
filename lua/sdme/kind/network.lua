-- Ports and interfaces.

local base <const> = require "sdme.kind.base"

local define <const> = base.define
local quote <const> = base.quote
local misfit <const> = base.misfit

local M <const> = {}

local function port_number(text, which)
    if text == "" then
        return nil, ("the %s port is missing"):format(which)
    elseif text:find "^%d+%-%d+$" then
        return nil, quote(text) .. " is a range; each port is given by itself"
    elseif not text:find "^%d+$" then
        return nil, quote(text) .. " is not a port number"
    end
    local number <const> = tonumber(text)
    if number < 1 or number > 65535 then
        return nil, ("port %s is not between 1 and 65535"):format(quote(text))
    end
    return math.tointeger(number)
end

-- The protocol comes first ("udp:53:53") or last ("53:53/udp").
local function split_protocol(text)
    local rest, last = text:match "^([^/]*)/(.*)$"
    local first, ports = (rest or text):match "^(%a%w*):(.*)$"
    if first and last then
        return nil, quote(text) .. " names the protocol twice"
    end
    local protocol <const> = first or last or "tcp"
    if protocol ~= "tcp" and protocol ~= "udp" then
        return nil, ("the protocol is tcp or udp, not %s"):format(quote(protocol))
    end
    return protocol, ports or rest or text
end

local function parse_port(text)
    if text:find "^%[" or text:find "^%d+%.%d+%.%d+%.%d+:" then
        return nil, quote(text) .. " names an address; ports are open on every address of the host"
    end
    local protocol, ports = split_protocol(text)
    if not protocol then
        return nil, ports
    end
    local host, container = ports:match "^([^:]*):(.*)$"
    if container and container:find ":" then
        return nil, quote(text) .. " has too many parts; expected [PROTO:]HOST[:CONTAINER]"
    end
    local on_host, host_why = port_number(host or ports, "host's")
    if not on_host then
        return nil, host_why
    elseif not container then
        return { protocol = protocol, host = on_host, container = on_host }
    end
    local inside, inside_why = port_number(container, "container's")
    if not inside then
        return nil, inside_why
    end
    return { protocol = protocol, host = on_host, container = inside }
end

local PORT_FIELDS <const> = { protocol = "string", host = "number", container = "number" }

---A port of the host that leads to one of the container.
---@class sdme.Port
---@field protocol "tcp"|"udp"|nil tcp without
---@field host integer the port of the host
---@field container integer? the port in the container; the same without

M.port = define {
    expected = "a port as [PROTO:]HOST[:CONTAINER]",
    type = "sdme.Port|integer|string",
    parse = parse_port,
    accept = function(value)
        if type(value) == "number" then
            return parse_port(("%.14g"):format(value))
        end
        local why <const> = misfit(value, PORT_FIELDS, "{ protocol=, host=, container= }")
        if why then
            return nil, why
        elseif not value.host then
            return nil, "the host's port is missing"
        end
        return parse_port(("%s:%.14g:%.14g"):format(value.protocol or "tcp", value.host,
            value.container or value.host))
    end,
    show = function(value)
        return ("%s:%d:%d"):format(value.protocol, value.host, value.container)
    end,
}

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
