-- What a container shows of the host.

local base <const> = require "sdme.kind.base"
local path <const> = require "sdme.kind.path"

local define <const> = base.define
local quote <const> = base.quote
local misfit <const> = base.misfit
local parse_path <const> = path.path.parse

local M <const> = {}

-- The parts between colons; a backslash takes the next character as it is, as in
-- systemd-nspawn(1), --bind=.
local function split_colons(text)
    local parts, part, position = {}, {}, 1
    while position <= #text do
        local byte <const> = text:sub(position, position)
        if byte == "\\" then
            position = position + 1
            if position > #text then
                return nil, quote(text) .. " ends in a backslash"
            end
            part[#part + 1] = text:sub(position, position)
        elseif byte == ":" then
            parts[#parts + 1] = table.concat(part)
            part = {}
        else
            part[#part + 1] = byte
        end
        position = position + 1
    end
    parts[#parts + 1] = table.concat(part)
    return parts
end

-- What systemd or systemd-nspawn mounts in a container by itself.
local RESERVED <const> = { "/proc", "/sys", "/dev", "/run/systemd", "/run/host" }

local function bind(source, target, read_only)
    local from, source_why = parse_path(source)
    if not from then
        return nil, source_why
    end
    local to, target_why = parse_path(target)
    if not to then
        return nil, target_why
    elseif to == "/" or to == "/run" then
        return nil, ("%s of the container can't be replaced"):format(to)
    end
    for _, reserved in ipairs(RESERVED) do
        if to == reserved or to:sub(1, #reserved + 1) == reserved .. "/" then
            return nil, ("%s is below %s, which is the container's own"):format(quote(to), reserved)
        end
    end
    return { source = from, target = to, read_only = read_only }
end

local ACCESS <const> = { ro = true, rw = false }
local BIND_FIELDS <const> = { source = "string", target = "string", read_only = "boolean" }

---What a container shows of the host.
---@class sdme.Bind
---@field source string a file or directory of the host
---@field target string where it is in the container
---@field read_only boolean? whether the container can't change it; false

M.bind = define {
    expected = "HOST:CONTAINER[:ro]",
    type = "sdme.Bind|string",
    complete = "file",
    parse = function(text)
        local parts, why = split_colons(text)
        if not parts then
            return nil, why
        elseif #parts == 1 then
            return nil, quote(text) .. " lacks the path in the container; expected "
                .. "HOST:CONTAINER[:ro]"
        elseif #parts > 3 then
            return nil, quote(text) .. ' has too many parts; a colon in a path is written "\\:"'
        elseif parts[3] and ACCESS[parts[3]] == nil then
            return nil, ("expected ro or rw as the last part, not %s"):format(quote(parts[3]))
        end
        return bind(parts[1], parts[2], ACCESS[parts[3]] or false)
    end,
    accept = function(value)
        local why <const> = misfit(value, BIND_FIELDS, "{ source=, target=, read_only= }")
        if why then
            return nil, why
        elseif not value.source or not value.target then
            return nil, "a bind mount needs source and target"
        end
        return bind(value.source, value.target, value.read_only or false)
    end,
    show = function(value)
        return ("%s:%s%s"):format(value.source:gsub("[\\:]", "\\%0"),
            value.target:gsub("[\\:]", "\\%0"), value.read_only and ":ro" or "")
    end,
}

return M
