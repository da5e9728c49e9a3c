local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local rootfs <const> = require "sdme.rootfs"

return {
    name = "import",
    summary = "make a root filesystem of a directory, archive or disk image",
    description = "Prints the name of the root filesystem. What a file is, is told by its content;"
        .. " of a disk image the system's partition is taken, with those that its fstab names.",
    operands = {
        { name = "SOURCE", kind = kind.argument,
            help = "a directory, a tar archive, a qcow2 or raw disk image, or http(s)://…" },
    },
    options = {
        { long = "name", value = "NAME", kind = kind.name,
            help = "name of the root filesystem (default: after the source)" },
        { long = "force", short = "f",
            help = "replace one of that name, once the new one is complete" },
        { long = "install-packages", value = "WHEN", kind = kind.choice { "auto", "yes", "no" },
            shown_default = "auto",
            help = "install systemd where it is missing: yes, no, or auto, which asks" },
        { long = "verify", value = "sha256:HEX", kind = kind.digest,
            help = "the digest that the file must have" },
        { long = "no-cache", help = "fetch and install again what was before" },
        { long = "allow-backing",
            help = "let a qcow2 image name another image beside it as its base" },
    },
    examples = {
        { "sdme fs import ./debian.tar.zst --install-packages=yes", "then: sdme new -r debian" },
        { "sdme fs import https://example.com/debian-12.qcow2 --name debian", "a cloud image" },
    },
    run = function(arguments)
        local made <const> = rootfs.import(arguments.source, {
            name = arguments.name, force = arguments.force, verify = arguments.verify,
            install_packages = arguments.install_packages, no_cache = arguments.no_cache,
            allow_backing = arguments.allow_backing,
        })
        listing.write(made.name, "\n")
    end,
}
