local container <const> = require "sdme.container"
local json <const> = require "sdme.json"
local listing <const> = require "sdme.listing"
local socket <const> = require "sdme.port.socket"

local COLUMNS <const> = {
    { name = "NAME", key = "name" }, { name = "STATUS", key = "status" },
    { name = "HEALTH", key = "health" }, { name = "OS", key = "os" },
    { name = "ROOTFS", key = "rootfs" }, { name = "POD", key = "pods" },
    { name = "ADDRESSES", key = "shown_addresses" }, { name = "PORTS", key = "ports" },
}

-- The pod that it is in, and that of its applications.
local function pods_of(row)
    local pods <const> = { row.pod }
    pods[#pods + 1] = row.oci_pod and "app:" .. row.oci_pod or nil
    return pods
end

return {
    name = "ps",
    summary = "list containers",
    options = { { long = "json", help = "as a JSON document" } },
    run = function(arguments)
        local rows <const> = container.status()
        if arguments.json then
            return listing.json(json.array(rows))
        end
        for _, row in ipairs(rows) do
            row.pods = pods_of(row)
            row.ports = socket.shown(row.ports)
            row.shown_addresses = table.concat(row.addresses, " ")
        end
        listing.show(COLUMNS, rows)
    end,
}
