-- What a boot leaves behind that is of the guest, and not of what was done in it. Of files that lie
-- below too, that state is back when they are taken out of the new layer.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local file <const> = core.file

local M <const> = {}

-- Files, and directories with all that is in them.
local PATHS <const> = {
    "etc/.pwd.lock", "var/lib/systemd/catalog/database", "var/lib/systemd/credential.secret",
    "var/lib/systemd/timers", "var/lib/systemd/timesync",
}

-- Below it all files are logs.
local LOGS <const> = "var/log"

-- What PrivateTmp= of services that were killed has left (systemd.exec(5)).
local PRIVATE <const> = "^systemd%-private%-"

-- Calls a function for what is in a directory of the tree, if it is one.
local function each(path, root, call)
    local directory <close> = file.open_directory(path, { root = root, follow = false })
    if not directory then
        return
    end
    local names <const>, types = file.list(".", { root = directory })
    for _, name in ipairs(fault.check(names, types)) do
        call(name, types[name], directory)
    end
end

local function remove(name, directory)
    fault.check(core.tree.remove(name, { root = directory }))
end

local function remove_files(name, type, directory)
    if type == "directory" then
        each(name, directory, remove_files)
    elseif type == "file" then
        remove(name, directory)
    end
end

-- The id is empty, or missing, where the next container is to get one of its own.
local function remove_machine_id(tree, below)
    local now <const> = file.stat("etc/machine-id", { root = tree })
    local before <const> = file.stat("etc/machine-id", { root = below })
    if now and before and now.type == before.type and now.size == 0 and before.size == 0 then
        remove("etc/machine-id", tree)
    end
end

---Takes out of a new layer what is of the boot.
---@param tree userdata descriptor of the layer
---@param below userdata descriptor of what the layers below show
---@param settings table of the guest
function M.remove(tree, below, settings)
    for _, path in ipairs(PATHS) do
        if file.stat(path, { root = tree }) then
            remove(path, tree)
        end
    end
    each(LOGS, tree, remove_files)
    each("var/tmp", tree, function(name, _, directory)
        if name:find(PRIVATE) then
            remove(name, directory)
        end
    end)
    remove_machine_id(tree, below)
    -- Without a network of its own it has the host's (systemd-nspawn(1), --resolv-conf=).
    if not settings.private_network and file.stat("etc/resolv.conf", { root = tree }) then
        remove("etc/resolv.conf", tree)
    end
end

return M
