-- Disk images, made by the programs that others make them with.

local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local M <const> = {}

local MIB <const> = 1 << 20

---A sparse file.
---@param size integer MiB
---@param script string|nil for sfdisk(8); without it, there is no partition table
---@param sector_size integer|nil
---@return string path
function M.make(size, script, sector_size)
    local path <const> = scratch.directory() .. "/disk.img"
    shell.run("truncate -s %s %s", size .. "M", path)
    if sector_size then
        shell.run([[device=$(losetup --find --show --sector-size %s %s) &&
            printf %%s %s | PATH=$PATH:/sbin:/usr/sbin sfdisk --quiet --no-reread $device 2>&1
            status=$?; losetup -d $device; exit $status]], tostring(sector_size), path, script)
    elseif script then
        shell.run("printf %%s %s | PATH=$PATH:/sbin:/usr/sbin sfdisk --quiet %s", script, path)
    end
    return path
end

---What its table says.
---@param path string
---@return { offset: integer, size: integer }[]
function M.partitions(path)
    local file <close> = assert(io.open(path, "rb"))
    return assert(core.disk.probe(file)).partitions
end

---Puts bytes into it.
---@param path string
---@param offset integer
---@param bytes string
function M.poke(path, offset, bytes)
    local file <close> = assert(io.open(path, "r+b"))
    file:seek("set", offset)
    assert(file:write(bytes))
end

---Makes a filesystem in a range of it, and runs a shell script in its root directory.
---@param path string
---@param range { offset: integer?, size: integer? }|nil such as a partition
---@param type string
---@param script string|nil
---@param options string|nil of mkfs
function M.format(path, range, type, script, options)
    local offset <const> = range and range.offset or 0
    local size <const> = range and range.size or 0
    local quiet <const> = type == "vfat" and "" or "-q"
    shell.run([[PATH=$PATH:/sbin:/usr/sbin
        device=$(losetup --find --show --offset %s --sizelimit %s %s) && mkdir -p %s &&
        mkfs.%s %s ]] .. (options or "") .. [[ $device >/dev/null && mount $device %s &&
        (cd %s && eval %s); status=$?
        umount %s; losetup -d $device; exit $status]], tostring(offset), tostring(size), path,
        path .. ".mnt", type, quiet, path .. ".mnt", path .. ".mnt", script or ":", path .. ".mnt")
end

---The files of loop devices whose names have a text in them. udev may look into a device for a
---moment after it was given up, which is waited for.
---@param text string
---@return string
function M.loops(text)
    return shell.run([[for i in $(seq 50); do
            left=$(losetup --list --noheadings --output BACK-FILE | grep -F -e %s)
            [ -n "$left" ] || break
            sleep 0.1
        done; echo "$left"]], text)
end

---The size of `count` MiB in bytes.
---@param count integer
---@return integer
function M.mib(count)
    return count * MIB
end

return M
