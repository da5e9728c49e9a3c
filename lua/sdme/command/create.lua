local container <const> = require "sdme.container"
local listing <const> = require "sdme.listing"
local setting <const> = require "sdme.setting"

return {
    name = "create",
    summary = "make a container and print its name",
    description = "The container is a clone of this host: it sees the host's files as they are, and"
        .. " what it changes stays its own.",
    options = setting.options "create",
    examples = {
        { "sdme create --name web --userns", "a clone whose root is nobody outside" },
        { "sdme create --memory 512M --cpus 1.5 --started", "limited, and running" },
    },
    run = function(arguments)
        local made <const> = container.create(setting.pick(arguments, "create"), true)
        listing.notes(made.notes)
        listing.write(made.name, "\n")
    end,
}
