-- Certificates for registries, where podman and docker have them (containers-certs.d(5)): in a
-- directory of the registry's name, NAME.crt are authorities to trust beside the system's, and
-- NAME.cert with NAME.key say who we are.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local file <const> = core.file

local M <const> = {}

-- The first that has a directory for the registry counts.
local DIRECTORIES <const> = { "/etc/containers/certs.d", "/etc/docker/certs.d" }

---@class sdme.oci.Certificates
---@field authorities string? in PEM
---@field certificate string? a path
---@field key string? a path

local function directory_of(host, directories)
    for _, directory in ipairs(directories) do
        local path <const> = directory .. "/" .. host
        local stat <const> = file.stat(path, { follow = true })
        if stat and stat.type == "directory" then
            return path
        end
    end
    return nil
end

local function check_other(path, other)
    if not file.exists(other) then
        fault.raise("ENOENT", "authorities to trust are called NAME.crt",
            "%s: expected %s beside it", path, other:match "[^/]*$")
    end
end

local READERS <const> = {
    crt = function(found, path)
        found.authorities = (found.authorities or "") .. fault.check(file.read(path)) .. "\n"
    end,
    cert = function(found, path)
        local key <const> = path:gsub("%.cert$", ".key")
        check_other(path, key)
        found.certificate, found.key = found.certificate or path, found.key or key
    end,
    key = function(_, path)
        check_other(path, (path:gsub("%.key$", ".cert")))
    end,
}

---What there is for a registry.
---@param host string "HOST" or "HOST:PORT"
---@param directories string[]? where to look; those of podman and docker without
---@return sdme.oci.Certificates
function M.find(host, directories)
    local found <const> = {}
    local directory <const> = not host:find("/", 1, true) and host:find "^[^.]"
        and directory_of(host, directories or DIRECTORIES)
    local names <const> = directory and fault.check(file.list(directory)) or {}
    table.sort(names)
    for _, name in ipairs(names) do
        local read <const> = READERS[name:match "%.(%l+)$"]
        if read then
            read(found, directory .. "/" .. name)
        end
    end
    return found
end

---Where certificates for a registry could be put.
---@param host string
---@return string path
function M.directory(host)
    return DIRECTORIES[1] .. "/" .. host
end

return M
