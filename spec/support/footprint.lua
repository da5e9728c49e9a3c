-- All that containers, pods and their networks could leave on a host. The same before and after
-- means that nothing is left, and a difference says what is.

local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local M <const> = {}

-- Not looked at is what stays on purpose, or is systemd's own: templates of units, slices, empty
-- directories and tables, what networkd is told of all interfaces of ours.
local LOOK <const> = [[
    awk '{print "mount", $4, $5}' /proc/self/mountinfo
    lsns --noheadings --type net --output NS | sed 's/^/network namespace /'
    lsns --noheadings --type user --output NS | sed 's/^/user namespace /'
    ls /sys/class/net | sed 's/^/interface /'
    nft list tables | grep -v io.systemd.nat
    nft --stateless list ruleset | grep elements
    systemctl list-units --all --no-legend --plain --type service,socket,mount |
        awk '/sdme/ {print $1, $3}'
    machinectl --no-legend list | sed 's/^/machine /'
    find /sys/fs/cgroup -type d ! -name '*.slice' \( -path '*machine.slice/*' -o -name '*sdme*' \)
    find /etc/systemd/system -name '*sdme*' | grep -vE '@\.|/sdme-names\.service$'
    find /run/sdme /run/systemd/network ! -type d ! -name lock ! -name 05-sdme.network
    find /run/systemd/nspawn -mindepth 2
    pgrep -l 'sdme|systemd-nspaw' | sed 's/^[0-9]*/process/'
    sed 's/^/hosts /' /etc/hosts
    find containers pods zones secrets staging locks ranges ephemeral -mindepth 1 -maxdepth 1]]

-- The lines of it.
local function look()
    local lines <const> = {}
    local text <const> = shell.run("cd %s; sh -c %s 2>/dev/null; true", sdme.datadir(), LOOK)
    for line in text:gmatch "[^\n]+" do
        lines[line] = true
    end
    return lines
end

local function difference(before, after)
    local found <const> = {}
    for line in pairs(after) do
        found[#found + 1] = not before[line] and "left: " .. line or nil
    end
    for line in pairs(before) do
        found[#found + 1] = not after[line] and "missing: " .. line or nil
    end
    table.sort(found)
    return table.concat(found, "\n")
end

local before

---Remembers what there is.
function M.take()
    sdme.ok "ps" -- makes the directories that stay
    wait.until_equal("", function() -- what was imported may still be on its way to the disk
        return shell.run "pgrep sdme-write-out || true"
    end)
    before = look()
end

---Asserts that something was made since.
function M.assert_changed()
    assert(difference(before, look()) ~= "", "nothing was made")
end

---Asserts that there is nothing more, and nothing less, as soon as what ends has ended.
function M.assert_unchanged()
    wait.until_equal("", function() return difference(before, look()) end)
end

return M
