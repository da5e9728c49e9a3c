-- A link between a network namespace and the host, with its addresses: the virtual Ethernet of a
-- pod, its way into a zone, or either for a container. What it is is a table, as the states of pods
-- and containers have it:
--   kind     "veth", "zone" or "bridge"
--   zone     of which it is in
--   bridge   of the host that it is in
--   name     of the interface in the namespace
--   link     of the host's end
--   address  those of the interface in the namespace, with the lengths of their networks
--   gateway  the host's addresses there

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local forward <const> = require "sdme.network.forward"
local networkd <const> = require "sdme.network.networkd"
local pool <const> = require "sdme.network.pool"
local prefix <const> = require "sdme.network.prefix"

local file <const>, link <const>, route <const> = core.file, core.link, core.route

local M <const> = {}

-- What no interface of ours is called, and none of systemd's files matches.
local PREFIX <const> = "sdme-"

local EVERYWHERE <const> = { [false] = "0.0.0.0/0", [true] = "::/0" }

---Whether the host has an interface.
---@param name string
---@return boolean
function M.exists(name)
    return file.stat("/sys/class/net/" .. name) ~= nil
end

-- A name of an interface has 15 characters, and that of a pod up to 64: so it is a digest of that,
-- which nobody has.
local function choose_link(seed, networks)
    local used <const> = {}
    for _, network in ipairs(networks) do
        used[network.link or ""] = true
    end
    local count = 0
    while true do
        local digest <close> = fault.check(core.digest.new "sha256")
        local name <const> = PREFIX .. digest:update(seed .. "\0" .. count):hex():sub(1, 10)
        if not used[name] and not M.exists(name) then
            return name
        end
        count = count + 1
    end
end

-- The next interface in the namespace: eth0, ...
local function choose_name(own)
    local used <const> = {}
    for _, network in ipairs(own) do
        used[network.name] = true
    end
    local number = 0
    while used["eth" .. number] do
        number = number + 1
    end
    return "eth" .. number
end

---Plans the link of a network of a namespace, but for its addresses. The caller holds the lock of
---the pool.
---@param network table with its kind, and the zone or bridge
---@param owner string whose it is, in words
---@param own table[] those that the namespace has already
---@return table network
function M.plan(network, owner, own)
    network.link = choose_link(owner .. "\0" .. network.kind .. (network.zone or ""),
        pool.records())
    network.name = choose_name(own)
    return network
end

---Gives it addresses of a network of its own: the host has the first one, and it the second.
---@param network table
---@param networks sdme.Prefix[]
function M.number(network, networks)
    network.address, network.gateway = {}, {}
    for i, one in ipairs(networks) do
        network.gateway[i] = one:host(1):address()
        network.address[i] = tostring(one:host(2))
    end
end

-- The host's address in the network of another one.
local function gateway_address(network, i)
    local found <const> = prefix.parse(network.address[i])
    return ("%s/%d"):format(network.gateway[i], found.length)
end

---Has the host's end of a link be in the bridge that it is for.
---@param network table
function M.join(network)
    fault.check(link.set_bridge {
        name = network.link, bridge = network.zone and "vz-" .. network.zone or network.bridge,
    })
end

local function connect(network, netns)
    fault.check(link.remove(network.link)) -- of a namespace that is on its way out
    fault.check(link.add_veth {
        name = network.link, peer = network.name, peer_netns = netns,
    })
    if network.kind ~= "veth" then
        M.join(network)
    end
    for i = 1, network.kind == "veth" and #network.gateway or 0 do
        fault.check(route.add_address {
            link = network.link, address = gateway_address(network, i),
        })
    end
    fault.check(link.set_up { name = network.link })
    fault.check(link.set_up { name = network.name, netns = netns })
    for _, address in ipairs(network.address) do
        fault.check(route.add_address { link = network.name, address = address, netns = netns })
    end
end

---Has the default route of a namespace lead through the first of its networks.
---@param netns userdata
---@param networks table[]
function M.set_routes(netns, networks)
    local done <const> = {}
    for _, network in ipairs(networks) do
        for _, gateway in ipairs(network.gateway) do
            local v6 <const> = gateway:find(":", 1, true) ~= nil
            if not done[v6] then
                done[v6] = true
                fault.check(route.add {
                    to = EVERYWHERE[v6], link = network.name, gateway = gateway, netns = netns,
                })
            end
        end
    end
end

---Has the host do for a network what it does for all of ours; it may be so already.
---@param network table
function M.allow(network)
    if network.kind ~= "bridge" then
        forward.add(network.address)
    end
end

---Makes the link of a network, as its table has it, and has the host forward for it.
---@param network table
---@param netns userdata the namespace
function M.make(network, netns)
    networkd.claim()
    connect(network, netns)
    M.allow(network)
end

---Takes away what `make` made, in the namespace and on the host.
---@param network table
function M.remove(network)
    fault.check(link.remove(network.link))
    if network.kind == "veth" then
        forward.remove(network.address)
    end
end

return M
