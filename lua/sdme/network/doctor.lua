-- What this host can do for networks of ours, and whether it does.

local core <const> = require "sdme.core"
local forward <const> = require "sdme.network.forward"
local networkd <const> = require "sdme.network.networkd"
local pool <const> = require "sdme.network.pool"

local M <const> = {}

local MODULES <const> = "load the modules nf_tables and nft_chain_nat"

-- What somebody has taken out of nftables is put there again.
local function mend(networks)
    local missing <const> = forward.missing(networks)
    forward.add(missing)
    return #missing > 0 and ("nftables lacked %d networks, and has them again"):format(#missing)
end

local function made()
    local networks <const> = {}
    for _, network in ipairs(pool.records()) do
        if network.kind ~= "bridge" and not network.pending then
            networks[#networks + 1] = network
        end
    end
    return networks
end

---What `sdme doctor` says of them.
---@return string verdict
---@return string? found
---@return string? hint
function M.examine()
    local _, effective = core.process.uid()
    if effective ~= 0 then
        return "unknown", "only root can tell"
    end
    local fine <const>, why <const> = core.firewall.probe()
    if not fine then
        return "no", why, MODULES
    end
    local networks <const> = made()
    local ok <const>, mended <const> = pcall(mend, networks)
    if not ok then
        return "no", tostring(mended), MODULES
    end
    local found <const> = { mended or nil, forward.is_on(false) and "forwarding is on"
        or "forwarding is off until it is needed" }
    found[#found + 1] = networkd.is_active() and "networkd leases addresses in zones"
        or "zones have addresses from address_pool, as networkd isn't running"
    if not forward.has_ipv6() then
        return "limited", "IPv4 only: IPv6 is turned off; " .. table.concat(found, "; ")
    end
    return "yes", table.concat(found, "; ")
end

return M
