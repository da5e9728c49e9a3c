local arguments <const> = require "sdme.arguments"
local cli <const> = require "sdme.cli"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"

local names <const> = {}

for _, entry in ipairs(require "sdme.command") do
    if not arguments.is_hidden(entry) then
        names[#names + 1] = entry.name
    end
end

return {
    name = "help",
    summary = "show what a command does",
    anyone = true,
    operands = {
        { name = "COMMAND", optional = true, many = true, kind = kind.offer(names),
            help = "a command, and a command of it" },
    },
    run = function(given)
        listing.write(cli.help(given.command))
    end,
}
