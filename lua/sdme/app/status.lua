-- How the applications of a container are, as the units in its systemd tell.

local core <const> = require "sdme.core"
local systemd <const> = require "sdme.systemd"
local unit <const> = require "sdme.unit.app"

local M <const> = {}

local STATES <const> = {
    active = "running", activating = "starting", deactivating = "stopping", failed = "failed",
    reloading = "running", inactive = "stopped",
}

-- What our program in the guest writes (src/guest/health.c); whoever is root there can write too.
local HEALTH <const> = { starting = true, healthy = true, unhealthy = true }
local LINE <const> = "^(%l+) (%d+) %d+ (%d+)\n$"
local LINE_MAX <const> = 128

-- What is noted of an application's health, which is that of another run if the application was
-- started since: a container has the clock of its host.
local function read_health(manager, one, root)
    local line <const> = core.file.read(unit.health_file(one.name),
        { root = root, max = LINE_MAX, follow = false }) or ""
    local health <const>, failures <const>, checked <const> = line:match(LINE)
    local started <const> = manager:unit_property(unit.name(one.name), "Unit",
        "ActiveEnterTimestampMonotonic")
    if not HEALTH[health] or tonumber(checked) < started // 1000 then
        return "starting", 0
    end
    return health, math.tointeger(tonumber(failures))
end

local function has_check(description)
    for _, one in ipairs(description.apps or {}) do
        if one.config.healthcheck then
            return true
        end
    end
    return false
end

---An application in a container.
---@class sdme.AppStatus
---@field name string its name
---@field state "running"|"starting"|"stopping"|"stopped"|"failed"|"unknown" what it is doing
---@field health "healthy"|"unhealthy"|"starting"|nil what the check of its image says, if it has
---  one
---@field failures integer? how many checks in a row have failed, where its image has one

---How the applications of a running container are.
---@param bus userdata the guest's
---@param description { apps: sdme.App[]? }
---@param open_root fun(): userdata? a descriptor of the container's root directory, as its first
---process sees it
---@return sdme.AppStatus[]
function M.list(bus, description, open_root)
    local manager <const>, listed <const>, list <const> = systemd.manager(bus), {}, {}
    for _, found in ipairs(manager:list_units(unit.name "*")) do
        listed[found.name] = found
    end
    local root <close> = has_check(description) and open_root() or nil
    for i, one in ipairs(description.apps or {}) do
        local found <const> = listed[unit.name(one.name)]
        local state <const> = STATES[found and found.active or "inactive"] or "stopped"
        list[i] = { name = one.name, state = state }
        if root and one.config.healthcheck and state == "running" then
            list[i].health, list[i].failures = read_health(manager, one, root)
        end
    end
    return list
end

return M
