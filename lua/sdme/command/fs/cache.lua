local cache <const> = require "sdme.cache"
local json <const> = require "sdme.json"
local listing <const> = require "sdme.listing"
local progress <const> = require "sdme.progress"

local function state_of(row)
    if row.steps then
        return ("%d steps%s"):format(row.steps, row.complete and "" or ", then it failed")
    elseif row.layers and not row.complete then
        return ("%d of %d layers"):format(row.present, row.layers)
    end
    return row.complete and "complete" or "partial"
end

local ls <const> = {
    name = "ls",
    summary = "list what was downloaded, what failed imports have left, and builds",
    options = { { long = "json", help = "as a JSON document" } },
    run = function(arguments)
        local rows <const> = cache.list()
        if arguments.json then
            return listing.json(json.array(rows))
        end
        for _, row in ipairs(rows) do
            row.shown_size, row.state = progress.size(row.size), state_of(row)
        end
        listing.show({
            { name = "KIND", key = "kind" }, { name = "SIZE", key = "shown_size", align = "right" },
            { name = "STATE", key = "state" }, { name = "SOURCE", key = "source" },
        }, rows)
    end,
}

local info <const> = {
    name = "info",
    summary = "say how much there is, and where",
    options = { { long = "json", help = "as a JSON document" } },
    run = function(arguments)
        local rows <const>, total = cache.list(), 0
        for _, row in ipairs(rows) do
            total = total + row.size
        end
        local path <const> = require("sdme.store").path "cache"
        if arguments.json then
            return listing.json { path = path, entries = #rows, size = total }
        end
        listing.write(("%d entries, %s, in %s\n"):format(#rows, progress.size(total), path))
    end,
}

local clean <const> = {
    name = "clean",
    summary = "remove all that isn't in use now; builds begin anew then",
    run = function()
        listing.write(("freed %s\n"):format(progress.size(cache.clean())))
    end,
}

return {
    name = "cache",
    summary = "what imports have fetched and builds have made: info, ls, clean",
    subcommands = { info, ls, clean },
}
