-- Volumes that the containers of a pod share: directories of the host, by name.

local app_volume <const> = require "sdme.app.volume"
local app <const> = require "sdme.app"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"

local M <const> = {}

-- An application's volume is at a path of the application; where a container has several, at one of
-- the container's.
local function target_of(apps, path)
    return apps and #apps == 1 and app.root(apps[1].name) .. path or path
end

---The volumes of a container of a definition, by name.
---@param pod string
---@param one { volumes: table<string, string> }
---@param apps sdme.App[]? of the container
---@return table[]
function M.find(pod, one, apps)
    local found <const>, targets <const> = {}, {}
    for name, path in pairs(one.volumes) do
        local target <const> = target_of(apps, path)
        if targets[target] then
            fault.usage("container %s: volumes: %s is given twice", one.key, path)
        end
        targets[target] = true
        found[#found + 1] = {
            name = name, path = path, source = app_volume.shared(pod, name), target = target,
            app = apps and #apps == 1 and apps[1] or nil,
        }
    end
    table.sort(found, function(a, b) return a.target < b.target end)
    return found
end

---The settings of a container with binds for its volumes.
---@param settings table
---@param volumes table[] as `find` returned them
---@return table
function M.bind(settings, volumes)
    if #volumes == 0 then
        return settings
    end
    local own <const>, all <const> = settings.bind or {}, {}
    local binds <const> = table.move(own, 1, #own, 1, {})
    for _, one in ipairs(volumes) do
        for _, other in ipairs(own) do
            if other.target == one.target then
                fault.usage("volumes: %s of the container is given twice", one.path)
            end
        end
        binds[#binds + 1] = { source = one.source, target = one.target, read_only = false }
    end
    for name, value in pairs(settings) do
        all[name] = value
    end
    all.bind = json.array(binds)
    return all
end

---Makes those that are missing, with what the image has at their path.
---@param pod string
---@param volumes table[] as `find` returned them
function M.make(pod, volumes)
    for _, one in ipairs(volumes) do
        app_volume.make_shared(pod, one.name, one.app, one.path)
    end
end

return M
