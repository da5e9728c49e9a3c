local json <const> = require "sdme.json"
local listing <const> = require "sdme.listing"
local progress <const> = require "sdme.progress"
local rootfs <const> = require "sdme.rootfs"

local COLUMNS <const> = {
    { name = "NAME", key = "name" }, { name = "OS", key = "os" },
    { name = "SYSTEMD", key = "shown_systemd" },
    { name = "SIZE", key = "shown_size", align = "right" },
    { name = "LAYERS", key = "layers", align = "right" }, { name = "CREATED", key = "created" },
    { name = "USED BY", key = "users" },
}

local APPS <const> = { name = "APPS", key = "apps" }

-- Applications have a column where there are any.
local function columns_for(rows)
    for _, row in ipairs(rows) do
        if row.apps then
            local columns <const> = table.move(COLUMNS, 1, #COLUMNS, 1, {})
            table.insert(columns, 4, APPS)
            return columns
        end
    end
    return COLUMNS
end

return {
    name = "ls",
    summary = "list root filesystems",
    options = { { long = "json", help = "as a JSON document" } },
    run = function(arguments)
        local rows <const> = rootfs.status()
        if arguments.json then
            return listing.json(json.array(rows))
        end
        for _, row in ipairs(rows) do
            row.shown_size = row.size and progress.size(row.size)
            row.os = row.problem and "damaged" or row.os
            if row.systemd ~= nil then
                row.shown_systemd = row.systemd and "yes" or "no"
            end
        end
        listing.show(columns_for(rows), rows)
    end,
}
