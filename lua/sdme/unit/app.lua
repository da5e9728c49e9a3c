-- The units of an application in its container's systemd.

local fault <const> = require "sdme.fault"
local text <const> = require "sdme.unit.text"

local M <const> = {}

-- How isolate tells of the signals that are no failure to systemd (systemd.service(5),
-- SuccessExitStatus=): SIGHUP, SIGINT, SIGPIPE, SIGTERM.
local CLEAN <const> = "129 130 141 143"

-- Less than a whole container is given to stop.
local STOP_SECONDS <const> = 30

---@param name string of an application
---@return string
function M.name(name)
    return "sdme-oci-" .. name .. ".service"
end

---The service that checks whether it is healthy.
---@param name string of an application
---@return string
function M.health_name(name)
    return "sdme-oci-" .. name .. "-health.service"
end

local function timer_name(name)
    return "sdme-oci-" .. name .. "-health.timer"
end

-- Each word so that it arrives byte for byte.
local function words(list, quote)
    local quoted <const> = {}
    for i, word in ipairs(list) do
        quoted[i] = quote(word)
    end
    return quoted
end

local function add(argv, ...)
    table.move({ ... }, 1, select("#", ...), #argv + 1, argv)
end

-- An option of our programs in the guest, if it has a value.
local function add_option(argv, name, value)
    if value and value ~= "" then
        add(argv, name, value)
    end
end

-- As whom and where a program of ours runs a command.
local function add_command(argv, config, command, options)
    add(argv, table.unpack(options or {}))
    add_option(argv, "--user", config.user)
    add_option(argv, "--cwd", config.workdir)
    add(argv, "--", table.unpack(command))
    return table.concat(words(argv, text.quote_argument), " ")
end

-- What an image runs is its entry point, which its command is the arguments of: in namespaces of
-- its own, and with pipes for its output, which it can open by name, as it can't the journal.
local function main_command(app, paths)
    local config <const>, command <const> = app.config, {}
    for _, part in ipairs { config.entrypoint or {}, config.cmd or {} } do
        add(command, table.unpack(part))
    end
    if #command == 0 then
        fault.raise("EINVAL", nil, "application %s: its image names no command", app.name)
    end
    local argv <const> = { paths.program "devfd" }
    add_option(argv, "--owner", config.user)
    add(argv, "--", paths.program "isolate")
    return add_command(argv, config, command)
end

local function environment(app, paths)
    return { "Environment", words(app.config.env or {}, text.quote) },
        { "EnvironmentFile", "-" .. paths.environment(app.name) }
end

-- Without a /run, systemd mounts an empty one (systemd.exec(5), MountAPIVFS=), where images have
-- directories.
local function service(app, paths, confined)
    local config <const>, root <const> = app.config, paths.root(app.name)
    local variables <const>, file <const> = environment(app, paths)
    return text.render {
        { "Unit",
            { "Description", "Application " .. app.name },
            { "Documentation", "man:sdme(1)" },
            { "After", "network.target nss-lookup.target" },
            { "Wants", config.healthcheck and timer_name(app.name) },
        },
        { "Service",
            { "Type", "exec" },
            { "ExecStart", main_command(app, paths) },
            { "RootDirectory", root },
            { "MountAPIVFS", "yes" },
            { "BindPaths", paths.run(app.name) .. ":/run" },
            { "BindReadOnlyPaths", "-/etc/resolv.conf -/etc/hosts" },
            variables,
            file,
            { "SyslogIdentifier", app.name },
            { "KillMode", "mixed" },
            { "KillSignal", config.stop_signal },
            { "TimeoutStopSec", STOP_SECONDS },
            { "SuccessExitStatus", CLEAN },
            { "Restart", "on-failure" },
            table.unpack(confined.service),
        },
        { "Install",
            { "WantedBy", "multi-user.target" },
        },
    }
end

local function seconds(number)
    return ("%.3fs"):format(number)
end

-- What checks an application, in it.
local function health_command(app, paths, options)
    local config <const> = app.config
    local check <const> = config.healthcheck
    local command = table.move(check.test, 2, #check.test, 1, {})
    if check.test[1] == "CMD-SHELL" then
        local shell <const> = config.shell or { "/bin/sh", "-c" }
        command = table.move(command, 1, #command, #shell + 1, table.move(shell, 1, #shell, 1, {}))
    end
    return add_command({
        paths.root(app.name) .. paths.program "enter",
        "--target", "/system.slice/" .. M.name(app.name),
    }, config, command, options)
end

-- systemd counts how often in a row that has failed (systemd.service(5), NRestarts), and tells
-- nobody of the others.
local function health_service(app, paths, confined)
    local check <const> = app.config.healthcheck
    local variables <const>, file <const> = environment(app, paths)
    return text.render {
        { "Unit",
            { "Description", "Health of application " .. app.name },
            { "Documentation", "man:sdme(1)" },
            { "BindsTo", M.name(app.name) },
            { "After", M.name(app.name) },
            { "StartLimitIntervalSec", 0 },
        },
        { "Service",
            { "Type", "oneshot" },
            { "ExecStart", health_command(app, paths, confined.options) },
            variables,
            file,
            { "TimeoutStartSec", seconds(check.timeout) },
            { "Restart", "on-failure" },
            { "RestartSec", seconds(check.interval) },
            { "SyslogLevel", "notice" },
            { "LogLevelMax", "notice" },
            table.unpack(confined.entering),
        },
    }
end

local function health_timer(app)
    local interval <const> = app.config.healthcheck.interval
    return text.render {
        { "Unit",
            { "Description", "Health of application " .. app.name },
            { "Documentation", "man:sdme(1)" },
            { "BindsTo", M.name(app.name) },
        },
        { "Timer",
            { "OnActiveSec", seconds(interval) },
            { "OnUnitInactiveSec", seconds(interval) },
            { "AccuracySec", "100ms" },
        },
    }
end

---The unit files of an application.
---@param app sdme.App
---@param paths { root: function, run: function, environment: function, program: function } where in
---the container what belongs to an application is, by its name, and programs of ours in its root
---@param confined { service: table[], entering: table[], options: string[] } assignments of the
---application's unit and of those that enter it, and options of `enter`: see sdme.app.confinement
---@return table<string, string> contents by name
function M.files(app, paths, confined)
    local files <const> = { [M.name(app.name)] = service(app, paths, confined) }
    if app.config.healthcheck then
        files[M.health_name(app.name)] = health_service(app, paths, confined)
        files[timer_name(app.name)] = health_timer(app)
    end
    return files
end

---The links by which they are enabled.
---@param app sdme.App
---@return table<string, string> units by link
function M.links(app)
    local name <const> = M.name(app.name)
    return { ["multi-user.target.wants/" .. name] = name }
end

return M
