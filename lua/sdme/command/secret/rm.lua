local each <const> = require "sdme.command.each"
local kind <const> = require "sdme.kind"
local secret <const> = require "sdme.secret"

return {
    name = "rm",
    summary = "remove secrets",
    description = "One that containers are given stays.",
    operands = { { name = "NAMES", kind = kind.secret, many = true, help = "secrets" } },
    options = {
        { long = "force", short = "f",
            help = "remove those that containers are given too; these don't start any more" },
    },
    run = function(arguments)
        return each(arguments, function(name)
            secret.new(name):remove { force = arguments.force }
        end)
    end,
}
