-- A function's code without the lines that it stands on, which `string.dump` keeps even where it
-- strips all else that is for debugging: the same code elsewhere in a file is the same.
--
-- The format is that of Lua 5.4 (ldump.c); what isn't is left as it is.

local M <const> = {}

local SIGNATURE <const> = "^\27Lua\x54\0"

-- The signature, version and format, bytes that show damage, sizes of types, two numbers that show
-- the machine's representation, and how many upvalues there are.
local HEADER <const> = 4 + 2 + 6 + 3 + 8 + 8 + 1

-- The bytes of the constants that are no strings, by their types (lobject.h).
local CONSTANTS <const> = { [0x00] = 0, [0x01] = 0, [0x11] = 0, [0x03] = 8, [0x13] = 8 }

-- Seven bits a byte, of which the last one has the eighth.
local function read_size(code, at)
    local size = 0
    while true do
        local byte <const> = code:byte(at)
        at, size = at + 1, size << 7 | byte & 0x7f
        if byte & 0x80 ~= 0 then
            return size, at
        end
    end
end

-- The length is one more, so that there can be no string at all.
local function skip_string(code, at)
    local size <const>, after <const> = read_size(code, at)
    return after + math.max(size - 1, 0)
end

local function skip_constants(code, at)
    local count
    count, at = read_size(code, at)
    for _ = 1, count do
        local bytes <const> = CONSTANTS[code:byte(at)]
        at = bytes and at + 1 + bytes or skip_string(code, at + 1)
    end
    return at
end

-- Goes past a function, and adds all of it to the parts but for its lines.
local function skip_function(code, at, parts)
    local count
    local lines <const> = skip_string(code, at)
    parts[#parts + 1] = code:sub(at, lines - 1)
    at = select(2, read_size(code, select(2, read_size(code, lines))))
    local from <const> = at
    count, at = read_size(code, at + 3) -- parameters, whether there may be more, registers
    at = skip_constants(code, at + 4 * count)
    count, at = read_size(code, at)
    at = at + 3 * count -- upvalues
    count, at = read_size(code, at)
    parts[#parts + 1] = code:sub(from, at - 1)
    for _ = 1, count do
        at = skip_function(code, at, parts)
    end
    return at + 4 -- what is for debugging: nothing, four times
end

---@param call function of Lua
---@return string
function M.of(call)
    local code <const> = string.dump(call, true)
    if not code:find(SIGNATURE) then
        return code
    end
    local parts <const> = {}
    local after <const> = skip_function(code, HEADER + 1, parts)
    return after == #code + 1 and table.concat(parts, "\0") or code
end

return M
