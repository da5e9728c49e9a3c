-- Bytes that were asked for by their digest: they have it, or nobody gets to see them.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

---@param bytes string
---@param algorithm string? "sha256"
---@return string digest "sha256:HEX"
function M.digest(bytes, algorithm)
    algorithm = algorithm or "sha256"
    local digest <close> = fault.check(core.digest.new(algorithm))
    return ("%s:%s"):format(algorithm, digest:update(bytes):hex())
end

---Raises unless bytes are what a descriptor says.
---@param bytes string
---@param descriptor sdme.oci.Descriptor
---@param what string what they are, for messages
---@return string bytes
function M.verify(bytes, descriptor, what)
    if #bytes ~= descriptor.size then
        fault.raise("EDIGEST", nil, "%s: expected %d bytes, and it has %d", what, descriptor.size,
            #bytes)
    end
    local found <const> = M.digest(bytes, descriptor.digest:match "^[^:]+")
    if found ~= descriptor.digest then
        fault.raise("EDIGEST", nil, "%s: expected the digest %s, and it has %s", what,
            descriptor.digest, found)
    end
    return bytes
end

return M
