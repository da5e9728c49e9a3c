local doctor <const> = require "sdme.doctor"
local json <const> = require "sdme.json"
local listing <const> = require "sdme.listing"

-- Without these no container starts.
local NEEDED <const> = {
    systemd = true, machined = true, nspawn = true, overlay = true, datadir = true,
}

local COLUMNS <const> = {
    { name = "FEATURE", key = "name" }, { name = "WORKS", key = "verdict" },
    { name = "ABOUT", key = "about" },
}

local function explain(results)
    for _, result in ipairs(results) do
        if result.verdict ~= "yes" then
            listing.write("\n", result.name, ": ", result.found or result.about, "\n")
            if result.hint then
                listing.write("  ", result.hint, "\n")
            end
        end
    end
end

return {
    name = "doctor",
    summary = "show what this host can do for containers",
    description = "The status is 1 if a container can't be started here at all.",
    options = { { long = "json", help = "as a JSON document" } },
    anyone = true,
    run = function(arguments)
        local results <const> = doctor.examine()
        if arguments.json then
            listing.json(json.array(results))
        else
            listing.show(COLUMNS, results)
            explain(results)
        end
        for _, result in ipairs(results) do
            if NEEDED[result.name] and result.verdict == "no" then
                return 1
            end
        end
        return 0
    end,
}
