local compose <const> = require "sdme.oci.compose"
local container <const> = require "sdme.container"
local disk <const> = require "sdme.export.disk"
local export <const> = require "sdme.export"
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
        .. " changed is copied. A disk image (.raw, .img, .qcow2) is one filesystem, without"
        .. " a partition table, and has room for more; its file is sparse. An image (oci,"
        .. " oci-archive, docker-archive) keeps the layers apart, and is that of the system alone,"
        .. " or with --app that of an application in it.",
    operands = {
        { name = "NAME", kind = kind.exported, help = "a container, or fs:NAME" },
        { name = "DEST", kind = kind.file, help = "where to; - is the standard output" },
    },
    options = {
        { long = "fmt", value = "FORMAT", kind = kind.choice(export.names),
            help = "format: " .. table.concat(export.names, ", ") },
        { long = "filesystem", value = "TYPE", kind = kind.choice(disk.filesystems),
            shown_default = disk.filesystems[1],
            help = "of a disk image, raw or qcow2: " .. table.concat(disk.filesystems, ", ") },
        { long = "compression", value = "TYPE", kind = kind.choice(export.compressions),
            help = "of qcow2: " .. table.concat(disk.compressions, ", ") .. "; of layers: "
                .. table.concat(compose.compressions, ", ") .. " (default: the first)" },
        { long = "tag", value = "TAG", kind = kind.argument,
            help = "what the image is called in there (default: latest)" },
        { long = "app", value = "APP", kind = kind.name,
            help = "export the image of an application in it" },
        { long = "level", value = "N", kind = kind.range(kind.integer, 1, 22),
            help = "how hard to compress (default: the format's own)" },
        { long = "force", short = "f", help = "replace what is at the destination" },
    },
    examples = {
        { "sdme fs export web web.tar.zst", "an archive of a container" },
        { "sdme fs export web web.qcow2", "a disk image of it" },
        { "sdme fs export fs:debian - --fmt tar | tar t", "a root filesystem, through a pipe" },
        { "sdme fs export fs:web - --fmt docker-archive | docker load", "an image" },
    },
    run = function(arguments)
        find(arguments.name):export(arguments.dest, {
            format = arguments.fmt, force = arguments.force, level = arguments.level,
            filesystem = arguments.filesystem, compression = arguments.compression,
            tag = arguments.tag, app = arguments.app,
        })
    end,
}
