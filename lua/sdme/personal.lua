-- What a container must have of its own, whatever it was made from: its names, its machine id, no
-- mounts of another machine, and the services that its kind of network needs.

local network <const> = require "sdme.network"

local M <const> = {}

local HOSTS <const> = [[
127.0.0.1 localhost
127.0.1.1 %s
127.0.0.1 host.sdme.internal
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
]]

-- An address is leased to the interface, whose hardware address comes from the container's name,
-- and not to the machine id, which each new container has another of: the host has few addresses
-- to lease (systemd.network(5), PoolSize=), and may remember them for an hour.
local LEASE_FILE <const> = "/etc/systemd/network/80-container-host0.network.d/sdme.conf"
local LEASE <const> = "[DHCPv4]\nClientIdentifier=mac\n"

-- What gives a container with an interface of its own an address and names: its networkd, and its
-- resolved. Their [Install] sections say the same; these are the links that matter in them.
local NETWORK_UNITS <const> = {
    ["systemd-networkd.service"] = "multi-user.target.wants",
    ["systemd-networkd.socket"] = "sockets.target.wants",
    ["systemd-resolved.service"] = "sysinit.target.wants",
}

local UNIT_DIRECTORIES <const> = { "/usr/lib/systemd/system", "/lib/systemd/system" }

local function find_unit(upper, name)
    for _, directory in ipairs(UNIT_DIRECTORIES) do
        if upper:below(directory .. "/" .. name) then
            return directory .. "/" .. name
        end
    end
end

local function enable_network(upper, settings)
    local masked <const> = {}
    for _, unit in ipairs(network.masked_services(settings)) do
        masked[unit] = true
    end
    for unit, directory in pairs(NETWORK_UNITS) do
        local path <const> = not masked[unit] and find_unit(upper, unit)
        if path then
            upper:symlink(("/etc/systemd/system/%s/%s"):format(directory, unit), path)
        end
    end
    upper:write(LEASE_FILE, LEASE)
end

---Gives a container its name.
---@param upper sdme.Upper
---@param name string
function M.rename(upper, name)
    upper:write("/etc/hostname", name .. "\n")
    upper:write("/etc/hosts", HOSTS:format(name))
end

---Makes the upper layer of a new container.
---@param upper sdme.Upper
---@param name string
---@param settings table
function M.prepare(upper, name, settings)
    M.rename(upper, name)
    upper:write("/etc/fstab", "")
    -- Empty, and not missing: this is no first boot, and yet another machine.
    upper:write("/etc/machine-id", "")
    if (upper:below "/var/lib/dbus/machine-id" or {}).type == "file" then
        upper:symlink("/var/lib/dbus/machine-id", "/etc/machine-id")
    end
    for _, unit in ipairs(network.masked_services(settings)) do
        upper:mask(unit)
    end
    if network.has_interface(settings) then
        enable_network(upper, settings)
    end
end

---Whether a change of settings means other files in the upper layer.
---@param old table
---@param new table
---@return boolean
function M.changes_files(old, new)
    return table.concat(network.masked_services(old), "\0")
            ~= table.concat(network.masked_services(new), "\0")
        or network.has_interface(old) ~= network.has_interface(new)
end

---Brings an upper layer in line with changed settings.
---@param upper sdme.Upper
---@param old table
---@param new table
function M.change(upper, old, new)
    for _, unit in ipairs(network.masked_services(old)) do
        upper:unmask(unit)
    end
    for _, unit in ipairs(network.masked_services(new)) do
        upper:mask(unit)
    end
    if network.has_interface(new) and not network.has_interface(old) then
        enable_network(upper, new)
    end
end

return M
