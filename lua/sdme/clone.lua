-- A clone of this host: what it shows of the host's filesystems, and what it must not take over.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local network <const> = require "sdme.network"

local file <const> = core.file

local M <const> = {}

-- Filesystems that hold no files of the host but what the kernel, a service or another machine
-- shows there.
local NOT_CLONED_TYPES <const> = {
    autofs = true, binfmt_misc = true, bpf = true, cgroup = true, cgroup2 = true, configfs = true,
    debugfs = true, devpts = true, devtmpfs = true, efivarfs = true, fusectl = true,
    hugetlbfs = true, mqueue = true, nsfs = true, proc = true, pstore = true, ramfs = true,
    rpc_pipefs = true, securityfs = true, selinuxfs = true, sysfs = true, tmpfs = true,
    tracefs = true,
}

-- A container has its own of each of these.
local NOT_CLONED_PATHS <const> = { "/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp" }

-- Units of systemd itself, which know when a container is no place for them.
local SYSTEMD_UNITS <const> = {
    ["dev-hugepages.mount"] = true, ["dev-mqueue.mount"] = true, ["tmp.mount"] = true,
    ["proc-sys-fs-binfmt_misc.automount"] = true, ["proc-sys-fs-binfmt_misc.mount"] = true,
    ["sys-fs-fuse-connections.mount"] = true, ["sys-kernel-config.mount"] = true,
    ["sys-kernel-debug.mount"] = true, ["sys-kernel-tracing.mount"] = true,
}

local UNIT_DIRECTORIES <const> = {
    "/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
}

local HOSTS <const> = [[
127.0.0.1 localhost
127.0.1.1 %s
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
]]

local function is_below(path, directory)
    return path == directory or path:sub(1, #directory + 1) == directory .. "/"
end

local function is_cloned(mount, hidden)
    if mount.target == "/" or NOT_CLONED_TYPES[mount.type] then
        return false
    end
    for _, directory in ipairs(NOT_CLONED_PATHS) do
        if is_below(mount.target, directory) then
            return false
        end
    end
    for _, directory in ipairs(hidden) do
        if is_below(mount.target, directory) then
            return false
        end
    end
    return true
end

---The mounts below `/` whose files a clone shows too, outer ones first. Of several on one path it
---is the last one that is seen.
---@param hidden string[] directories of the host that the clone doesn't see
---@return string[] targets
function M.submounts(hidden)
    local seen, targets = {}, {}
    for _, mount in ipairs(core.mount.list()) do
        if is_cloned(mount, hidden) and not seen[mount.target] then
            seen[mount.target] = true
            targets[#targets + 1] = mount.target
        end
    end
    table.sort(targets)
    return targets
end

---Units that would mount or swap what is the host's.
---@param hidden string[]
---@return string[] names
local function host_mount_units(hidden)
    local names <const> = {}
    for _, directory in ipairs(UNIT_DIRECTORIES) do
        local seen = true
        for _, path in ipairs(hidden) do
            seen = seen and not is_below(directory, path)
        end
        for _, name in ipairs(seen and file.list(directory) or {}) do
            if name:find "%.mount$" or name:find "%.automount$" or name:find "%.swap$" then
                if not SYSTEMD_UNITS[name] then
                    names[#names + 1] = name
                end
            end
        end
    end
    return names
end

---What of the host a clone doesn't see: what was asked for, what programs have there only for
---themselves, and our own data.
---@param settings table
---@return string[]
function M.hidden(settings)
    local opaque <const> = settings.overlayfs_opaque_dirs or config.get "host_rootfs_opaque_dirs"
    return { config.get "datadir", "/tmp", "/var/tmp", table.unpack(opaque) }
end

-- Whether a unit of the host can be enabled in its clone, and where it lies.
local function find_unit(name)
    for _, directory in ipairs { "/usr/lib/systemd/system", "/lib/systemd/system" } do
        if file.stat(directory .. "/" .. name) then
            return directory .. "/" .. name
        end
    end
end

-- An address is leased to the interface, whose hardware address comes from the container's name,
-- and not to the machine id, which each new clone has another of: the host has few addresses to
-- lease (systemd.network(5), PoolSize=), and may remember them for an hour.
local LEASE_FILE <const> = "/etc/systemd/network/80-container-host0.network.d/sdme.conf"
local LEASE <const> = "[DHCPv4]\nClientIdentifier=mac\n"

-- Enables what gives a clone with an interface of its own an address and names: its networkd, and
-- its resolved. Their [Install] sections are the host's; these are the links that matter in them.
local function enable_network(upper, masked)
    local wants <const> = {
        ["systemd-networkd.service"] = "multi-user.target.wants",
        ["systemd-networkd.socket"] = "sockets.target.wants",
        ["systemd-resolved.service"] = "sysinit.target.wants",
    }
    for unit, directory in pairs(wants) do
        local path <const> = not masked[unit] and find_unit(unit)
        if path then
            upper:symlink(("/etc/systemd/system/%s/%s"):format(directory, unit), path)
        end
    end
    upper:write(LEASE_FILE, LEASE)
end

local function mask(upper, units)
    for _, unit in ipairs(units) do
        upper:symlink("/etc/systemd/system/" .. unit, "/dev/null")
    end
end

local function set_of(list)
    local set <const> = {}
    for _, value in ipairs(list) do
        set[value] = true
    end
    return set
end

local function write_names(upper, name)
    upper:write("/etc/hostname", name .. "\n")
    upper:write("/etc/hosts", HOSTS:format(name))
end

---Makes the upper layer of a new clone.
---@param upper sdme.Upper
---@param name string
---@param settings table
function M.prepare(upper, name, settings)
    local hidden <const> = M.hidden(settings)
    for _, path in ipairs(hidden) do
        upper:hide(path)
    end
    write_names(upper, name)
    upper:write("/etc/fstab", "")
    -- Empty, and not missing: this is no first boot, and yet another machine.
    upper:write("/etc/machine-id", "")
    if (file.stat "/var/lib/dbus/machine-id" or {}).type == "file" then
        upper:symlink("/var/lib/dbus/machine-id", "/etc/machine-id")
    end
    mask(upper, host_mount_units(hidden))
    mask(upper, network.masked_services(settings))
    if network.has_interface(settings) then
        enable_network(upper, set_of(network.masked_services(settings)))
    end
end

local function same(a, b)
    return table.concat(a, "\0") == table.concat(b, "\0")
end

---Whether a change of settings means other files in the upper layer.
---@param old table
---@param new table
---@return boolean
function M.changes_files(old, new)
    return not same(M.hidden(old), M.hidden(new))
        or not same(network.masked_services(old), network.masked_services(new))
        or network.has_interface(old) ~= network.has_interface(new)
end

---Brings an upper layer in line with changed settings.
---@param upper sdme.Upper
---@param old table
---@param new table
function M.change(upper, old, new)
    local before <const>, after <const> = set_of(M.hidden(old)), set_of(M.hidden(new))
    for path in pairs(before) do
        if not after[path] then
            upper:show(path)
        end
    end
    for path in pairs(after) do
        if not before[path] then
            upper:hide(path)
        end
    end
    for _, unit in ipairs(network.masked_services(old)) do
        upper:unlink("/etc/systemd/system/" .. unit, "/dev/null")
    end
    mask(upper, network.masked_services(new))
    if network.has_interface(new) and not network.has_interface(old) then
        enable_network(upper, set_of(network.masked_services(new)))
    end
end

---Gives a clone its new name.
---@param upper sdme.Upper
---@param name string
function M.rename(upper, name)
    write_names(upper, name)
end

return M
