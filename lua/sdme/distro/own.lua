-- An administrator's own families: Lua files that return such a table each. They run without an
-- environment, so that all they can do is to compute the table.

local base <const> = require "sdme.kind.base"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"

local file <const> = core.file

local M <const> = {}

M.DIRECTORY = "/etc/sdme/distro.d"

local MAXIMUM_SIZE <const> = 64 << 10

-- A list, and no text with commas instead.
local function list(item)
    return base.define {
        expected = "a list",
        type = kind.list(item).type,
        accept = kind.list(item).accept,
        parse = function()
            return nil, "expected a list, not a string"
        end,
    }
end

local COMMANDS <const> = list(list(kind.argument))

local MANAGER <const> = { program = "string", install = "table" }

local function check_manager(manager)
    local why = base.misfit(manager, MANAGER, "{ program=, install= }")
    if why then
        return nil, why
    elseif not manager.install or not (manager.program or ""):find "^[^/%c]+$" then
        return nil, "a manager needs the name of its program and what to `install`"
    end
    local commands
    commands, why = COMMANDS.check(manager.install)
    for _, command in ipairs(commands or {}) do
        if #command == 0 then
            return nil, "a command to install is empty"
        end
    end
    return commands and { program = manager.program, install = commands }, why
end

local PATHS <const> = list(kind.path)
local UNITS <const> = list(kind.service)

local FIELDS <const> = {
    name = kind.string, ids = list(kind.string), systemd = PATHS, dbus = PATHS,
    managers = list { expected = "managers", type = "table", check = check_manager },
    environment = kind.many(kind.env), clean = PATHS, mask = UNITS, unmask = UNITS,
    refused = kind.string, hint = kind.string,
}

---Checks a family, field by field.
---@param given any
---@param path string what an error is about
---@return sdme.Family
function M.check(given, path)
    if type(given) ~= "table" then
        fault.raise("EFORMAT", nil, "%s: expected that it returns a table, not a %s", path,
            type(given))
    end
    local family <const> = {}
    for key, value in pairs(given) do
        if not FIELDS[key] then
            fault.raise("EFORMAT", nil, "%s: there is no field '%s'", path, tostring(key))
        end
        local why
        family[key], why = FIELDS[key].check(value)
        if family[key] == nil then
            fault.raise("EFORMAT", nil, "%s: %s: %s", path, key, why)
        end
    end
    for _, key in ipairs { "name", "ids" } do
        if not family[key] then
            fault.raise("EFORMAT", nil, "%s: the field '%s' is missing", path, key)
        end
    end
    return family
end

-- Lua shortens the names of files in its messages, but not this.
local CHUNK <const> = "=family"

local function fail(path, message)
    fault.raise("EFORMAT", nil, "%s:%s", path, message:match "^family:(%d+:.*)" or " " .. message)
end

local function read(path)
    local text <const> = fault.check(file.read(path, { max = MAXIMUM_SIZE }))
    local chunk <const>, why <const> = load(text, CHUNK, "t", {})
    if not chunk then
        return fail(path, why)
    end
    local fine <const>, family <const> = pcall(chunk)
    if not fine then
        return fail(path, tostring(family))
    end
    return M.check(family, path)
end

---The families in a directory, by the names of their files; none if there is no such directory.
---@param directory string
---@return sdme.Family[]
function M.read(directory)
    local families <const> = {}
    local names <const>, why <const>, code <const> = file.list(directory)
    if not names and code ~= "ENOENT" then
        fault.raise(code, nil, "%s", why)
    end
    for _, name in ipairs(names or {}) do
        if name:find "%.lua$" then
            families[#families + 1] = read(directory .. "/" .. name)
        end
    end
    return families
end

return M
