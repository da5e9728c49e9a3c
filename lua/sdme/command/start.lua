local several <const> = require "sdme.command.several"

return several {
    name = "start",
    summary = "start containers, and wait until they are up",
    options = {
        {
            long = "timeout", short = "t", value = "SECONDS", kind = require("sdme.kind").seconds,
            help = "how long the boot may take (default: as configured)",
        },
    },
    each = function(container, arguments)
        local seconds <const> = container:start { timeout = arguments.timeout }
        if seconds then
            return ("%s is up after %.2f s"):format(container.name, seconds)
        end
        return container.name .. " is up already"
    end,
}
