-- Ranges of 65,536 user ids for containers with a user namespace, each held by one container.
--
-- A range is a symbolic link from its first id to the container's name: made by one system call
-- that fails if it is there, so two commands can't pick the same. A link whose container isn't
-- there, or has another range, is left over from a command that was killed.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local store <const> = require "sdme.store"

local file <const> = core.file

local M <const> = {}

-- Every id of a 16-bit world.
M.SIZE = 65536

local function path_of(base)
    return store.path("ranges", ("%d"):format(base))
end

-- FNV-1a, so that a container's range doesn't depend on how many there are.
local function hash(name)
    local value = 0x811c9dc5
    for i = 1, #name do
        value = ((value ~ name:byte(i)) * 0x01000193) & 0xffffffff
    end
    return value
end

local function is_stale(base)
    local owner <const> = file.readlink(path_of(base))
    return owner and not file.stat(store.path("containers", owner))
end

---Picks a range for a container and keeps it.
---@param name string
---@return { base: integer, count: integer }
function M.pick(name)
    local first <const>, count <const> = config.get "userns_base", config.get "userns_count"
    for probe = 0, count - 1 do
        local base <const> = first + (hash(name) + probe) % count * M.SIZE
        local made, message, code = file.symlink(name, path_of(base))
        if not made and code ~= "EEXIST" then
            fault.raise(code, nil, "%s", message)
        end
        if made or file.readlink(path_of(base)) == name then
            return { base = base, count = M.SIZE }
        elseif is_stale(base) and file.symlink(name, path_of(base), { replace = true }) then
            return { base = base, count = M.SIZE }
        end
    end
    fault.raise("ENOSPC", "sdme config set userns_count N", "all %d ranges of user ids are taken",
        count)
end

---Gives a range back.
---@param range { base: integer }?
---@param name string
function M.release(range, name)
    if range and file.readlink(path_of(range.base)) == name then
        file.remove(path_of(range.base))
    end
end

---Hands a range over to the new name of its container.
---@param range { base: integer }?
---@param name string
function M.rename(range, name)
    if range then
        fault.check(file.symlink(name, path_of(range.base), { replace = true }))
    end
end

return M
