-- The names of containers on the host: nss-mymachines(8) knows those that have an address of their
-- own, where the host asks it; else /etc/hosts has a block of ours for as long as there are any.

local core <const> = require "sdme.core"
local text <const> = require "sdme.names.text"

local file <const> = core.file

local M <const> = {}

local HOSTS <const> = "/etc/hosts"
local SWITCH <const> = "/etc/nsswitch.conf"

---Whether the host asks machined for names (nsswitch.conf(5)).
---@return boolean
function M.asks_machined()
    local hosts <const> = ("\n" .. (file.read(SWITCH) or "")):match "\n%s*hosts:([^\n#]*)" or ""
    return (" " .. hosts .. " "):find "%smymachines%s" ~= nil
end

local function replace(stat, content)
    return file.write(HOSTS, content,
        { mode = ("%04o"):format(stat.mode), uid = stat.uid, gid = stat.gid })
end

---Has /etc/hosts say this besides what it says by itself. One that isn't ours to replace stays as
---it is.
---@param entries { address: string, name: string }[]
---@return string? problem why it stays as it is
function M.publish(entries)
    local stat <const> = file.stat(HOSTS)
    local current <const> = stat and stat.type == "file" and file.read(HOSTS)
    if not current then
        return #entries > 0 and HOSTS .. " is no file; it says nothing of containers" or nil
    end
    local has <const> = text.has_block(current)
    local content <const> = text.with(has and text.own(current) or current, entries)
    if content == current or not has and #entries == 0 then
        return nil
    end
    local done <const>, message <const> = replace(stat, content)
    return not done and ("%s says nothing of containers: %s"):format(HOSTS, message) or nil
end

---Takes out what a host that went down has left in /etc/hosts.
function M.sweep()
    if text.has_block(file.read(HOSTS) or "") then
        M.publish {}
    end
end

return M
