local listing <const> = require "sdme.listing"
local secret <const> = require "sdme.secret"

local COLUMNS <const> = {
    { name = "NAME", key = "name" }, { name = "CHANGED", key = "changed" },
    { name = "CONTAINERS", key = "containers" },
}

return {
    name = "ls",
    summary = "list secrets, without their values",
    options = { { long = "json", help = "as a JSON document" } },
    run = function(arguments)
        local rows <const> = {}
        for i, one in ipairs(secret.list()) do
            rows[i] = one:inspect()
        end
        listing.show(COLUMNS, rows, arguments.json)
    end,
}
