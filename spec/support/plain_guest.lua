-- Containers for specs of what speaks to one: systemd-nspawn on an overlay of this host's root,
-- started by hand, with nothing of sdme in it.

local shell <const> = require "spec.support.shell"

local M <const> = {}

local SCRIPT <const> = [[
set -e
mount -t overlay overlay -o lowerdir=/,upperdir=$1/upper,workdir=$1/work "$1/root"
rm -f "$1/root/etc/machine-id" "$1/root/etc/fstab"
touch "$1/root/etc/machine-id" "$1/root/etc/fstab"
directory=$1 name=$2
shift 2
exec systemd-nspawn --keep-unit --boot --notify-ready=yes --settings=no --quiet \
    --machine="$name" --directory="$directory/root" "$@"
]]

local function stop(unit)
    shell.succeeds("systemctl kill --signal=KILL %s; systemctl stop %s", unit, unit)
end

---Boots a container and waits until it is ready.
---@param name string
---@param ... string further options of systemd-nspawn
---@return { name: string, stop: fun(), kill: fun() }
function M.start(name, ...)
    local unit <const> = "sdme-spec-" .. name .. ".service"
    stop(unit) -- of a run that was killed
    local directory <const> = shell.run "mktemp -d /var/tmp/sdme-spec.XXXXXX"
    shell.run("cd %s && mkdir upper work root", directory)
    local words <const> = {}
    for i, word in ipairs { "sh", "-c", SCRIPT, "sh", directory, name, ... } do
        words[i] = shell.quote(word)
    end
    shell.run("systemd-run --quiet --unit=%s --slice=machine.slice --collect -p Type=notify "
        .. "-p PrivateMounts=yes -p Delegate=yes -p KillMode=mixed -p TimeoutStartSec=60 -- "
        .. table.concat(words, " "):gsub("%%", "%%%%"), unit)
    return {
        name = name,
        kill = function()
            shell.run("systemctl kill --signal=KILL %s", unit)
        end,
        stop = function()
            stop(unit)
            shell.run("rm -rf --one-file-system %s", directory)
        end,
    }
end

return M
