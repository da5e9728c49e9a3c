local kind <const> = require "sdme.kind"
local pod <const> = require "sdme.pod"

return {
    name = "set",
    summary = "change the ports of a pod",
    operands = { { name = "NAME", kind = kind.pod, help = "the pod" } },
    options = {
        {
            long = "port", short = "p", value = "[ADDR:]HOST[:CTR][/udp]", kind = kind.port,
            many = true, clearable = true, help = "open ports on the host, in place of others",
        },
    },
    examples = {
        { "sdme pod set shop -p 8080:80", "also while containers run in it" },
        { "sdme pod set shop --port ''", "closes them" },
    },
    run = function(arguments)
        pod.get(arguments.name):set { ports = arguments.port }
    end,
}
