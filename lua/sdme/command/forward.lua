local kind <const> = require "sdme.kind"
local port <const> = require "sdme.port"

return {
    name = "__forward",
    summary = "forward the ports of a container: what their service runs",
    operands = { { name = "NAME", kind = kind.container, help = "its whole name" } },
    run = function(arguments)
        port.forward(arguments.name)
    end,
}
