-- Commands among the processes of an application.

local app <const> = require "sdme.app"
local broker <const> = require "sdme.pod.broker"
local confinement <const> = require "sdme.app.confinement"
local fault <const> = require "sdme.fault"
local systemd <const> = require "sdme.systemd"
local unit <const> = require "sdme.unit.app"

local M <const> = {}

-- What our program in the guest sees to, of the options of a command. systemd isn't told of a user:
-- it would give the command that one's home in the container.
local OWN <const> = { app = true, argv = true, cwd = true, env = true, user = true }

local function add(list, ...)
    table.move({ ... }, 1, select("#", ...), #list + 1, list)
end

local function main_process(bus, name, one)
    local pid <const> =
        systemd.manager(bus):unit_property(unit.name(one.name), "Service", "MainPID")
    if pid == 0 then
        fault.raise("ESRCH", ("sdme logs %s --app=%s"):format(name, one.name),
            "application %s of %s is not running", one.name, name)
    end
    return pid
end

---The options of a command that is to run in an application, as one of the container: with the
---application's user, directory and environment, where no others are given.
---@param bus userdata the guest's
---@param description table the container's state
---@param options table as `exec` takes them; `app` is its name, or true for the only one
---@return table
function M.inside(bus, description, options)
    local one <const> = app.find(description, options.app)
    local main <const> = main_process(bus, description.name, one)
    local user <const> = options.user or one.config.user or ""
    local env <const>, file <const> = app.variables(description, one, options.env)
    local inside <const> = { env = env }
    for key, value in pairs(options) do
        inside[key] = not OWN[key] and value or inside[key]
    end
    local root <const> = app.root(one.name)
    local argv <const>, told <const> = broker.words(description.name, root .. app.program "request")
    add(argv, root .. app.program "enter", "--target", ("%d"):format(main),
        "--cwd", options.cwd or one.config.workdir or "/")
    add(argv, table.unpack(told))
    if user ~= "" then
        add(argv, "--user", user)
    end
    add(argv, table.unpack(confinement.options(description.settings)))
    argv[#argv + 1] = "--"
    inside.properties = confinement.properties(description.settings)
    if file then
        table.insert(inside.properties, { "EnvironmentFiles", "a(sb)", { { file, false } } })
    end
    inside.argv = table.move(options.argv, 1, #options.argv, #argv + 1, argv)
    return inside
end

return M
