-- Where later steps and the image's program begin. A step that runs makes it if it is missing.

local check <const> = require "sdme.recipe.step.check"
local fault <const> = require "sdme.fault"

local M <const> = { name = "workdir", metadata = true }

---@param b sdme.Builder
---@param path string absolute, or below the one before
---@return table doing
function M.prepare(b, path)
    check.text("workdir", "the path", path)
    if path == "" then
        fault.usage("workdir: the path is empty")
    elseif path:sub(1, 1) ~= "/" then
        path = ("%s/%s"):format(b.config.workdir or "", path)
    end
    return { path = check.path("workdir", path) }
end

---@return string
function M.what(doing)
    return doing.path
end

---@param config table of an image
function M.set(config, doing)
    config.workdir = doing.path
end

return M
