local kind <const> = require "sdme.kind"
local launcher <const> = require "sdme.launcher"

return {
    name = "__launch",
    summary = "become a container: what its service runs",
    operands = { { name = "NAME", kind = kind.container, help = "its whole name" } },
    run = function(arguments)
        launcher.launch(arguments.name)
    end,
}
