-- Patterns for paths, as shells and .gitignore files have them: glob(7), and `**` for any number of
-- directories. A path is matched component by component.

local fault <const> = require "sdme.fault"

local M <const> = {}

-- One character, however many bytes it has (utf8.charpattern).
local CHARACTER <const> = "[\0-\x7F\xC2-\xFD][\x80-\xBF]*"

local CLASSES <const> = {
    alnum = "%w", alpha = "%a", cntrl = "%c", digit = "%d", graph = "%g", lower = "%l",
    punct = "%p", space = "%s", upper = "%u", xdigit = "%x",
}

---@param text string
---@return boolean # whether it has anything but itself to match
function M.is_pattern(text)
    return text:find "[*?[]" ~= nil
end

-- What is between "[" and "]" as Lua has it.
local function translate_set(text, whole)
    local set = text:gsub("%[:(%a+):%]", function(name)
        return CLASSES[name] and "\0" .. name .. "\0"
            or fault.usage("the pattern '%s' has no class of characters [:%s:]", whole, name)
    end)
    local negated <const> = set:find "^[!^]"
    set = (negated and set:sub(2) or set):gsub("\\(.)", "%1"):gsub("[%%%]%[^]", "%%%0")
    set = set:gsub("%z(%a+)%z", CLASSES)
    return ("[%s%s]"):format(negated and "^" or "", set)
end

-- The end of the set that begins at a position: a "]" that is the first in it is one of its own,
-- and those of classes are none.
local function end_of_set(text, position)
    local at = position + 1
    at = text:find("^[!^]", at) and at + 1 or at
    at = text:find("^%]", at) and at + 1 or at
    while at <= #text do
        local class <const> = select(2, text:find("^%[:%a+:%]", at))
        if class then
            at = class + 1
        elseif text:find("^%]", at) then
            return at
        else
            at = at + (text:find("^\\.", at) and 2 or 1)
        end
    end
    return nil
end

-- A component as a Lua pattern.
local function translate(text)
    local parts <const>, at = { "^" }, 1
    while at <= #text do
        local character <const> = text:sub(at, at)
        local set_end <const> = character == "[" and end_of_set(text, at)
        local part
        if set_end then
            part = translate_set(text:sub(at + 1, set_end - 1), text)
            at = set_end
        elseif character == "\\" and at < #text then
            at = at + 1
            part = text:sub(at, at):gsub("%W", "%%%0")
        else
            part = character == "*" and ".*" or character == "?" and CHARACTER
                or character:gsub("%W", "%%%0")
        end
        parts[#parts + 1], at = part, at + 1
    end
    parts[#parts + 1] = "$"
    return (table.concat(parts):gsub("(%.%*)%.%*", "%1"))
end

---@class sdme.Pattern
---@field any boolean? it is `**`
---@field text string as it is written
---@field lua string? as a Lua pattern, if it is one
---@field plain string? what it matches, if it isn't

---A component of a pattern.
---@param text string
---@return sdme.Pattern
function M.component(text)
    if text == "**" then
        return { any = true, text = text }
    elseif M.is_pattern(text) then
        return { text = text, lua = translate(text) }
    end
    return { text = text, plain = text:gsub("\\(.)", "%1") }
end

---@param text string
---@return string[] # what is between its slashes
function M.split(text)
    local components <const> = {}
    for component in text:gmatch "[^/]+" do
        components[#components + 1] = component
    end
    return components
end

---The components of a pattern.
---@param text string
---@return sdme.Pattern[]
function M.compile(text)
    local compiled <const> = {}
    for i, component in ipairs(M.split(text)) do
        compiled[i] = M.component(component)
    end
    return compiled
end

---Whether a name is matched by a component that isn't `**`.
---@param component sdme.Pattern
---@param name string
---@return boolean
function M.matches_name(component, name)
    if component.plain then
        return component.plain == name
    end
    return name:find(component.lua) ~= nil
end

---Whether a path is matched: `**` stands for any number of directories, at the end of the pattern
---for all that is below.
---@param pattern sdme.Pattern[]
---@param path string[] its components
---@param from integer? the component of the pattern to begin with
---@param at integer? the one of the path
---@return boolean
function M.matches(pattern, path, from, at)
    from, at = from or 1, at or 1
    local component <const> = pattern[from]
    if not component then
        return at > #path
    elseif not component.any then
        return at <= #path and M.matches_name(component, path[at])
            and M.matches(pattern, path, from + 1, at + 1)
    elseif from == #pattern then
        return at <= #path
    end
    for skipped = at, #path do
        if M.matches(pattern, path, from + 1, skipped) then
            return true
        end
    end
    return false
end

return M
