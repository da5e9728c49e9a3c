-- The applications of a container: images whose processes run as services of its systemd, each in
-- a root of its own that lies in the container's files.

local text <const> = require "sdme.text"
local unit <const> = require "sdme.unit.app"

local M <const> = {}

local DIRECTORY <const> = "/oci/apps/"

---@class sdme.App as state files have it
---@field name string
---@field layers string[] from the bottom to the top
---@field config table of its image: see sdme.oci.config
---@field origin table?
---@field digest string?

---Where an application's files are in its container.
---@param name string of the application
---@return string path
function M.root(name)
    return DIRECTORY .. name .. "/root"
end

---The application whose files are mounted at a path of its container.
---@param description { apps: sdme.App[]? }
---@param path string
---@return sdme.App?
function M.at(description, path)
    for _, one in ipairs(description.apps or {}) do
        if M.root(one.name) == path then
            return one
        end
    end
end

---The root among those of applications that a path of a container is in.
---@param description { apps: sdme.App[]? }
---@param path string
---@return sdme.App?
---@return string? rest of the path, from that root on
function M.holding(description, path)
    for _, one in ipairs(description.apps or {}) do
        local root <const> = M.root(one.name)
        if path == root or path:sub(1, #root + 1) == root .. "/" then
            return one, path:sub(#root + 1)
        end
    end
end

local UNITS <const> = "/etc/systemd/system/"

---Writes the units of a container's applications.
---@param upper sdme.Upper
---@param description { apps: sdme.App[]? }
function M.prepare(upper, description)
    for _, one in ipairs(description.apps or {}) do
        for name, content in pairs(unit.files(one, M.root(one.name))) do
            upper:write(UNITS .. name, content)
        end
        for link, target in pairs(unit.links(one)) do
            upper:symlink(UNITS .. link, UNITS .. target)
        end
    end
end

---The names of a container's applications, for messages.
---@param description { apps: sdme.App[]? }
---@return string
function M.names(description)
    local names <const> = {}
    for i, one in ipairs(description.apps or {}) do
        names[i] = text.printable(one.name)
    end
    return table.concat(names, ", ")
end

return M
