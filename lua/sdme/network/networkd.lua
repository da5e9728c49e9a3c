-- What systemd-networkd has to know: which interfaces are ours, and not its own, and which
-- addresses of ours a bridge of a zone has besides those that it gives. All of it is below /run,
-- and so for this boot of the host only.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local host <const> = require "sdme.host"
local task <const> = require "sdme.task"

local file <const> = core.file

local M <const> = {}

local DIRECTORY <const> = "/run/systemd/network"

-- Before any file that matches all interfaces: the first that matches counts (systemd.network(5)).
local OWN <const> = DIRECTORY .. "/05-sdme.network"
local UNMANAGED <const> = "[Match]\nName=sdme-*\n\n[Link]\nUnmanaged=yes\n"

-- What systemd has for bridges of zones, in the order in which it looks.
local ZONE_FILES <const> = {
    "/etc/systemd/network/80-container-vz.network", "/run/systemd/network/80-container-vz.network",
    "/usr/local/lib/systemd/network/80-container-vz.network",
    "/usr/lib/systemd/network/80-container-vz.network",
    "/lib/systemd/network/80-container-vz.network",
}

-- As we set it: where anything differs, the networkd of systemd 252 sets it again and again.
local ADDRESS <const> = "[Address]\nAddress=%s\nBroadcast=no\nDuplicateAddressDetection=none\n"

local SERVICE <const> = "systemd-networkd.service"

---Whether it is running.
---@return boolean
function M.is_active()
    local fine <const>, state <const> = pcall(function()
        return host.manager():unit_property(SERVICE, "Unit", "ActiveState")
    end)
    return fine and (state == "active" or state == "activating" or state == "reloading")
end

local function reload()
    local results <const> = table.pack(task.await(host.bus():call {
        destination = "org.freedesktop.network1", path = "/org/freedesktop/network1",
        interface = "org.freedesktop.network1.Manager", member = "Reload", signature = "",
        arguments = {},
    }))
    if results[1] == nil and results[2] ~= nil then
        fault.raise(results[3], "systemctl restart systemd-networkd",
            "have systemd-networkd read its files: %s", results[2])
    end
end

local function write(path, content)
    if file.read(path) == content then
        return false
    end
    fault.check(file.mkdir(DIRECTORY, { parents = true, mode = "0755" }))
    fault.check(file.write(path, content, { mode = "0644", sync = false }))
    return true
end

local function apply(changed)
    if changed and M.is_active() then
        reload()
    end
end

---Has it leave our interfaces alone, whatever files of others match all there are.
function M.claim()
    apply(write(OWN, UNMANAGED))
end

local function zone_path(zone)
    return ("%s/06-sdme-vz-%s.network"):format(DIRECTORY, zone)
end

-- The host's own file for bridges of zones; nil where networkd has nothing to do with them.
local function zone_file()
    for _, path in ipairs(ZONE_FILES) do
        local content <const> = file.read(path)
        if content then
            return content:find "%S" and content or nil
        end
    end
end

---Whether it gives the bridges of zones addresses.
---@return boolean
function M.has_zones()
    return zone_file() ~= nil and M.is_active()
end

---Has a bridge of a zone have addresses of ours besides its own.
---@param zone string
---@param addresses string[]
---@param own string[] what it has of networkd now, which it shall keep
function M.add_zone(zone, addresses, own)
    local content <const> = zone_file()
    if not content then
        return
    end
    local lines <const> = { (content:gsub("(%f[^\n\0]Name=)[^\n]*", "%1vz-" .. zone, 1)) }
    if #own > 0 then
        lines[1] = lines[1]:gsub("\nAddress=0%.0%.0%.0/[^\n]*",
            "\nAddress=" .. table.concat(own, "\nAddress="), 1)
    end
    for _, address in ipairs(addresses) do
        lines[#lines + 1] = ADDRESS:format(address)
    end
    apply(write(zone_path(zone), table.concat(lines, "\n")))
end

---Ends that, when the bridge has gone.
---@param zone string
function M.remove_zone(zone)
    apply(file.remove(zone_path(zone)) ~= nil)
end

return M
