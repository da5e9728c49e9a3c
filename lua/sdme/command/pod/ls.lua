local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local pod <const> = require "sdme.pod"
local socket <const> = require "sdme.port.socket"

local COLUMNS <const> = {
    { name = "NAME", key = "name" }, { name = "STATUS", key = "status" },
    { name = "CONTAINERS", key = "containers" }, { name = "ADDRESSES", key = "addresses" },
    { name = "NETWORKS", key = "networks" }, { name = "PORTS", key = "ports" },
    { name = "CREATED", key = "created" },
}

return {
    name = "ls",
    summary = "list pods",
    options = { { long = "json", help = "as a JSON document" } },
    run = function(arguments)
        local rows <const> = pod.status()
        if arguments.json then
            return listing.json(json.array(rows))
        end
        for _, row in ipairs(rows) do
            row.status = row.problem and "damaged" or row.status
            for i, network in ipairs(row.networks or {}) do
                row.networks[i] = kind.attachment.show(network)
            end
            row.ports = socket.shown(row.ports)
            for i, member in ipairs(row.containers or {}) do
                row.containers[i] = member.name
            end
        end
        listing.show(COLUMNS, rows)
    end,
}
