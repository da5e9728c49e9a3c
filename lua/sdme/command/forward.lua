local container <const> = require "sdme.container.port"
local kind <const> = require "sdme.kind"
local pod <const> = require "sdme.pod.port"

return {
    name = "__forward",
    summary = "forward the ports of a container or a pod: what their service runs",
    operands = { { name = "NAME", kind = kind.container, help = "its whole name" } },
    options = { { long = "pod", help = "it is a pod" } },
    run = function(arguments)
        (arguments.pod and pod or container).forward(arguments.name)
    end,
}
