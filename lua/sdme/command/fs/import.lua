local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local rootfs <const> = require "sdme.rootfs"

return {
    name = "import",
    summary = "make a root filesystem of a directory, archive, disk image or OCI image",
    description = "Prints the name of the root filesystem. What a file is, is told by its content;"
        .. " of a disk image the system's partition is taken, with those that its fstab names. An"
        .. " image is fetched from its registry unless there is a file of that name. One with an"
        .. " entrypoint, with ports, or with a command that is no shell is an application, which"
        .. " runs in another root filesystem.",
    operands = {
        { name = "SOURCE", kind = kind.file,
            help = "a directory, a tar archive, a qcow2 or raw disk image, http(s)://…, an image as"
                .. " [REGISTRY/]REPO[:TAG][@DIGEST], an OCI layout, an OCI or docker archive" },
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
            help = "the digest that the file must have, or the manifest of an image" },
        { long = "oci-mode", value = "MODE", kind = kind.choice { "auto", "base", "app" },
            shown_default = "auto", help = "what an image is: base, app, or what it looks like" },
        { long = "base-fs", value = "NAME", kind = kind.rootfs,
            help = "the root filesystem that an application runs in (default: default_base_fs of"
                .. " the configuration)" },
        { long = "platform", value = "OS/ARCH[/VARIANT]", kind = kind.argument,
            help = "of an image (default: this machine's)" },
        { long = "creds", value = "USER:PASSWORD", kind = kind.argument,
            help = "for the registry (default: those of podman login or docker login)" },
        { long = "no-cache",
            help = "fetch, unpack and install again what was before, but for layers of images" },
        { long = "allow-backing",
            help = "let a qcow2 image name another image beside it as its base" },
    },
    examples = {
        { "sdme fs import ./debian.tar.zst --install-packages=yes", "then: sdme new -r debian" },
        { "sdme fs import https://example.com/debian-12.qcow2 --name debian", "a cloud image" },
        { "sdme fs import debian:bookworm --install-packages=yes", "an image of Docker's" },
        { "sdme fs import nginx --base-fs debian", "an application" },
    },
    run = function(arguments)
        local made <const> = rootfs.import(arguments.source, {
            name = arguments.name, force = arguments.force, verify = arguments.verify,
            install_packages = arguments.install_packages, no_cache = arguments.no_cache,
            allow_backing = arguments.allow_backing, oci_mode = arguments.oci_mode,
            base_fs = arguments.base_fs, platform = arguments.platform,
            credentials = arguments.creds,
        })
        listing.write(made.name, "\n")
    end,
}
