local cli <const> = require "sdme.cli"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local rootfs <const> = require "sdme.rootfs"

return {
    name = "rm",
    summary = "remove root filesystems",
    description = "One that containers were made from stays, unless --force lets its name go: then"
        .. " its layers stay as long as the containers do.",
    operands = {
        { name = "NAMES", kind = kind.rootfs, many = true, help = "root filesystems" },
    },
    options = {
        { long = "force", short = "f", help = "even if containers were made from it" },
    },
    run = function(arguments)
        local status = 0
        for _, name in ipairs(arguments.names) do
            local fine <const>, why <const> = xpcall(function()
                rootfs.get(name):remove { force = arguments.force }
            end, fault.catch)
            if not fine then
                status = 1
                cli.report(why, arguments.verbose)
            end
        end
        return status
    end,
}
