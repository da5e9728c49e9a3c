-- What spec/host/image has made: real roots of Debian.

local M <const> = {}

local DIRECTORY <const> = os.getenv "SDME_IMAGES"

---@param name string "debian.tar", "bare.tar", "packages"
---@return string path
function M.path(name)
    return assert(DIRECTORY, "SDME_IMAGES is not set: run it by spec/run") .. "/" .. name
end

return M
