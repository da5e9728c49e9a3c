local each <const> = require "sdme.command.each"
local kind <const> = require "sdme.kind"
local pod <const> = require "sdme.pod"

return {
    name = "rm",
    summary = "remove pods",
    description = "The containers that a script has described with the pod go with it, each before"
        .. " those that it came after. A pod that others are in stays.",
    operands = { { name = "NAMES", kind = kind.pod, many = true, help = "pods" } },
    options = {
        { long = "force", short = "f",
            help = "kill containers that run, and remove others that are in the pod too" },
    },
    run = function(arguments)
        return each(arguments, function(name)
            pod.get(name):remove { force = arguments.force }
        end)
    end,
}
