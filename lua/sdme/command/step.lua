local kind <const> = require "sdme.kind"
local step <const> = require "sdme.step"

return {
    name = "__step",
    summary = "become a command on a stack of layers",
    operands = { { name = "STAGE", kind = kind.directory, help = "where it is described" } },
    run = function(arguments)
        step.become(arguments.stage)
    end,
}
