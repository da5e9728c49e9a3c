-- os-release(5): what system a root filesystem holds.

local core <const> = require "sdme.core"
local text <const> = require "sdme.text"

local M <const> = {}

-- The file is a few hundred bytes; a guest's own may be anything.
local MAXIMUM_SIZE <const> = 64 << 10

local function unquote(value)
    local quote <const> = value:match "^(['\"])"
    if not quote then
        return value
    end
    local inner <const> = value:match("^" .. quote .. "(.*)" .. quote .. "%s*$") or value
    return quote == '"' and inner:gsub("\\([\"$`\\])", "%1") or inner
end

---@param content string
---@return table<string, string> values, printable whatever is in the file
function M.parse(content)
    local fields <const> = {}
    for line in content:gmatch "[^\n]+" do
        local name, value = line:match "^([A-Z][A-Z0-9_]*)=(.*)$"
        if name then
            fields[name] = text.printable(unquote(value))
        end
    end
    return fields
end

---What the system below a directory says of itself; an empty table if it says nothing.
---@param root userdata a descriptor of the directory
---@return table<string, string>
function M.read(root)
    for _, path in ipairs { "/etc/os-release", "/usr/lib/os-release" } do
        local content <const> = core.file.read(path, { root = root, max = MAXIMUM_SIZE })
        if content then
            return M.parse(content)
        end
    end
    return {}
end

local host

---@return table<string, string>
function M.host()
    if not host then
        local root <close> = core.file.open_directory "/"
        host = M.read(root)
    end
    return host
end

return M
