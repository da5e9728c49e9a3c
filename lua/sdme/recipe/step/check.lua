-- How steps check what they are given.

local fault <const> = require "sdme.fault"
local text <const> = require "sdme.text"

local M <const> = {}

---Raises unless all of the options are known, and of the right type.
---@param step string the step's name
---@param options any
---@param known table<string, string> types by name
---@return table options an empty table for none
function M.options(step, options, known)
    if options ~= nil and type(options) ~= "table" then
        fault.usage("%s: expected a table of options, not a %s", step, type(options))
    end
    for name, value in pairs(options or {}) do
        if not known[name] then
            local names <const> = {}
            for other in pairs(known) do
                names[#names + 1] = other
            end
            table.sort(names)
            local meant <const> = text.nearest(tostring(name), names)
            fault.raise("EUSAGE", meant and ("did you mean %s?"):format(meant) or nil,
                "%s has no option '%s'", step, tostring(name))
        elseif not known[name]:find(type(value), 1, true) then
            fault.usage("%s: '%s' is a %s, not a %s", step, name,
                known[name]:gsub(" ", " or a "), type(value))
        end
    end
    return options or {}
end

---Raises unless it is a text without NUL, which no file name and no argument can have.
---@param step string
---@param what string
---@param value any
---@return string value
function M.text(step, what, value)
    if type(value) ~= "string" then
        fault.usage("%s: %s is a string, not a %s", step, what, type(value))
    elseif value:find("\0", 1, true) then
        fault.usage("%s: %s has a NUL byte", step, what)
    end
    return value
end

---Raises unless it is an absolute path of the system, and makes it one without "." and "//".
---@param step string
---@param path any
---@return string path
function M.path(step, path)
    M.text(step, "the path", path)
    if path:sub(1, 1) ~= "/" then
        fault.usage("%s: expected an absolute path, not '%s'", step, path)
    elseif not utf8.len(path) then
        fault.usage("%s: the path '%s' isn't UTF-8", step, text.printable(path))
    end
    local parts <const> = {}
    for part in path:gmatch "[^/]+" do
        if part == ".." then
            fault.usage("%s: expected a path without '..', not '%s'", step, path)
        elseif part ~= "." then
            parts[#parts + 1] = part
        end
    end
    return "/" .. table.concat(parts, "/")
end

---A list of texts that aren't empty.
---@param step string
---@param what string
---@param list any
---@return string[] list a copy
function M.list(step, what, list)
    if type(list) ~= "table" or #list == 0 then
        fault.usage("%s: expected %s", step, what)
    end
    local copy <const> = {}
    for i, value in ipairs(list) do
        copy[i] = M.text(step, ("number %d of %s"):format(i, what), value)
    end
    for key in pairs(list) do
        if not copy[key] then
            fault.usage("%s: expected %s, without '%s'", step, what, tostring(key))
        end
    end
    return copy
end

---The names of variables or labels, with texts.
---@param step string
---@param values any
---@param pattern string of a name
---@return table<string, string> values a copy
function M.map(step, values, pattern)
    local copy <const> = {}
    if values ~= nil and type(values) ~= "table" then
        fault.usage("%s: expected a table, not a %s", step, type(values))
    end
    for name, value in pairs(values or {}) do
        if type(name) ~= "string" or not name:find(pattern) then
            fault.usage("%s: '%s' is no name", step, tostring(name))
        end
        local shown <const> = math.type(value) and tostring(value) or value
        copy[name] = M.text(step, "the value of " .. name, shown)
        if not utf8.len(copy[name]) then
            fault.usage("%s: the value of %s isn't UTF-8", step, name)
        end
    end
    return copy
end

---A mode as a text of octal digits, or nil.
---@param step string
---@param mode any
---@return string? mode
function M.mode(step, mode)
    if mode ~= nil and not (type(mode) == "string" and mode:find "^0?[0-7][0-7][0-7][0-7]?$") then
        fault.usage("%s: expected a mode such as \"0644\"", step)
    end
    return mode
end

---Who owns something, "USER[:GROUP]", or nil.
---@param step string
---@param owner any
---@return string? owner
function M.owner(step, owner)
    local pattern <const> = "^[%w_][%w_.-]*:?[%w_.-]*$"
    if owner ~= nil and not (type(owner) == "string" and owner:find(pattern)) then
        fault.usage("%s: expected a user, or USER:GROUP", step)
    end
    return owner
end

return M
