local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local pod <const> = require "sdme.pod"

return {
    name = "inspect",
    summary = "show everything about a pod, as JSON",
    operands = { { name = "NAME", kind = kind.pod, help = "the pod" } },
    options = { { long = "json", help = "the same: there is no other form" } },
    run = function(arguments)
        listing.json(pod.get(arguments.name):inspect())
    end,
}
