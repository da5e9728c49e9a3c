-- The units of containers: one static template for all, and for a container that differs from it
-- a drop-in with its limits.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local text <const> = require "sdme.unit.text"

local file <const> = core.file

local M <const> = {}

local TEMPLATE <const> = "sdme@.service"
local OWN_DIRECTORY <const> = "/etc/systemd/system"

local DEFAULT_DATADIR <const> = "/var/lib/sdme"

-- Where an installed template may lie (systemd.unit(5)), the first one winning.
local SEARCH_PATH <const> = {
    OWN_DIRECTORY, "/run/systemd/system", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
}

-- The longest boot that systemd lets a container have: `--timeout` ends it earlier.
M.longest_boot = 900

-- What systemd-nspawn exits with when the guest asks for a reboot.
local REBOOT <const> = "133"

---The template. All that differs between containers comes from their state.
---@return string
function M.template()
    local interpreter <const> = text.quote_argument(config.get "interpreter")
    return text.render {
        { "Unit",
            { "Description", "Container %i" },
            { "Documentation", "man:sdme(1)" },
            { "After", "network.target systemd-networkd.service" },
            { "Wants", "modprobe@overlay.service" },
            { "After", "modprobe@overlay.service" },
            { "CollectMode", "inactive-or-failed" },
        },
        { "Service",
            { "Type", "notify" },
            { "ExecStart", interpreter .. " __launch %i" },
            { "ExecStopPost", "-" .. interpreter .. " __stopped %i" },
            { "Environment", "SYSTEMD_NSPAWN_LOCK=0" },
            { "SyslogIdentifier", "%i" },
            { "KillMode", "mixed" },
            { "RestartForceExitStatus", REBOOT },
            { "SuccessExitStatus", REBOOT },
            { "TimeoutStartSec", ("%ds"):format(M.longest_boot) },
            { "TimeoutStopSec", ("%gs"):format(config.get "stop_timeout") },
            { "Slice", "machine.slice" },
            { "Delegate", "yes" },
            { "TasksMax", 16384 },
            { "DevicePolicy", "closed" },
            { "DeviceAllow", { "/dev/net/tun rwm", "char-pts rw", "/dev/fuse rwm" } },
        },
        { "Install",
            { "WantedBy", "multi-user.target" },
        },
    }
end

---@param name string of a container
---@return string
function M.name(name)
    return "sdme@" .. name .. ".service"
end

-- What the launcher must find again that isn't where it looks by itself.
local function environment()
    local list <const> = {}
    local function add(name, value)
        if value then
            list[#list + 1] = text.quote(name .. "=" .. value)
        end
    end
    if config.get "datadir" ~= DEFAULT_DATADIR then
        add("SDME_DATADIR", config.get "datadir")
    end
    add("SDME_CONFIG", config.given_file())
    add("SDME_LUA_PATH", os.getenv "SDME_LUA_PATH")
    return list
end

---The drop-in of a container, nil where the template says it all.
---@param settings table
---@return string?
function M.drop_in(settings)
    local devices <const> = {}
    for i, path in ipairs(settings.device or {}) do
        devices[i] = text.quote(path) .. " rw"
    end
    local section <const> = { "Service",
        { "Environment", environment() },
        { "MemoryMax", settings.memory },
        { "MemorySwapMax", settings.memory and 0 },
        { "CPUQuota", settings.cpus and ("%.14g%%"):format(settings.cpus * 100) },
        { "CPUWeight", settings.cpu_weight },
        { "TasksMax", settings.tasks },
        { "DeviceAllow", devices },
        { "Restart", settings.restart },
        { "AppArmorProfile", settings.apparmor_profile },
    }
    local rendered <const> = text.render { section }
    return rendered ~= "[Service]\n" and rendered or nil
end

local function drop_in_directory(name)
    return ("%s/%s.d"):format(OWN_DIRECTORY, M.name(name))
end

local function drop_in_path(name)
    return drop_in_directory(name) .. "/sdme.conf"
end

-- True when the file was written.
local function write_if_different(path, content)
    if file.read(path) == content then
        return false
    end
    fault.check(file.write(path, content, { mode = "0644", sync = true }))
    return true
end

local function install_template()
    local wanted <const> = M.template()
    for _, directory in ipairs(SEARCH_PATH) do
        local found <const> = file.read(directory .. "/" .. TEMPLATE)
        if found then
            if found == wanted then
                return false
            end
            break
        end
    end
    return write_if_different(OWN_DIRECTORY .. "/" .. TEMPLATE, wanted)
end

---Brings the files of a container's unit in line with its settings.
---@param name string
---@param settings table
---@return boolean changed
function M.install(name, settings)
    local changed <const> = install_template()
    local drop_in <const> = M.drop_in(settings)
    if drop_in then
        fault.check(file.mkdir(drop_in_directory(name), { mode = "0755", parents = true }))
        return write_if_different(drop_in_path(name), drop_in) or changed
    end
    return M.uninstall(name) or changed
end

---Removes what `install` made for one container.
---@param name string
---@return boolean changed
function M.uninstall(name)
    local removed <const> = file.remove(drop_in_path(name))
    file.remove(drop_in_directory(name))
    return removed ~= nil
end

return M
