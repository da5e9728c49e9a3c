-- What a recipe asks of the state so far: what its steps have made until here. Nothing leads out of
-- it, whatever links there are.

local check <const> = require "sdme.recipe.step.check"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local os_release <const> = require "sdme.os_release"
local position <const> = require "sdme.recipe.position"

local file <const> = core.file

local M <const> = {}

-- What a script reads is text that it looks at, not data that it moves.
local MAXIMUM_SIZE <const> = 64 << 20

-- Where it is; a relative path counts from the working directory.
local function locate(b, name, path)
    position.blame(position.of_caller(b.recipe.make), check.text, name, "the path", path)
    if path:find "^/" then
        return path
    end
    return ("%s/%s"):format(b.config.workdir or "", path)
end

---The content of a file.
---@param self sdme.Builder
---@param path string
---@return string # raises `ENOENT` if there is no such file
function M.read(self, path)
    local at <const> = locate(self, "read", path)
    local root <close> = self:root()
    local content <const>, message <const>, code <const> =
        file.read(at, { root = root, max = MAXIMUM_SIZE })
    return content or fault.raise(code, nil, "read %s: %s", at, message)
end

---What a path leads to.
---@param self sdme.Builder
---@param path string
---@return table? # its type, size, mode, uid, gid, mtime; nil if there is nothing
function M.stat(self, path)
    local at <const> = locate(self, "stat", path)
    local root <close> = self:root()
    local found <const>, message <const>, code <const> =
        file.stat(at, { root = root, follow = true })
    if not found and code ~= "ENOENT" and code ~= "ENOTDIR" then
        fault.raise(code, nil, "stat %s: %s", at, message)
    end
    return found
end

---What the system says of itself: the fields of its os-release(5).
---@param self sdme.Builder
---@return table<string, string> # nothing if it says nothing
function M.os(self)
    local root <close> = self:root()
    return os_release.read(root)
end

return M
