local cli <const> = require "sdme.cli"
local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local progress <const> = require "sdme.progress"
local prune <const> = require "sdme.prune"

return {
    name = "prune",
    summary = "remove what nothing uses",
    description = "Root filesystems that no container was made from, pods that none is in,"
        .. " layers that nothing refers to, what killed commands left, volumes of applications"
        .. " whose container is gone, downloads, and images that didn't arrive as a whole."
        .. " Containers stay.",
    options = {
        { long = "dry-run", short = "n", help = "only say what would be removed" },
        { long = "except", value = "NAME,...", kind = kind.list(kind.rootfs), many = true,
            help = "root filesystems and pods that stay" },
        { long = "force", short = "f", help = "don't ask" },
        { long = "json", help = "as a JSON document" },
    },
    run = function(arguments)
        local found <const> = prune.find { except = arguments.except }
        if arguments.json then
            listing.json(json.array(found))
        else
            for _, one in ipairs(found) do
                one.shown_size = one.size and progress.size(one.size)
            end
            listing.show({
                { name = "KIND", key = "kind" }, { name = "NAME", key = "name" },
                { name = "SIZE", key = "shown_size", align = "right" },
            }, found)
        end
        if arguments.dry_run or #found == 0 then
            return 0
        elseif not arguments.force and not cli.confirm("remove all of that", "--force") then
            return 1
        end
        prune.remove(found)
        return 0
    end,
}
