local cli <const> = require "sdme.cli"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local pod <const> = require "sdme.pod"

return {
    name = "rm",
    summary = "remove pods",
    description = "A pod that containers are in stays.",
    operands = { { name = "NAMES", kind = kind.pod, many = true, help = "pods" } },
    options = {},
    run = function(arguments)
        local status = 0
        for _, name in ipairs(arguments.names) do
            local fine <const>, why <const> = xpcall(function()
                pod.get(name):remove()
            end, fault.catch)
            if not fine then
                status = 1
                cli.report(why, arguments.verbose)
            end
        end
        return status
    end,
}
