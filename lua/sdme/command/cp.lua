local copy <const> = require "sdme.copy"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"

return {
    name = "cp",
    summary = "copy files between this host, containers and root filesystems",
    description = "A path in a container is NAME:/path, one in a root filesystem fs:NAME:/path, and"
        .. " anything else is the host's; ./ in front makes it so. Owners, modes, times, links and"
        .. " attributes are kept; owners are those inside. A directory that is there already gets"
        .. " the source under its own name.",
    operands = {
        { name = "SRC", kind = kind.file, help = "what to copy" },
        { name = "DST", kind = kind.file, help = "where to" },
    },
    examples = {
        { "sdme cp site web:/var/www", "becomes /var/www/site" },
        { "sdme cp web:/etc/nginx/nginx.conf .", "out of a container, running or not" },
    },
    run = function(arguments)
        if copy.is_host_path(arguments.src) and copy.is_host_path(arguments.dst) then
            fault.raise("EUSAGE", "a path in a container is NAME:/path",
                "cp: both paths are the host's")
        end
        copy.run(arguments.src, arguments.dst)
    end,
}
