local several <const> = require "sdme.command.several"

return several {
    name = "restart",
    summary = "shut containers down and start them again",
    options = {
        {
            long = "timeout", short = "t", value = "SECONDS", kind = require("sdme.kind").seconds,
            help = "how long the boot may take (default: as configured)",
        },
    },
    each = function(container, arguments)
        local seconds <const> = container:restart { timeout = arguments.timeout }
        return ("%s is up after %.2f s"):format(container.name, seconds)
    end,
}
