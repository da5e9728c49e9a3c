-- The units of an application in its container's systemd.

local fault <const> = require "sdme.fault"
local text <const> = require "sdme.unit.text"

local M <const> = {}

-- How isolate tells of the signals that are no failure to systemd (systemd.service(5),
-- SuccessExitStatus=): SIGHUP, SIGINT, SIGPIPE, SIGTERM.
local CLEAN <const> = "129 130 141 143"

-- Less than a whole container is given to stop.
local STOP_SECONDS <const> = 30

-- Between the checks of an application that is starting, where its image doesn't say.
local START_INTERVAL <const> = 5

---@param name string of an application
---@return string
function M.name(name)
    return "sdme-oci-" .. name .. ".service"
end

local function health_name(name)
    return "sdme-health-" .. name .. ".service"
end

local function timer_name(name)
    return "sdme-health-" .. name .. ".timer"
end

-- Where the checks of a container's applications note how these are.
local HEALTH_DIRECTORY <const> = "sdme-health"

---Where the health of an application is noted, by our program for that (src/guest/health.c).
---@param name string of an application
---@return string path in the container
function M.health_file(name)
    return ("/run/%s/%s"):format(HEALTH_DIRECTORY, name)
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
local function main_command(app, paths, broker)
    local config <const>, command <const> = app.config, {}
    for _, part in ipairs { config.entrypoint or {}, config.cmd or {} } do
        add(command, table.unpack(part))
    end
    if #command == 0 then
        fault.raise("EINVAL", nil, "application %s: its image names no command", app.name)
    end
    local argv <const> = { paths.program "devfd" }
    add_option(argv, "--owner", config.user)
    add(argv, "--")
    if broker then
        add(argv, paths.program "request", "--socket", broker.application, "--",
            paths.program "isolate", "--controlled", "--broker", broker.application)
    else
        add(argv, paths.program "isolate")
    end
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

-- One for the service of an application.
local function service_drop_in(app, paths, network)
    local broker <const> = network.broker
    return text.render {
        { "Service",
            { "NetworkNamespacePath", network.namespace },
            { "ExecStart", broker and { "", main_command(app, paths, broker) } },
            -- An empty one takes back all binds, those of BindPaths= too (systemd.exec(5)).
            { "BindReadOnlyPaths", {
                "", ("-%s:/etc/resolv.conf"):format(network.resolv_conf or "/etc/resolv.conf"),
                ("-%s:/etc/hosts"):format(network.hosts), network.secrets,
            } },
            { "BindPaths", {
                paths.run(app.name) .. ":/run",
                broker and ("%s:%s"):format(broker.container, broker.application),
            } },
        },
    }
end

-- What checks an application, as the image says: a command, or one for its shell.
local function health_command(config)
    local test <const> = config.healthcheck.test
    local words_before <const> = test[1] == "CMD-SHELL"
        and (config.shell or { "/bin/sh", "-c" }) or {}
    local command <const> = table.move(words_before, 1, #words_before, 1, {})
    return table.move(test, 2, #test, #command + 1, command)
end

-- An option of our programs that is a time, which is given in seconds.
local function add_time(argv, name, seconds)
    add(argv, name, ("%d"):format(math.max(1, seconds * 1000 // 1)))
end

-- The check runs in the application, and our program that counts its failures outside of it.
local function health_argv(app, paths, options, broker)
    local config <const>, cgroup <const> = app.config, "/system.slice/" .. M.name(app.name)
    local check <const>, root <const> = config.healthcheck, paths.root(app.name)
    local argv <const> = {
        root .. paths.program "health", "--file", M.health_file(app.name), "--target", cgroup,
        "--retries", ("%d"):format(check.retries),
    }
    add_time(argv, "--timeout", check.timeout)
    if check.start_period > 0 then
        add_time(argv, "--start-period", check.start_period)
        add_time(argv, "--start-interval", check.start_interval or START_INTERVAL)
    end
    add(argv, "--")
    if broker then
        add(argv, root .. paths.program "request", "--socket", broker.container, "--",
            root .. paths.program "enter", "--controlled", "--target", cgroup)
    else
        add(argv, root .. paths.program "enter", "--target", cgroup)
    end
    return add_command(argv, config, health_command(config), options)
end

local function health_unit(app)
    return { "Unit",
        { "Description", "Health of application " .. app.name },
        { "Documentation", "man:sdme(1)" },
        { "BindsTo", M.name(app.name) },
        { "After", M.name(app.name) },
    }
end

-- How the check ends is no failure of the unit, and each run is no news. A oneshot service would be
-- a job for as long as it runs, and with a start period keep the boot from being over.
local function health_service(app, paths, confined)
    local variables <const>, file <const> = environment(app, paths)
    return text.render {
        health_unit(app),
        { "Service",
            { "Type", "exec" },
            { "ExecStart", health_argv(app, paths, confined.options) },
            variables,
            file,
            { "RuntimeDirectory", HEALTH_DIRECTORY },
            { "RuntimeDirectoryPreserve", "yes" },
            { "SyslogLevel", "notice" },
            { "LogLevelMax", "notice" },
            table.unpack(confined.entering),
        },
    }
end

-- Our program begins with the application, to note that this is starting, and comes again when it
-- has ended for as long as the image says.
local function health_timer(app)
    return text.render {
        health_unit(app),
        { "Timer",
            { "OnActiveSec", 0 },
            { "OnUnitInactiveSec", ("%.3fs"):format(app.config.healthcheck.interval) },
            { "AccuracySec", "100ms" },
        },
    }
end

---What has an application in a network of its own: drop-ins of its units.
---@param app sdme.App
---@param paths table see `files`
---@param options string[] of `enter`
---@param network { namespace: string?, broker: table?, resolv_conf: string?, hosts: string,
---secrets: string? } paths in the container, and a bind; a network that isn't the container's to
---enter has a `broker`, by whose sockets (`container`, `application`) it is asked for
---@return table<string, string> contents by unit
function M.drop_ins(app, paths, options, network)
    local files <const> = { [M.name(app.name)] = service_drop_in(app, paths, network) }
    if app.config.healthcheck and network.broker then
        local argv <const> = health_argv(app, paths, options, network.broker)
        files[health_name(app.name)] =
            text.render { { "Service", { "ExecStart", { "", argv } } } }
    end
    return files
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
        files[health_name(app.name)] = health_service(app, paths, confined)
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
