-- Putting files into the upper layer of a container that isn't running.
--
-- What is put there hides what the lower layers have at the same path, so each directory on the
-- way to it is made as the lower's is: same mode, same owner (shifted into the user namespace).

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local file <const> = core.file

local M <const> = {}

---@class sdme.Upper
---@field root userdata a descriptor of the layer: a guest may have put links where we go
---@field lower userdata a descriptor of what the layers below it show
---@field base integer the first id of the user namespace, 0 without one
local Upper <const> = {}
Upper.__index = Upper

---@param path string
---@param lower userdata becomes the upper's own
---@param base integer
---@return sdme.Upper to be closed
function M.open(path, lower, base)
    local root <const> = fault.check(file.open_directory(path))
    return setmetatable({ root = root, lower = lower, base = base, made = {} }, Upper)
end

function Upper:close()
    self.root:close()
    self.lower:close()
end
Upper.__close = Upper.close

local function options(self, mode, uid, gid)
    return { root = self.root, mode = mode, uid = self.base + uid, gid = self.base + gid }
end

---What the layers below have at a path.
---@param path string
---@return table? stat
function Upper:below(path)
    return file.stat(path, { root = self.lower })
end

local DEFAULT <const> = { type = "directory", mode = "0755", uid = 0, gid = 0 }

---Makes a directory and those above it; where the lower has none, it is root's, 0755.
---@param path string below the root of the container
---@return boolean merged whether the lower has that directory too
function Upper:directory(path)
    if self.made[path] ~= nil then
        return self.made[path]
    end
    local parent <const> = path:match "^(.+)/[^/]+$"
    if parent then
        self:directory(parent)
    end
    local stat = self:below(path)
    local merged <const> = stat ~= nil and stat.type == "directory"
    stat = merged and stat or DEFAULT
    local made, why, code = file.mkdir(path, options(self, stat.mode, stat.uid, stat.gid))
    if code ~= "EEXIST" then
        fault.check(made, why, code)
    end
    self.made[path] = merged
    return merged
end

local function enter_parent(self, path)
    local parent <const> = path:match "^(.+)/[^/]+$"
    if parent then
        self:directory(parent)
    end
end

---@param path string
---@param content string
function Upper:write(path, content)
    enter_parent(self, path)
    fault.check(file.write(path, content, options(self, "0644", 0, 0)))
end

---@param path string
---@param target string
function Upper:symlink(path, target)
    enter_parent(self, path)
    fault.check(file.symlink(target, path,
        { root = self.root, uid = self.base, gid = self.base, replace = true }))
end

---Removes a symbolic link, if it is still the one to `target`.
---@param path string
---@param target string
function Upper:unlink(path, target)
    if file.readlink(path, { root = self.root }) == target then
        fault.check(file.remove(path, { root = self.root }))
    end
end

-- Where a link to /dev/null masks a unit (systemd.unit(5)).
local UNITS <const> = "/etc/systemd/system/"

---Keeps a unit from starting.
---@param unit string
function Upper:mask(unit)
    self:symlink(UNITS .. unit, "/dev/null")
end

---Takes a mask back, if it still is one.
---@param unit string
function Upper:unmask(unit)
    self:unlink(UNITS .. unit, "/dev/null")
end

---Makes what the lower layers have at a path vanish.
---@param path string
function Upper:delete(path)
    enter_parent(self, path)
    fault.check(file.whiteout(path, { root = self.root }))
end

---Shows again what `hide` hid.
---@param path string
function Upper:show(path)
    file.remove_attribute(path, "trusted.overlay.opaque", { root = self.root })
end

---Hides what the lower has in a directory (overlayfs.rst, opaque directories). Without such a
---directory in the lower there is nothing to hide.
---@param path string
function Upper:hide(path)
    local stat <const> = self:below(path)
    if stat and stat.type == "directory" then
        self:directory(path)
        fault.check(file.set_attribute(path, "trusted.overlay.opaque", "y", { root = self.root }))
    end
end

return M
