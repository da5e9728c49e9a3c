local container <const> = require "sdme.container"
local kind <const> = require "sdme.kind"
local rootfs <const> = require "sdme.rootfs"

-- "fs:NAME" is a rootfs, everything else a container.
local function find(name)
    local fs <const> = name:match "^fs:(.*)$"
    return fs and rootfs.get(fs) or container.get(name)
end

return {
    name = "export",
    summary = "write a container or root filesystem out",
    description = "The format is what the destination's suffix says, a directory without one. What"
        .. " is there stays until all is written. A running container is frozen while what it has"
        .. " changed is copied.",
    operands = {
        { name = "NAME", kind = kind.exported, help = "a container, or fs:NAME" },
        { name = "DEST", kind = kind.file, help = "where to; - is the standard output" },
    },
    options = {
        { long = "fmt", value = "FORMAT", kind = kind.choice(require("sdme.export").names),
            help = "format: " .. table.concat(require("sdme.export").names, ", ") },
        { long = "level", value = "N", kind = kind.range(kind.integer, 1, 22),
            help = "how hard to compress (default: the format's own)" },
        { long = "force", short = "f", help = "replace what is at the destination" },
    },
    examples = {
        { "sdme fs export web web.tar.zst", "an archive of a container" },
        { "sdme fs export fs:debian - --fmt tar | tar t", "a root filesystem, through a pipe" },
    },
    run = function(arguments)
        find(arguments.name):export(arguments.dest, {
            format = arguments.fmt, force = arguments.force, level = arguments.level,
        })
    end,
}
