-- The units of containers: one static template for all, and for a container that differs from it
-- a drop-in with its limits.

local apparmor <const> = require "sdme.apparmor"
local config <const> = require "sdme.config"
local file <const> = require "sdme.unit.file"
local interpreter <const> = require "sdme.unit.interpreter"
local names <const> = require "sdme.unit.names"
local network <const> = require "sdme.network"
local pod <const> = require "sdme.unit.pod"
local port <const> = require "sdme.unit.port"
local text <const> = require "sdme.unit.text"

local M <const> = {}

local TEMPLATE <const> = "sdme@.service"

-- The longest boot that systemd lets a container have: `--timeout` ends it earlier.
M.longest_boot = 900

-- What systemd-nspawn exits with when the guest asks for a reboot.
local REBOOT <const> = "133"

---The template. All that differs between containers comes from their state.
---@return string
function M.template()
    return text.render {
        { "Unit",
            { "Description", "Container %i" },
            { "Documentation", "man:sdme(1)" },
            { "After", "network.target systemd-networkd.service" },
            { "CollectMode", "inactive-or-failed" },
        },
        { "Service",
            { "Type", "notify" },
            { "ExecStart", interpreter.command "__launch %i" },
            { "ExecStopPost", "-" .. interpreter.command "__stopped %i" },
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

---@param unit_name string
---@return string? name of the container, nil if it is the unit of none
function M.container(unit_name)
    return unit_name:match "^sdme@(.+)%.service$"
end

-- Sections without the empty ones; nil if all of them are.
local function render_some(sections)
    local rendered <const> = {}
    for _, section in ipairs(sections) do
        if text.render { section } ~= ("[%s]\n"):format(section[1]) then
            rendered[#rendered + 1] = section
        end
    end
    return #rendered > 0 and text.render(rendered) or nil
end

---The drop-in of a container, nil where the template says it all. Where it starts in one go with
---those before it, as when the host boots, their boots are over first.
---@param settings table
---@param before string[]? names of containers that it comes after
---@return string?
function M.drop_in(settings, before)
    local devices <const>, after <const> = {}, {}
    for i, name in ipairs(before or {}) do
        after[i] = M.name(name)
    end
    for i, path in ipairs(settings.device or {}) do
        devices[i] = text.quote(path) .. " rw"
    end
    return render_some {
        { "Unit",
            { "Upholds", network.has_interface(settings) and names.NAME or nil },
            { "Wants", pod.wanted(settings) },
            { "After", after },
        },
        { "Service",
            { "Environment", interpreter.environment() },
            { "MemoryMax", settings.memory },
            { "MemorySwapMax", settings.memory and 0 },
            { "CPUQuota", settings.cpus and ("%.14g%%"):format(settings.cpus * 100) },
            { "CPUWeight", settings.cpu_weight },
            { "TasksMax", settings.tasks },
            { "DeviceAllow", devices },
            { "Restart", settings.restart },
            { "AppArmorProfile",
                apparmor.confines(settings.apparmor_profile) and settings.apparmor_profile or nil },
        },
    }
end

local function owner(name)
    return { kind = "container", name = name }
end

---Brings the files of a container's units in line with its settings.
---@param name string
---@param settings table
---@param how { running: boolean?, before: string[]? }? `running`: its ports stay as they are,
---systemd would close those that are open; `before` as in `drop_in`
---@return boolean changed
function M.install(name, settings, how)
    local running <const>, before <const> = how and how.running, how and how.before
    local template <const> = file.install_template(TEMPLATE, M.template())
    local drop_in <const> = file.install_drop_in(M.name(name), M.drop_in(settings, before))
    local ports <const> = not running and port.install(owner(name), settings.port)
    local watched <const> = network.has_interface(settings) and names.install()
    local target <const> = #pod.wanted(settings) > 0 and pod.install()
    return template or drop_in or ports or watched or target
end

---Whether its drop-in is what `install` would make it.
---@param name string
---@param settings table
---@param before string[]
---@return boolean
function M.is_current(name, settings, before)
    return file.read_drop_in(M.name(name)) == M.drop_in(settings, before)
end

---Removes what `install` made for one container.
---@param name string
---@return boolean changed
function M.uninstall(name)
    local drop_in <const> = file.install_drop_in(M.name(name))
    local ports <const> = port.uninstall(owner(name))
    return drop_in or ports
end

return M
