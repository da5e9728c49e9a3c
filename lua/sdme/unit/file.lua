-- Where the files of units lie, and how they come there: only what is different is written, so that
-- systemd reads its files again only when it has to.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local file <const> = core.file

local M <const> = {}

local OWN_DIRECTORY <const> = "/etc/systemd/system"

-- Where a unit may lie (systemd.unit(5)), the first one winning.
local SEARCH_PATH <const> = {
    OWN_DIRECTORY, "/run/systemd/system", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
}

local function own_path(unit)
    return OWN_DIRECTORY .. "/" .. unit
end

local function drop_in_path(unit)
    return own_path(unit) .. ".d/sdme.conf"
end

local function write_if_different(path, content)
    if file.read(path) == content then
        return false
    end
    fault.check(file.write(path, content, { mode = "0644", sync = true }))
    return true
end

---Installs a unit that all containers share, unless a package has brought the same.
---@param unit string
---@param content string
---@return boolean changed
function M.install_template(unit, content)
    for _, directory in ipairs(SEARCH_PATH) do
        local found <const> = file.read(directory .. "/" .. unit)
        if found == content then
            return false
        elseif found then
            break
        end
    end
    return write_if_different(own_path(unit), content)
end

---Whether `install` has installed a unit.
---@param unit string
---@return boolean
function M.is_installed(unit)
    return file.exists(own_path(unit))
end

---Installs a unit, or removes it.
---@param unit string
---@param content string? nil: there shall be none
---@return boolean changed
function M.install(unit, content)
    if content then
        return write_if_different(own_path(unit), content)
    end
    return file.remove(own_path(unit)) ~= nil
end

---The drop-in of a unit, if it has one.
---@param unit string
---@return string?
function M.read_drop_in(unit)
    return (file.read(drop_in_path(unit)))
end

---Installs the drop-in of a unit, or removes it.
---@param unit string
---@param content string? nil: there shall be none
---@return boolean changed
function M.install_drop_in(unit, content)
    local path <const> = drop_in_path(unit)
    if content then
        fault.check(file.mkdir(path:match "^(.*)/", { mode = "0755", parents = true }))
        return write_if_different(path, content)
    end
    local removed <const> = file.remove(path)
    file.remove((path:match "^(.*)/"))
    return removed ~= nil
end

return M
