-- A pod as systemd knows it: a target that is there for as long as a container runs in the pod.
-- What belongs to the pod ends with it, whatever the containers ended by.

local file <const> = require "sdme.unit.file"
local text <const> = require "sdme.unit.text"

local M <const> = {}

local TEMPLATE <const> = "sdme-pod@.target"

---@param name string of a pod
---@return string
function M.name(name)
    return ("sdme-pod@%s.target"):format(name)
end

---@return string
function M.template()
    return text.render {
        { "Unit",
            { "Description", "Pod %i" },
            { "Documentation", "man:sdme(1)" },
            { "StopWhenUnneeded", "yes" },
            { "CollectMode", "inactive-or-failed" },
        },
    }
end

---What the service of a container wants, which is in pods.
---@param settings table
---@return string[]
function M.wanted(settings)
    local names <const> = { settings.pod and M.name(settings.pod) }
    if settings.oci_pod and settings.oci_pod ~= settings.pod then
        names[#names + 1] = M.name(settings.oci_pod)
    end
    return names
end

---Brings the template in line.
---@return boolean changed
function M.install()
    return file.install_template(TEMPLATE, M.template())
end

return M
