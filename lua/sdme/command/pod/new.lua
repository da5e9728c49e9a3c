local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local pod <const> = require "sdme.pod"

return {
    name = "new",
    summary = "make a pod and print its name",
    description = "A network of its own, with loopback only. Containers that are made with --pod"
        .. " share it; of those with --oci-pod the applications do.",
    operands = { { name = "NAME", kind = kind.name, help = "name of the pod" } },
    options = {},
    examples = {
        { "sdme pod new shop", "`sdme new --pod shop` makes a container in it" },
    },
    run = function(arguments)
        listing.write(pod.create(arguments.name).name, "\n")
    end,
}
