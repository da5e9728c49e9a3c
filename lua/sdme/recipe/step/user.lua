-- Who runs later steps and the image's program.

local check <const> = require "sdme.recipe.step.check"
local fault <const> = require "sdme.fault"

local M <const> = { name = "user", metadata = true }

---@param user string "USER[:GROUP]", names or numbers of the system
---@return table doing
function M.prepare(_, user)
    return { user = check.owner("user", user) or fault.usage("user: expected a user") }
end

---@return string
function M.what(doing)
    return doing.user
end

---@param config table of an image
function M.set(config, doing)
    config.user = doing.user
end

return M
