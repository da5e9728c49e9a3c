-- fstab(5) of a root filesystem that may be anybody's.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local M <const> = {}

local MAXIMUM_SIZE <const> = 256 << 10
local MAXIMUM_PATH <const> = 4095 -- PATH_MAX without its NUL

---@class sdme.fstab.Entry
---@field source string "UUID=...", "/dev/sda2", ...
---@field path string absolute, without ".", ".." and slashes that say nothing
---@field type string
---@field options table<string, string|true>

-- Characters that would end a word are written as \ooo.
local function unescape(word)
    return (word:gsub("\\([0-3][0-7][0-7])", function(digits)
        return string.char(tonumber(digits, 8))
    end))
end

-- nil for what is no place in a tree: "none", "swap", or a path that goes up.
local function normal_path(word)
    local names <const> = {}
    if word:sub(1, 1) ~= "/" or #word > MAXIMUM_PATH then
        return nil
    end
    for name in word:gmatch "[^/]+" do
        if name == ".." then
            return nil
        elseif name ~= "." then
            names[#names + 1] = name
        end
    end
    return "/" .. table.concat(names, "/")
end

local function parse_options(word)
    local options <const> = {}
    for option in word:gmatch "[^,]+" do
        local key <const>, value <const> = option:match "^([^=]+)=(.*)$"
        if key then
            options[key] = value
        else
            options[option] = true
        end
    end
    return options
end

---@param text string
---@return sdme.fstab.Entry[] entries what can't be mounted at all is left out
function M.parse(text)
    local entries <const> = {}
    for line in text:gmatch "[^\n]+" do
        local words <const> = {}
        for word in line:gmatch "[^ \t]+" do
            words[#words + 1] = unescape(word)
        end
        local path <const> = words[2] and normal_path(words[2])
        if path and words[1]:sub(1, 1) ~= "#" and not table.concat(words):find("\0", 1, true) then
            entries[#entries + 1] = {
                source = words[1], path = path, type = words[3] or "auto",
                options = parse_options(words[4] or ""),
            }
        end
    end
    return entries
end

---The entries of /etc/fstab below a directory; none if there is no such file. A symlink leads to
---what another system made, and isn't followed.
---@param root userdata a descriptor of the directory
---@param name string of the disk, for messages
---@return sdme.fstab.Entry[]
function M.read(root, name)
    local text <const>, message <const>, code <const> =
        core.file.read("/etc/fstab", { root = root, follow = false, max = MAXIMUM_SIZE })
    if text then
        return M.parse(text)
    elseif code == "ENOENT" or code == "ENOTDIR" or code == "ELOOP" then
        return {}
    end
    fault.raise(code, nil, "%s: its fstab: %s", name, message)
end

return M
