-- How the applications of a container are, as the units in its systemd tell.

local core <const> = require "sdme.core"
local systemd <const> = require "sdme.systemd"
local unit <const> = require "sdme.unit.app"

local M <const> = {}

local STATES <const> = {
    active = "running", activating = "starting", deactivating = "stopping", failed = "failed",
    reloading = "running", inactive = "stopped",
}

-- Seconds since a unit has become active: a container has the clock of its host.
local function age(manager, name)
    return core.poll.now()
        - manager:unit_property(name, "Unit", "ActiveEnterTimestampMonotonic") / 1000000
end

-- The checks in a row that have failed: systemd has counted those that were followed by another.
local function failures(check, sub)
    return check.NRestarts + (sub == "auto-restart" and 1 or 0)
end

-- As Docker has it: so many failures in a row make it unhealthy, and none of them count in the
-- beginning.
local function health(manager, one, listed)
    local wanted <const> = one.config.healthcheck
    local name <const> = unit.health_name(one.name)
    local check <const> = manager:unit_properties(name, "Service")
    local found <const> = listed[name] or { active = "inactive", sub = "dead" }
    if found.active == "inactive" and check.ExecMainExitTimestampMonotonic > 0 then
        return check.Result == "success" and "healthy" or "unhealthy"
    end
    local failed <const> = failures(check, found.sub) >= wanted.retries
    local seconds <const> = age(manager, unit.name(one.name))
    if seconds < wanted.start_period + (failed and 0 or wanted.interval * wanted.retries) then
        return "starting"
    end
    return failed and "unhealthy" or "healthy"
end

---An application in a container.
---@class sdme.AppStatus
---@field name string its name
---@field state "running"|"starting"|"stopping"|"stopped"|"failed"|"unknown" what it is doing
---@field health "healthy"|"unhealthy"|"starting"|nil what the check of its image says, if it has
---  one

---@param bus userdata the guest's
---@param description { apps: sdme.App[]? }
---@return sdme.AppStatus[]
function M.list(bus, description)
    local manager <const>, listed <const>, list <const> = systemd.manager(bus), {}, {}
    for _, found in ipairs(manager:list_units(unit.name "*", unit.health_name "*")) do
        listed[found.name] = found
    end
    for i, one in ipairs(description.apps or {}) do
        local found <const> = listed[unit.name(one.name)]
        local state <const> = STATES[found and found.active or "inactive"] or "stopped"
        list[i] = {
            name = one.name, state = state,
            health = one.config.healthcheck and state == "running"
                and health(manager, one, listed) or nil,
        }
    end
    return list
end

return M
