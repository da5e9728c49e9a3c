local kind <const> = require "sdme.kind"
local pod <const> = require "sdme.pod"

return {
    name = "attach",
    summary = "give a pod a way out",
    description = "A link to the host, or into a zone, with addresses from the pool; containers in"
        .. " the pod may run meanwhile.",
    operands = {
        { name = "POD", kind = kind.pod, help = "the pod" },
        { name = "TO", kind = kind.attachment, help = "veth, or zone=ZONE" },
    },
    options = {},
    examples = {
        { "sdme pod net attach shop veth", "has shop reach what the host reaches" },
        { "sdme pod net attach shop zone=lab", "and the containers of a zone, as they do it" },
    },
    run = function(arguments)
        pod.get(arguments.pod):attach(kind.attachment.show(arguments.to))
    end,
}
