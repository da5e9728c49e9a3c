local json <const> = require "sdme.json"
local listing <const> = require "sdme.listing"
local progress <const> = require "sdme.progress"
local url <const> = require "sdme.source.url"

local function entries()
    local rows <const>, total = url.cached(), 0
    for _, row in ipairs(rows) do
        total = total + row.size
        row.shown_size = progress.size(row.size)
        row.state = row.complete and "complete" or "partial"
    end
    return rows, total
end

local ls <const> = {
    name = "ls",
    summary = "list what was downloaded",
    options = { { long = "json", help = "as a JSON document" } },
    run = function(arguments)
        local rows <const> = entries()
        if arguments.json then
            return listing.json(json.array(url.cached()))
        end
        listing.show({
            { name = "SIZE", key = "shown_size", align = "right" },
            { name = "STATE", key = "state" }, { name = "URL", key = "url" },
        }, rows)
    end,
}

local info <const> = {
    name = "info",
    summary = "say how much was downloaded, and where it is",
    options = { { long = "json", help = "as a JSON document" } },
    run = function(arguments)
        local rows <const>, total <const> = entries()
        local path <const> = require("sdme.store").path "cache"
        if arguments.json then
            return listing.json { path = path, entries = #rows, size = total }
        end
        listing.write(("%d files, %s, in %s\n"):format(#rows, progress.size(total), path))
    end,
}

local clean <const> = {
    name = "clean",
    summary = "remove what was downloaded",
    run = function()
        listing.write(("freed %s\n"):format(progress.size(url.clean())))
    end,
}

return {
    name = "cache",
    summary = "what imports have downloaded: info, ls, clean",
    subcommands = { info, ls, clean },
}
