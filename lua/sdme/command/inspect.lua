local container <const> = require "sdme.container"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"

return {
    name = "inspect",
    summary = "show everything about a container, as JSON",
    operands = { { name = "NAME", kind = kind.container, help = "the container" } },
    options = {
        { long = "json", help = "the same: there is no other form" },
        { long = "show-secrets", help = "don't mask the values of its environment" },
    },
    run = function(arguments)
        local found <const> = container.get(arguments.name)
        listing.json(found:inspect { secrets = arguments.show_secrets })
    end,
}
