-- The units of a container as its state has them.

local app <const> = require "sdme.app"
local made <const> = require "sdme.pod.made"
local unit <const> = require "sdme.unit.container"

local M <const> = {}

---Brings them in line. The caller holds the container's lock.
---@param description table its state
---@param running boolean? its ports stay as they are
---@return boolean changed
function M.install(description, running)
    return unit.install(description.name, app.settings(description),
        { running = running, before = made.before(description) })
end

---Whether what they say besides its ports is what its state says.
---@param description table
---@return boolean
function M.is_current(description)
    return unit.is_current(description.name, app.settings(description), made.before(description))
end

return M
