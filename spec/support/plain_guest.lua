-- Containers for specs of what speaks to one: systemd-nspawn on an overlay of this host's root,
-- started by hand.

local core <const> = require "sdme.core"
local shell <const> = require "spec.support.shell"

local M <const> = {}

local IDS <const> = 65536

---Boots a container and waits until it is ready.
---@param name string
---@param first_id integer? of user ids of its own
---@return { name: string, stop: fun(), kill: fun() }
function M.start(name, first_id)
    local unit <const> = "sdme-spec-" .. name .. ".service"
    local directory <const> = "/var/tmp/" .. unit
    local root <const> = directory .. "/root"
    local users <const> = first_id and ("%d:%d"):format(first_id, IDS) or "no"

    local function clean()
        shell.succeeds("systemctl kill --signal=KILL %s; systemctl stop %s", unit, unit)
        shell.succeeds("umount --lazy %s; umount --lazy %s", root, directory)
        shell.succeeds("rmdir %s", directory)
        shell.run("i=0; while machinectl show %s >/dev/null 2>&1 && [ $i -lt 200 ]; do "
            .. "i=$((i + 1)); sleep 0.05; done", name)
    end

    clean() -- after a run that was killed
    -- Apart from the root's own filesystem, so that it isn't in the tree below itself.
    shell.run("mkdir -p %s && mount -t tmpfs tmpfs %s", directory, directory)
    shell.run("cd %s && mkdir upper work root", directory)
    shell.run("cd %s && mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work,metacopy=on "
        .. "overlay root", directory)
    shell.run("cd %s/etc && rm -f machine-id fstab && touch machine-id fstab", root)
    if first_id then
        assert(core.tree.shift(root, { from = 0, to = first_id, count = IDS }))
    end
    -- What systemd-nspawn mounts below /run would outlive its being killed, but for PrivateMounts.
    local booted <const>, message <const> = pcall(shell.run,
        "systemd-run --quiet --unit=%s --slice=machine.slice --collect -p Type=notify "
            .. "-p PrivateMounts=yes -p Delegate=yes -p KillMode=mixed -- systemd-nspawn --quiet "
            .. "--keep-unit --boot --notify-ready=yes --settings=no --private-users-ownership=off "
            .. "--machine=%s --directory=%s --private-users=%s", unit, name, root, users)
    if not booted then
        clean()
        error(message, 2)
    end
    return {
        name = name,
        stop = clean,
        kill = function()
            shell.run("systemctl kill --signal=KILL %s", unit)
        end,
    }
end

return M
