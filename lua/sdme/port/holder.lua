-- Which process has a port of the host, as /proc tells (proc(5), proc_net(5)).

local core <const> = require "sdme.core"
local socket <const> = require "sdme.port.socket"

local file <const> = core.file

local M <const> = {}

-- What is bound and takes what comes: TCP_LISTEN and TCP_CLOSE of the kernel's tcp_states.h.
local LISTENS <const> = { tcp = "0A", udp = "07" }

-- Bytes of an address as the tables have it: words of 32 bits, each in the host's order.
local function words_of(hex)
    local bytes <const> = {}
    for word in hex:gmatch "%x%x%x%x%x%x%x%x" do
        bytes[#bytes + 1] = ("I4"):pack(tonumber(word, 16))
    end
    return table.concat(bytes)
end

local function address_of(hex)
    local bytes <const> = words_of(hex)
    if #bytes == 4 then
        return ("%d.%d.%d.%d"):format(bytes:byte(1, 4))
    end
    local groups <const> = {}
    for i = 1, 15, 2 do
        groups[#groups + 1] = ("%x"):format((">I2"):unpack(bytes, i))
    end
    return require("sdme.kind").address.parse(table.concat(groups, ":"))
end

-- The inodes of the sockets in a table of /proc/net that take what comes to a port.
local function inodes(protocol, number, wanted)
    local found <const> = {}
    local listed <const> = socket.table()
    listed:add(wanted, true)
    for _, suffix in ipairs { "", "6" } do
        local text <const> = file.read("/proc/net/" .. protocol .. suffix) or ""
        local pattern <const> = ("\n *%%d+: (%%x+):%04X %%x+:%%x+ %s [^\n]*"):format(number,
            LISTENS[protocol])
        for line, hex in text:gmatch("(" .. pattern .. ")") do
            -- One of IPv6 may be open to IPv4 too.
            local address <const> = address_of(hex)
            if not address or address == "::"
                or listed:find { protocol = protocol, number = number, address = address } then
                local inode <const> = line:match("^\n *%d+:" .. (" +%S+"):rep(8) .. " +(%d+)")
                found["socket:[" .. (inode or "") .. "]"] = true
            end
        end
    end
    return found
end

local function has_one(pid, links)
    local directory <const> = ("/proc/%s/fd"):format(pid)
    for _, number in ipairs(file.list(directory) or {}) do
        if links[file.readlink(directory .. "/" .. number)] then
            return true
        end
    end
    return false
end

local function describe(pid)
    local name <const> = (file.read(("/proc/%s/comm"):format(pid)) or ""):gsub("[%c]+$", "")
    local control_group <const> = file.read(("/proc/%s/cgroup"):format(pid)) or ""
    local container <const> = control_group:match "/sdme@([^/\n]+)%.service"
    return ("%s%s (process %s)"):format(container and ("container %s, "):format(container) or "",
        name, pid)
end

---The process that has a socket, in words. systemd listens for others, and so it is named last.
---@param wanted sdme.port.HostSocket
---@return string? holder nil where none is found
function M.find(wanted)
    local links <const> = inodes(wanted.protocol, wanted.number, wanted)
    if not next(links) then
        return nil
    end
    local first
    for _, pid in ipairs(file.list "/proc" or {}) do
        if pid:find "^%d+$" and has_one(pid, links) then
            if pid ~= "1" then
                return describe(pid)
            end
            first = describe(pid)
        end
    end
    return first
end

return M
