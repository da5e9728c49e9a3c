-- What a host does for networks of ours: it forwards their packets, and to the outside it stands
-- for them.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local pool <const> = require "sdme.network.pool"
local prefix <const> = require "sdme.network.prefix"

local file <const> = core.file

local M <const> = {}

local IPV4 <const> = "/proc/sys/net/ipv4/ip_forward"
local IPV6_CONF <const> = "/proc/sys/net/ipv6/conf"

local HINT <const> = "load the modules nf_tables and nft_chain_nat, or build a kernel with them"

-- As sysctl(8) does: such a file is neither made nor renamed.
local function set(path, value)
    local handle <const>, why <const> = io.open(path, "w")
    if not handle or not handle:write(value, "\n") or not handle:close() then
        fault.raise("EACCES", ("set it to %s"):format(value), "forward packets: %s",
            why or path .. " can't be set")
    end
end

local function is(path, value)
    return (file.read(path) or ""):match "^%S+" == value
end

-- A host that forwards believes no router (accept_ra = 1, kernel's ip-sysctl.rst), and would lose
-- its own way out: its interfaces that do believe them are told to go on.
local function forward_v6()
    if is(IPV6_CONF .. "/all/forwarding", "1") then
        return
    end
    for _, link in ipairs(file.list(IPV6_CONF) or {}) do
        local path <const> = ("%s/%s/accept_ra"):format(IPV6_CONF, link)
        if link ~= "all" and is(path, "1") and not is(
            ("%s/%s/forwarding"):format(IPV6_CONF, link), "1") then
            set(path, "2")
        end
    end
    set(IPV6_CONF .. "/all/forwarding", "1")
end

---Whether packets of a family are forwarded.
---@param v6 boolean
---@return boolean
function M.is_on(v6)
    return is(v6 and IPV6_CONF .. "/all/forwarding" or IPV4, "1")
end

---Raises where the kernel can't translate addresses.
---@param what string what it is wanted for
function M.check(what)
    local fine <const>, message <const>, code <const> = core.firewall.probe()
    if not fine then
        fault.raise(code, HINT, "%s: %s", what, message)
    end
end

---Has what comes from networks go out. All of it may have been done before; what somebody has taken
---away meanwhile is there again.
---@param addresses string[] any address of each network, with its length
function M.add(addresses)
    for _, text in ipairs(addresses) do
        local network <const> = prefix.parse(text):network()
        fault.check(core.firewall.add(tostring(network)))
        if network:is_v6() then
            forward_v6()
        elseif not is(IPV4, "1") then
            set(IPV4, "1")
        end
    end
end

---Ends that. Whether the host forwards at all stays as it is: others may count on it by now.
---@param addresses string[] any address of each network
function M.remove(addresses)
    for _, text in ipairs(addresses) do
        fault.check(core.firewall.remove(tostring(prefix.parse(text):network())))
    end
end

---The networks of pods and containers, noted somewhere, that nftables should know and doesn't.
---@param networks table[]
---@return string[] addresses of them
function M.missing(networks)
    local known <const>, missing <const> = {}, {}
    for _, first in ipairs(fault.check(core.firewall.list())) do
        known[first] = true
    end
    for _, network in ipairs(networks) do
        for _, text in ipairs(network.address or {}) do
            if not known[prefix.parse(text):network():address()] then
                missing[#missing + 1] = text
            end
        end
    end
    return missing
end

M.has_ipv6 = pool.has_ipv6

return M
