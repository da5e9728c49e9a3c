-- The containers that were made for the definition of a pod.

local core <const> = require "sdme.core"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"

local M <const> = {}

---All of a pod's.
---@param pod string
---@return table<string, table> states by key
function M.of(pod)
    local found <const> = {}
    for _, name in ipairs(core.file.list(store.path "containers") or {}) do
        local fine <const>, description <const> = pcall(state.container, name)
        local mark <const> = fine and description.definition
        if mark and mark.pod == pod then
            found[mark.key] = description
        end
    end
    return found
end

---Those that a container comes after, of which there may be fewer than the definition has.
---@param description table its state
---@return string[] names
function M.before(description)
    local mark <const>, names <const> = description.definition, {}
    local others <const> = mark and #mark.after > 0 and M.of(mark.pod) or {}
    for _, key in ipairs(mark and mark.after or {}) do
        names[#names + 1] = others[key] and others[key].name
    end
    return names
end

return M
