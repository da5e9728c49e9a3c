local container <const> = require "sdme.container"
local kind <const> = require "sdme.kind"

return {
    name = "join",
    summary = "open a login session in a container",
    description = "Leave a session that hangs with ^] three times within a second.",
    operands = {
        { name = "NAME", kind = kind.container, help = "the container" },
        { name = "CMD", optional = true, many = true, help = "instead of a login shell" },
    },
    options = {
        { long = "user", value = "USER", kind = kind.user,
            help = "whose session (default: root, or $SUDO_USER in a clone of the host)" },
        { long = "app", value = "APP", kind = kind.name, alias = "oci", optional = true,
            help = "in an application, with its user, environment and directory" },
        { long = "start", help = "start the container if it isn't running" },
    },
    stop_at_operand = "CMD",
    run = function(arguments)
        local found <const> = container.get(arguments.name)
        if arguments.start then
            found:start()
        end
        return found:shell({
            app = arguments.app, user = arguments.user, argv = arguments.cmd,
        }):status()
    end,
}
