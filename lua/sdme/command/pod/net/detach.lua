local kind <const> = require "sdme.kind"
local pod <const> = require "sdme.pod"

return {
    name = "detach",
    summary = "take a way out of a pod away",
    operands = {
        { name = "POD", kind = kind.pod, help = "the pod" },
        { name = "FROM", kind = kind.attachment, help = "veth, or zone=ZONE" },
    },
    options = {},
    run = function(arguments)
        pod.get(arguments.pod):detach(kind.attachment.show(arguments.from))
    end,
}
