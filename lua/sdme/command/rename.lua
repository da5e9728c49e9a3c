local container <const> = require "sdme.container"
local kind <const> = require "sdme.kind"

return {
    name = "rename",
    summary = "give a container another name",
    operands = {
        { name = "OLD", kind = kind.container, help = "the container; it must not be running" },
        { name = "NEW", kind = kind.name, help = "its new name" },
    },
    run = function(arguments)
        container.get(arguments.old):rename(arguments.new)
    end,
}
