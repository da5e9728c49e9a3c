-- Tar archives, also such that no honest writer makes.

local M <const> = {}

local BLOCK <const> = 512

---The two blocks of zeros at the end.
M.END = ("\0"):rep(2 * BLOCK)

-- The fields of a header behind the name (POSIX.1-2017, pax, "ustar Interchange Format").
local FIELDS <const> = {
    { "name", 100 }, { "mode", 8 }, { "uid", 8 }, { "gid", 8 }, { "size", 12 }, { "mtime", 12 },
    { "checksum", 8 }, { "type", 1 }, { "link", 100 }, { "magic", 8 }, { "user", 32 },
    { "group", 32 }, { "major", 8 }, { "minor", 8 }, { "prefix", 155 },
}

local DEFAULTS <const> = {
    name = "", mode = 420, uid = 0, gid = 0, mtime = 1000000000, type = "0", link = "",
    magic = "ustar\00000", user = "", group = "", major = 0, minor = 0, prefix = "",
}

-- An integer as octal digits with a NUL; a string as it is.
local function field(value, size)
    if math.type(value) == "integer" then
        value = ("%%0%do\0"):format(size - 1):format(value)
    end
    assert(#value <= size, "it doesn't fit into a header")
    return value .. ("\0"):rep(size - #value)
end

---A header of 512 bytes.
---@param values table fields by name: integers, or the very bytes; `checksum` too
---@return string
function M.header(values)
    local parts <const> = {}
    for i, description in ipairs(FIELDS) do
        local name <const>, size <const> = description[1], description[2]
        local value = values[name] or DEFAULTS[name]
        if name == "checksum" then
            value = values.checksum or (" "):rep(8)
        elseif name == "size" then
            value = value or #(values.data or "")
        end
        parts[i] = field(value, size)
    end
    local header <const> = table.concat(parts) .. ("\0"):rep(12)
    if values.checksum then
        return header
    end
    local sum = 0
    for i = 1, BLOCK do
        sum = sum + header:byte(i)
    end
    return header:sub(1, 148) .. ("%06o\0 "):format(sum) .. header:sub(157)
end

---Content up to the next header.
---@param data string
---@return string
function M.padded(data)
    return data .. ("\0"):rep(-#data % BLOCK)
end

---A header and what is behind it.
---@param values table as `header` takes them, and `data`
---@return string
function M.entry(values)
    return M.header(values) .. M.padded(values.data or "")
end

---A record of an extended header.
---@return string
function M.record(key, value)
    local rest <const> = (" %s=%s\n"):format(key, value)
    local length = #rest + 1
    while #tostring(length) + #rest ~= length do
        length = length + 1
    end
    return length .. rest
end

---An extended header.
---@param records string|table the very bytes, or an array of `{ key, value }`
---@param kind string|nil "x", or "g" for all entries
---@return string
function M.pax(records, kind)
    if type(records) == "table" then
        local parts <const> = {}
        for i, record in ipairs(records) do
            parts[i] = M.record(record[1], record[2])
        end
        records = table.concat(parts)
    end
    return M.entry { name = "pax", type = kind or "x", data = records }
end

---An archive of entries (tables as `entry` takes them, or bytes), with its end.
---@return string
function M.archive(...)
    local parts <const> = {}
    for i, entry in ipairs { ... } do
        parts[i] = type(entry) == "table" and M.entry(entry) or entry
    end
    return table.concat(parts) .. M.END
end

return M
