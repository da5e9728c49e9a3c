local compose <const> = require "sdme.oci.compose"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local rootfs <const> = require "sdme.rootfs"

return {
    name = "push",
    summary = "put a root filesystem into a registry, as an image",
    description = "Each of its layers is one of the image. Layers that the registry has, or that"
        .. " another repository of it had when they were pulled from there, aren't sent. With"
        .. " keep_blobs in the configuration, what was pulled goes out as it came; else it is"
        .. " packed anew. Prints the digest of the image.",
    operands = {
        { name = "FS", kind = kind.rootfs, help = "the root filesystem" },
        { name = "IMAGE", kind = kind.argument, help = "[REGISTRY[:PORT]/]REPOSITORY[:TAG]" },
    },
    options = {
        { long = "creds", value = "USER:PASSWORD", kind = kind.argument,
            help = "for the registry (default: those of podman login or docker login)" },
        { long = "app", value = "APP", kind = kind.name,
            help = "push the image of an application in it" },
        { long = "compression", value = "TYPE", kind = kind.choice(compose.compressions),
            shown_default = compose.compressions[1],
            help = "of the layers: " .. table.concat(compose.compressions, ", ") },
        { long = "level", value = "N", kind = kind.range(kind.integer, 1, 19),
            help = "how hard to compress (default: the format's own)" },
    },
    examples = {
        { "sdme push web-1 registry.example.com/web:1", "after: sdme snapshot web web-1" },
    },
    run = function(arguments)
        local pushed <const> = rootfs.get(arguments.fs):push(arguments.image, {
            credentials = arguments.creds, app = arguments.app, level = arguments.level,
            compression = arguments.compression,
        })
        listing.write(pushed.digest, "\n")
    end,
}
