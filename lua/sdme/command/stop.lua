local fault <const> = require "sdme.fault"
local several <const> = require "sdme.command.several"

return several {
    name = "stop",
    summary = "shut containers down",
    options = {
        { long = "term", help = "end all processes at once instead of service by service" },
        { long = "kill", help = "kill all processes: what they didn't write is lost" },
    },
    each = function(container, arguments)
        if arguments.term and arguments.kill then
            fault.usage("--term and --kill exclude each other")
        end
        container:stop { how = arguments.kill and "kill" or arguments.term and "term" or nil }
    end,
}
