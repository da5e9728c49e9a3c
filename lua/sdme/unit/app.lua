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

-- An option of our programs in the guest, if it has a value.
local function add_option(argv, name, value)
    if value and value ~= "" then
        argv[#argv + 1], argv[#argv + 2] = name, value
    end
end

-- What an image runs is its entry point, which its command is the arguments of: in namespaces of
-- its own, and with pipes for its output, which it can open by name, as it can't the journal.
local function command(app, paths)
    local config <const>, argv <const> = app.config, { paths.program "devfd" }
    add_option(argv, "--owner", config.user)
    argv[#argv + 1], argv[#argv + 2] = "--", paths.program "isolate"
    add_option(argv, "--user", config.user)
    add_option(argv, "--cwd", config.workdir)
    argv[#argv + 1] = "--"
    local begin <const> = #argv
    for _, part in ipairs { config.entrypoint or {}, config.cmd or {} } do
        table.move(part, 1, #part, #argv + 1, argv)
    end
    if #argv == begin then
        fault.raise("EINVAL", nil, "application %s: its image names no command", app.name)
    end
    return table.concat(words(argv, text.quote_argument), " ")
end

-- Without a /run, systemd mounts an empty one (systemd.exec(5), MountAPIVFS=), where images have
-- directories.
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
            { "ExecStart", command(app, paths) },
            { "RootDirectory", root },
            { "MountAPIVFS", "yes" },
            { "BindPaths", paths.run(app.name) .. ":/run" },
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
---@param paths { root: function, run: function, environment: function, program: function } where in
---the container what belongs to an application is, by its name, and programs of ours in its root
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
