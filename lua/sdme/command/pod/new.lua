local kind <const> = require "sdme.kind"
local lazy <const> = require "sdme.lazy"
local listing <const> = require "sdme.listing"
local namespace <const> = require "sdme.pod.namespace"

local pod <const> = lazy.module "sdme.pod"

return {
    name = "new",
    summary = "make a pod and print its name",
    description = "A network of its own, with loopback only. Containers that are made with --pod"
        .. " share it; of those with --oci-pod the applications do.",
    operands = { { name = "NAME", kind = kind.name, help = "name of the pod" } },
    options = {
        {
            long = "port", short = "p", value = "[ADDR:]HOST[:CTR][/udp]", kind = kind.port,
            many = true, help = "open ports on the host while a container runs in it",
        },
    },
    examples = {
        { "sdme pod new shop", "`sdme new --pod shop` makes a container in it" },
        { "sdme pod new shop -p 127.0.0.1:8080:80", "for whoever in it listens on port 80" },
    },
    run = function(arguments)
        -- The kernel makes it while the rest of us is loaded.
        local network <close> = namespace.begin()
        local made <const> = pod.create(arguments.name, { ports = arguments.port }, network)
        listing.write(made.name, "\n")
    end,
}
