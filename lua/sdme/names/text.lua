-- The text of hosts files (hosts(5)): what somebody has in one, and a block of ours behind it.

local M <const> = {}

---What the host is called in its containers.
M.host = "host.sdme.internal"

local BEGIN <const> = "# sdme: kept current until the next such line"
local END <const> = "# sdme: end"

---What a text says besides us: without our block, and without what it calls the host.
---@param text string
---@return string
function M.own(text)
    local lines, skipping <const> = {}, { [BEGIN] = true }
    local inside = false
    for line in text:gmatch "[^\n]+" do
        if skipping[line] then
            inside = true
        elseif inside and line == END then
            inside = false
        elseif not inside and not (" " .. line .. " "):find("%s" .. M.host:gsub("%.", "%%.")
            .. "%s") then
            lines[#lines + 1] = line .. "\n"
        end
    end
    return table.concat(lines)
end

---Whether there is a block of ours in a text.
---@param text string
---@return boolean
function M.has_block(text)
    return text:find(BEGIN, 1, true) ~= nil
end

-- The names that a text has.
local function named(text)
    local names <const> = {}
    for line in text:gmatch "[^\n]+" do
        for name in line:gsub("#.*", ""):gsub("^%s*%S+", ""):gmatch "%S+" do
            names[name:lower()] = true
        end
    end
    return names
end

---A text with a block of ours at its end. What it names by itself stays as it says.
---@param own string as `own` gives it
---@param entries { address: string, name: string }[]
---@return string
function M.with(own, entries)
    local taken <const>, lines <const> = named(own), {}
    for _, entry in ipairs(entries) do
        if not taken[entry.name] then
            lines[#lines + 1] = ("%s %s\n"):format(entry.address, entry.name)
        end
    end
    if #lines == 0 then
        return own
    end
    return ("%s%s\n%s%s\n"):format(own, BEGIN, table.concat(lines), END)
end

return M
