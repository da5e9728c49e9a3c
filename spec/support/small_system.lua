-- A root filesystem of some hundred files, in every form that can be imported, and what a store
-- of such ones holds.

local json <const> = require "sdme.json"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local M <const> = {}

local MAKE <const> = [[
    mkdir -p etc usr/lib usr/bin var/lib root
    printf 'ID=small\nPRETTY_NAME="Small %s"\n' >usr/lib/os-release
    ln -s ../usr/lib/os-release etc/os-release
    ln -s usr/bin bin
    echo shadow >etc/shadow && chown 0:42 etc/shadow && chmod 640 etc/shadow
    echo tool >usr/bin/tool && chmod 4755 usr/bin/tool && ln usr/bin/tool usr/bin/link
    mkfifo var/lib/fifo
    for d in 1 2 3 4 5; do mkdir -p usr/lib/$d/in && (cd usr/lib/$d/in && seq 60 |
        while read n; do echo %s $d $n >$n; done); done]]

---A directory with one.
---@param word string that is in its files
---@return string path gone with `scratch.clean`
function M.directory(word)
    local path <const> = scratch.directory() .. "/" .. word
    shell.run("mkdir %s && cd %s && eval %s", path, path, (MAKE:gsub("%%s", word)))
    return path
end

local SHELL <const> = [[cd %s && mkdir -p usr/lib64 && ln -s usr/lib usr/lib64 . &&
    for file in /bin/sh $(ldd /bin/sh | grep -o '/lib[^ ]*'); do
        cp --parents -L $file .
    done]]

---Gives one a shell that runs in it: the host's.
---@param directory string
function M.add_shell(directory)
    shell.run(SHELL, directory)
end

---@param directory string
---@return string path of a tar archive
function M.archive(directory)
    shell.run("tar -C %s -cf %s .", directory, directory .. ".tar")
    return directory .. ".tar"
end

---@param directory string
---@param size string? of the filesystem
---@return string path of a qcow2 image
function M.qcow2(directory, size)
    shell.run("PATH=$PATH:/sbin:/usr/sbin; truncate -s %s %s.raw && mkfs.ext4 -q -d %s %s.raw && "
        .. "qemu-img convert -c -O qcow2 %s.raw %s.qcow2 && rm %s.raw", size or "16M", directory,
        directory, directory, directory, directory, directory)
    return directory .. ".qcow2"
end

---Has the data directory in memory, or in a filesystem of another kind that is soon full.
---@param mount string? arguments of mount(8) before the directory
function M.mount(mount)
    shell.run("mount " .. (mount or "-t tmpfs tmpfs") .. " %s", sdme.datadir())
end

---Ends that, as soon as what was imported is written out.
function M.unmount()
    wait.until_true("it can be unmounted", function()
        return shell.succeeds("umount %s", sdme.datadir())
    end)
end

local TREES <const> = [[
    cd %s/layers && for id in *; do [ ! -e $id ] || (
        cd $id/tree
        echo $id $({ find . -printf '%%P %%y %%m %%U %%G %%l %%n\n' | sort
            find . -type f -print0 | sort -z | xargs -0 cat; } | sha256sum)
    ); done]]

---What every layer holds: names, metadata and content.
---@return table<string, string> digests by layer
function M.trees()
    local found <const> = {}
    for id, digest in shell.run(TREES, sdme.datadir()):gmatch "([%w-]+) (%x+)" do
        found[id] = digest
    end
    return found
end

---@param name string
---@return table as `sdme fs inspect` tells it
function M.inspect(name)
    return json.decode(sdme.ok("fs", "inspect", name))
end

---What there is on the host because of the data directory: mounts, loop devices, processes.
---@return string a line each
function M.at_work()
    return shell.run([[
        grep %s/ /proc/self/mountinfo | sed 's/^/mount /'
        PATH=$PATH:/sbin:/usr/sbin losetup -l -n -O BACK-FILE | grep %s/ | sed 's/^/loop /'
        grep -lzsF SDME_DATADIR=%s /proc/[0-9]*/environ | sed 's/^/process /'
        true]], sdme.datadir(), sdme.datadir(), sdme.datadir())
end

---What there is on the host because of a command that runs in layers.
---@return string a line each
function M.steps()
    return shell.run([[
        find /run/systemd/nspawn -mindepth 2 2>/dev/null
        systemctl list-units --all --no-legend 'sdme-*.scope'
        true]])
end

---What lies in the data directory and belongs to nothing.
---@return string a line each
function M.unfinished()
    return shell.run([[cd %s && ls -d staging/* locks/* fs/.* containers/*/.* 2>/dev/null |
        grep -v '/\.\.*$'; true]], sdme.datadir())
end

return M
