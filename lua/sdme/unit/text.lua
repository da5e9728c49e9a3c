-- The text of systemd units: sections and assignments as data (systemd.syntax(7)).

local M <const> = {}

---A word as systemd reads it back: quoted where needed, specifiers and variables neutral.
---@param word string
---@return string
function M.quote(word)
    word = word:gsub("%%", "%%%%")
    if word:find "^[%w_@:,./+=-]+$" then
        return word
    end
    return '"' .. word:gsub('[\\"]', "\\%0"):gsub("%c", function(byte)
        return ("\\x%02x"):format(byte:byte())
    end) .. '"'
end

---The same for a word of a command line behind its first, where `$` would begin a variable.
---@param word string
---@return string
function M.quote_argument(word)
    return (M.quote(word):gsub("%$", "$$"))
end

---An assignment of an environment file (systemd.exec(5), EnvironmentFile=), value and all.
---@param name string
---@param value string
---@return string line
function M.assignment(name, value)
    return ('%s="%s"\n'):format(name, (value:gsub('["\\`$]', "\\%0")))
end

---A unit from its sections: `{ { "Service", { "Type", "notify" }, ... }, ... }`. An assignment
---whose value is nil or false is left out; an array of values assigns each in turn.
---@param sections table[]
---@return string
function M.render(sections)
    local lines <const> = {}
    for _, section in ipairs(sections) do
        if #lines > 0 then
            lines[#lines + 1] = ""
        end
        lines[#lines + 1] = "[" .. section[1] .. "]"
        for i = 2, #section do
            local key, value = section[i][1], section[i][2]
            for _, one in ipairs(type(value) == "table" and value or { value or nil }) do
                lines[#lines + 1] = ("%s=%s"):format(key, one)
            end
        end
    end
    return table.concat(lines, "\n") .. "\n"
end

return M
