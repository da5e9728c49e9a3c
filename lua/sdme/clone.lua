-- A clone of this host: what it shows of the host's filesystems, and what it must not take over.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"

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

---What is mounted on this host, or kept by sdme, and belongs to no copy of its files.
---@return string[] directories
function M.foreign()
    local directories <const> = { config.get "datadir", table.unpack(NOT_CLONED_PATHS) }
    for _, mount in ipairs(core.mount.list()) do
        if NOT_CLONED_TYPES[mount.type] then
            directories[#directories + 1] = mount.target
        end
    end
    return directories
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

---Makes the upper layer of a new clone hide what is the host's.
---@param upper sdme.Upper
---@param settings table
function M.prepare(upper, settings)
    local hidden <const> = M.hidden(settings)
    for _, path in ipairs(hidden) do
        upper:hide(path)
    end
    for _, name in ipairs(host_mount_units(hidden)) do
        upper:mask(name)
    end
end

---Whether a change of settings means other files in the upper layer.
---@param old table
---@param new table
---@return boolean
function M.changes_files(old, new)
    return table.concat(M.hidden(old), "\0") ~= table.concat(M.hidden(new), "\0")
end

local function set_of(list)
    local set <const> = {}
    for _, value in ipairs(list) do
        set[value] = true
    end
    return set
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
end

return M
