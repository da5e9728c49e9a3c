-- Users and groups of a root filesystem, by its own passwd(5) and group(5).

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

-- A system's files have some kilobytes; a larger one is no such file.
local MAXIMUM_SIZE <const> = 1 << 20

-- 4294967295 is (uid_t) -1, which is nobody's.
local MAXIMUM_ID <const> = (1 << 32) - 2

local function id(text)
    local number <const> = text and #text <= 10 and text:find "^%d+$"
        and math.tointeger(tonumber(text))
    return number and number <= MAXIMUM_ID and number or nil
end

-- The fields of the first line whose `position`th field is `wanted`.
local function find(root, path, position, wanted)
    local content <const> =
        core.file.read(path, { root = root, max = MAXIMUM_SIZE, follow = false })
    for line in (content or ""):gmatch "[^\n]+" do
        local fields <const> = {}
        for field in (line .. ":"):gmatch "([^:]*):" do
            fields[#fields + 1] = field
        end
        if fields[position] == wanted then
            return fields
        end
    end
    return nil
end

---The number of a group.
---@param root any descriptor of the root directory
---@param name string its name, or digits, which are always a number
---@return integer gid
function M.group(root, name)
    local number <const> = id(name)
    if number then
        return number
    end
    local entry <const> = find(root, "/etc/group", 1, name)
    return id(entry and entry[3]) or fault.raise("ENOENT", nil, "there is no group '%s'", name)
end

---Who owns a file, or runs a command: "USER[:GROUP]", each a name or a number. Without a group it
---is that of the user's entry, or 0 where a number has none. Raises `ENOENT` if there is no such
---user or group.
---@param root any descriptor of the root directory
---@param text string
---@return { uid: integer, gid: integer, name: string?, home: string }
function M.find(root, text)
    local user <const>, group <const> = text:match "^([^:]*):?(.*)$"
    local number <const> = id(user)
    local entry <const> = number and find(root, "/etc/passwd", 3, ("%d"):format(number))
        or find(root, "/etc/passwd", 1, user)
    local uid <const> = number or id(entry and entry[3])
    if not uid or user == "" then
        fault.raise("ENOENT", nil, "there is no user '%s'", user)
    end
    local home <const> = entry and entry[6] or ""
    return {
        uid = uid, gid = group ~= "" and M.group(root, group) or id(entry and entry[4]) or 0,
        name = entry and entry[1], home = home:sub(1, 1) == "/" and home or "/",
    }
end

---The same, as numbers.
---@param root any descriptor of the root directory
---@param text string
---@return integer uid
---@return integer gid
function M.owner(root, text)
    local found <const> = M.find(root, text)
    return found.uid, found.gid
end

return M
