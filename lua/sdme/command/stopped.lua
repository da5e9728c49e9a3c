local kind <const> = require "sdme.kind"
local lifecycle <const> = require "sdme.container.lifecycle"

return {
    name = "__stopped",
    summary = "clean up after a container: what its service runs in the end",
    operands = { { name = "NAME", kind = kind.container, help = "its whole name" } },
    run = function(arguments)
        lifecycle.stopped(arguments.name)
    end,
}
