local container <const> = require "sdme.container"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"

return {
    name = "snapshot",
    summary = "make a root filesystem of what a container is now",
    description = "While the container is stopped this takes no time, whatever its size; a running"
        .. " one is frozen while what it has changed is copied. Prints the name.",
    operands = {
        { name = "NAME", kind = kind.container, help = "the container" },
        { name = "FS", kind = kind.name, help = "the name of the root filesystem" },
    },
    options = {
        { long = "force", short = "f", help = "replace a root filesystem of that name" },
    },
    examples = {
        { "sdme snapshot web web-1", "then: sdme new -r web-1" },
    },
    run = function(arguments)
        local made <const> = container.get(arguments.name):snapshot(arguments.fs,
            { force = arguments.force })
        listing.write(made.name, "\n")
    end,
}
