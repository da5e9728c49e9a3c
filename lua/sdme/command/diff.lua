local container <const> = require "sdme.container"
local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local progress <const> = require "sdme.progress"
local text <const> = require "sdme.text"

local function show(change)
    local what <const> = {}
    for name in pairs(change.what or {}) do
        what[#what + 1] = name
    end
    table.sort(what)
    listing.write(change.change, " ", text.printable(change.path),
        change.from and "  moved from " .. text.printable(change.from)
            or #what > 0 and "  " .. table.concat(what, ", ") or "", "\n")
end

local WORDS <const> = { { "A", "added" }, { "M", "modified" }, { "D", "deleted" } }

local function show_sums(changes)
    local counts <const>, grown = {}, 0
    for _, change in ipairs(changes) do
        counts[change.change] = (counts[change.change] or 0) + 1
        if change.type == "file" then
            grown = grown + (change.size or 0) - (change.lower_size or 0)
        end
    end
    for _, word in ipairs(WORDS) do
        listing.write(("%d %s, "):format(counts[word[1]] or 0, word[2]))
    end
    listing.write(grown < 0 and "-" or "+", progress.size(math.abs(grown)), "\n")
end

return {
    name = "diff",
    summary = "show what a container has changed",
    description = "A is added, M modified, D deleted; content is compared, and what of a file"
        .. " differs otherwise is named. What was touched and is as before isn't shown.",
    operands = {
        { name = "NAME", kind = kind.container, help = "the container" },
        { name = "PATHS", kind = kind.path, optional = true, many = true, separated = true,
            help = "only what is there or below" },
    },
    options = {
        { long = "stat", help = "only how many changes, and how much it grew by" },
        { long = "json", help = "as a JSON document" },
    },
    examples = { { "sdme diff web -- /etc", "what became of the configuration" } },
    run = function(arguments)
        local paths <const> = arguments.paths
        local changes <const> = container.get(arguments.name):diff {
            paths = paths and #paths > 0 and paths or nil,
        }
        if arguments.json then
            return listing.json(json.array(changes))
        elseif arguments.stat then
            return show_sums(changes)
        end
        for _, change in ipairs(changes) do
            show(change)
        end
    end,
}
