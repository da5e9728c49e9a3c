-- The units of an application in its container's systemd.

local fault <const> = require "sdme.fault"
local text <const> = require "sdme.unit.text"

local M <const> = {}

-- Less than a whole container is given to stop.
local STOP_SECONDS <const> = 30

---@param name string of an application
---@return string
function M.name(name)
    return "sdme-oci-" .. name .. ".service"
end

-- Each word so that it arrives byte for byte.
local function words(list, quote)
    local quoted <const> = {}
    for i, word in ipairs(list) do
        quoted[i] = quote(word)
    end
    return quoted
end

-- What an image runs: its entry point, which its command is the arguments of.
local function command(app)
    local argv <const> = {}
    for _, part in ipairs { app.config.entrypoint or {}, app.config.cmd or {} } do
        table.move(part, 1, #part, #argv + 1, argv)
    end
    if #argv == 0 then
        fault.raise("EINVAL", nil, "application %s: its image says no command", app.name)
    end
    return table.concat(words(argv, text.quote_argument), " ")
end

-- Of the container's own files, /run is shown as the image and the application have it: without
-- that, systemd mounts an empty one (systemd.exec(5), MountAPIVFS=).
local function service(app, paths)
    local config <const>, root <const> = app.config, paths.root(app.name)
    return text.render {
        { "Unit",
            { "Description", "Application " .. app.name },
            { "Documentation", "man:sdme(1)" },
            { "After", "network.target nss-lookup.target" },
        },
        { "Service",
            { "Type", "exec" },
            { "ExecStart", command(app) },
            { "RootDirectory", root },
            { "MountAPIVFS", "yes" },
            { "BindPaths", root .. "/run:/run" },
            { "BindReadOnlyPaths", "-/etc/resolv.conf -/etc/hosts" },
            { "Environment", words(config.env or {}, text.quote) },
            { "EnvironmentFile", "-" .. paths.environment(app.name) },
            { "SyslogIdentifier", app.name },
            { "KillMode", "mixed" },
            { "KillSignal", config.stop_signal },
            { "TimeoutStopSec", STOP_SECONDS },
            { "Restart", "on-failure" },
        },
        { "Install",
            { "WantedBy", "multi-user.target" },
        },
    }
end

---The unit files of an application.
---@param app sdme.App
---@param paths { root: fun(name: string): string, environment: fun(name: string): string } where
---what an application has is in the container
---@return table<string, string> contents by name
function M.files(app, paths)
    return { [M.name(app.name)] = service(app, paths) }
end

---The links by which they are enabled.
---@param app sdme.App
---@return table<string, string> units by link
function M.links(app)
    local name <const> = M.name(app.name)
    return { ["multi-user.target.wants/" .. name] = name }
end

return M
