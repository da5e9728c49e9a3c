-- Digests of whole files, while others go on.

local core <const> = require "sdme.core"
local task <const> = require "sdme.task"

local M <const> = {}

---The digest of a regular file, or of what is left of a descriptor's.
---@param file any a path or a descriptor
---@param algorithm "sha256"|"sha512"|nil
---@param options { root: any, follow: boolean? }? as core.digest.file takes them
---@return string? hex
---@return integer|string size or the message
---@return string? code
function M.file(file, algorithm, options)
    local pending <close>, message <const>, code <const> =
        core.digest.file(file, algorithm, options)
    if not pending then
        return nil, message, code
    end
    return task.await(pending)
end

return M
