local json <const> = require "sdme.json"
local listing <const> = require "sdme.listing"
local garbage <const> = require "sdme.garbage"

return {
    name = "gc",
    summary = "remove layers that nothing refers to, and what killed commands left",
    options = {
        { long = "dry-run", short = "n", help = "only say what would be removed" },
        { long = "json", help = "as a JSON document" },
    },
    run = function(arguments)
        local found <const> = garbage.collect { dry_run = arguments.dry_run }
        if arguments.json then
            return listing.json(json.array(found))
        end
        listing.show({ { name = "KIND", key = "kind" }, { name = "NAME", key = "name" } }, found)
    end,
}
