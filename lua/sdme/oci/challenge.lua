-- What a server wants to hear before it answers: the header WWW-Authenticate, by RFC 9110 (11.6.1).
-- It is a list of challenges, and each has a list of parameters; both lists have commas.

local fault <const> = require "sdme.fault"

local M <const> = {}

local MAX_LENGTH <const> = 16384
local MAX_CHALLENGES <const> = 16
local MAX_PARAMETERS <const> = 32

local TOKEN <const> = "[%w!#$%%&'*+.^_`|~-]+"

---@class sdme.oci.Challenge
---@field scheme string in lower case: "bearer", "basic"
---@field token68 string? what stands there instead of parameters
---@field parameters table<string, string> names in lower case

local function fail(what, position, expected)
    fault.raise("EFORMAT", nil, "%s: WWW-Authenticate, byte %d: expected %s", what, position,
        expected)
end

-- After the opening quote: the text, and where it goes on.
local function scan_quoted(what, header, position)
    local parts <const>, start <const> = {}, position - 1
    while true do
        local plain <const>, at <const> = header:match('^([^"\\]*)()', position)
        parts[#parts + 1] = plain
        if header:sub(at, at) == '"' then
            return table.concat(parts), at + 1
        elseif at >= #header then
            fail(what, start, "a closing quote")
        end
        parts[#parts + 1] = header:sub(at + 1, at + 1)
        position = at + 2
    end
end

-- "name=value" from a position on: both, and where it goes on; nil if there is none.
local function scan_parameter(what, header, position)
    local name <const>, after <const> = header:match("^(" .. TOKEN .. ")[ \t]*=[ \t]*()", position)
    if not name then
        return nil
    elseif header:sub(after, after) == '"' then
        return name:lower(), scan_quoted(what, header, after + 1)
    end
    local value <const>, next_position <const> = header:match("^(" .. TOKEN .. ")()", after)
    if not value or not header:find("^[ \t]*[,]", next_position)
        and not header:find("^[ \t]*$", next_position) then
        return nil
    end
    return name:lower(), value, next_position
end

local function skip_blanks(header, position)
    return header:match("^[ \t]*()", position)
end

-- What is between two elements of a list: commas, of which some may have nothing between them.
local function skip_commas(header, position)
    return header:match("^[ \t,]*()", position)
end

local function add_parameter(what, challenge, position, name, value)
    challenge.count = challenge.count + 1
    if challenge.parameters[name] then
        fail(what, position, "each parameter once")
    elseif challenge.count > MAX_PARAMETERS then
        fail(what, position, ("at most %d parameters"):format(MAX_PARAMETERS))
    end
    challenge.parameters[name] = value
end

-- The scheme of a challenge, with its token68 if it has one.
local function scan_scheme(what, header, position)
    local scheme <const>, after = header:match("^(" .. TOKEN .. ")()", position)
    if not scheme then
        fail(what, position, "the name of a scheme")
    end
    local challenge <const> = { scheme = scheme:lower(), parameters = {}, count = 0 }
    local start <const> = skip_blanks(header, after)
    if start == after or start > #header or header:sub(start, start) == ","
        or scan_parameter(what, header, start) then
        return challenge, start
    end
    challenge.token68, after = header:match("^([%w._~+/-]+=*)()", start)
    if not challenge.token68 then
        fail(what, start, "a parameter such as realm=\"...\"")
    end
    return challenge, after
end

local function parse_header(what, header, challenges)
    local position = skip_commas(header, 1)
    local current
    while position <= #header do
        local name <const>, value <const>, after <const> = scan_parameter(what, header, position)
        if name and current and not current.token68 then
            add_parameter(what, current, position, name, value)
            position = after
        else
            current, position = scan_scheme(what, header, position)
            challenges[#challenges + 1] = current
            if #challenges > MAX_CHALLENGES then
                fail(what, position, ("at most %d challenges"):format(MAX_CHALLENGES))
            end
        end
        local blank <const> = skip_blanks(header, position)
        local follows <const> = header:sub(blank, blank)
        local has_first <const> = next(current.parameters) ~= nil or current.token68
        if has_first and follows ~= "" and follows ~= "," then
            fail(what, blank, "a comma")
        end
        position = skip_commas(header, position)
    end
end

---Reads the challenges of an answer.
---@param header string|string[]|nil the values of WWW-Authenticate
---@param what string who sent it, for messages
---@return sdme.oci.Challenge[] empty if there is no header
function M.parse(header, what)
    local challenges <const> = {}
    for _, value in ipairs(type(header) == "table" and header or { header }) do
        if #value > MAX_LENGTH then
            fail(what, MAX_LENGTH, "the end")
        end
        parse_header(what, value, challenges)
    end
    for _, challenge in ipairs(challenges) do
        challenge.count = nil
    end
    return challenges
end

---The first challenge of a scheme.
---@param challenges sdme.oci.Challenge[]
---@param scheme string
---@return sdme.oci.Challenge?
function M.find(challenges, scheme)
    for _, challenge in ipairs(challenges) do
        if challenge.scheme == scheme then
            return challenge
        end
    end
    return nil
end

return M
