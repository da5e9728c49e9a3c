local cli <const> = require "sdme.cli"
local several <const> = require "sdme.command.several"

return several {
    name = "rm",
    summary = "stop containers, and remove all that is theirs",
    options = {
        { long = "force", short = "f", help = "kill running ones, and don't ask about --all" },
    },
    confirm = function(arguments, names)
        return arguments.force or #names == 0
            or cli.confirm("remove " .. table.concat(names, ", "), "--force")
    end,
    each = function(container, arguments)
        container:remove { force = arguments.force }
    end,
}
