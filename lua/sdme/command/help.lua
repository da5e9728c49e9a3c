local cli <const> = require "sdme.cli"
local listing <const> = require "sdme.listing"

return {
    name = "help",
    summary = "show what a command does",
    anyone = true,
    operands = {
        { name = "COMMAND", optional = true, many = true, help = "a command, and a command of it" },
    },
    run = function(arguments)
        listing.write(cli.help(arguments.command))
    end,
}
