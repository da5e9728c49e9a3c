local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local rootfs <const> = require "sdme.rootfs"

return {
    name = "inspect",
    summary = "show everything about a root filesystem, as JSON",
    operands = { { name = "NAME", kind = kind.rootfs, help = "the root filesystem" } },
    options = { { long = "json", help = "accepted for likeness; it is always JSON" } },
    run = function(arguments)
        listing.json(rootfs.get(arguments.name):inspect())
    end,
}
