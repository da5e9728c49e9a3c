local container <const> = require "sdme.container"
local kind <const> = require "sdme.kind"

return {
    name = "logs",
    summary = "show the journal of a container",
    description = "Of a running container it is the guest's own journal, and ARGS go to its"
        .. " journalctl. Of one that isn't running it is what its last run left in the host's.",
    operands = {
        { name = "NAME", kind = kind.container, help = "the container" },
        { name = "ARGS", optional = true, many = true, help = "for journalctl(1) in it" },
    },
    options = {
        { long = "app", value = "APP", kind = kind.name, alias = "oci", optional = true,
            help = "only of an application" },
        { long = "follow", short = "f", help = "go on with what comes" },
        { long = "lines", short = "n", value = "N", kind = kind.range(kind.integer, 0),
            help = "only the last lines" },
    },
    pass_unknown = true,
    run = function(arguments)
        return container.get(arguments.name):logs({
            app = arguments.app, follow = arguments.follow, lines = arguments.lines,
            argv = arguments.args,
        }):status()
    end,
}
