local container <const> = require "sdme.container"
local kind <const> = require "sdme.kind"

return {
    name = "exec",
    summary = "run a command in a container",
    description = "The command has our stdin, stdout and stderr, and what it ends with is our"
        .. " status.",
    operands = {
        { name = "NAME", kind = kind.container, help = "the container" },
        { name = "CMD", many = true, help = "the command and its arguments" },
    },
    options = {
        { long = "user", value = "USER", kind = kind.user, help = "who runs it (default: root)" },
        { long = "env", short = "e", value = "NAME=VALUE", kind = kind.env, many = true,
            help = "environment of the command" },
        { long = "cwd", value = "DIR", kind = kind.directory, help = "where it runs" },
        { long = "app", value = "APP", kind = kind.name, alias = "oci", optional = true,
            help = "in an application, with its user, environment and directory" },
        { long = "tty", short = "t", help = "give it a terminal" },
    },
    stop_at_operand = "CMD",
    examples = {
        { "tar c . | sdme exec web --cwd /srv tar x", "pipes carry any bytes" },
        { "sdme exec web --app -- nginx -t", "in its application" },
    },
    run = function(arguments)
        local result <const> = container.get(arguments.name):exec {
            argv = arguments.cmd, user = arguments.user, env = arguments.env,
            cwd = arguments.cwd, tty = arguments.tty, app = arguments.app,
            stdin = 0, stdout = 1, stderr = 2,
        }
        return result:status()
    end,
}
