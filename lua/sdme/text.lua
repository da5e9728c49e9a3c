-- Text for people: what is safe on a terminal, how wide it is, and which word was meant.

local M <const> = {}

local ESCAPES <const> = { ["\t"] = "\\t", ["\n"] = "\\n", ["\r"] = "\\r" }

-- Besides ASCII's control characters (%c): those of C1, and the marks that reorder a line.
local HIDDEN <const> = {
    "\xC2[\x80-\x9F]", "\xE2\x80[\x8E\x8F\xAA-\xAE]", "\xE2\x81[\xA6-\xA9]",
}

local function escape(bytes)
    return ESCAPES[bytes] or (bytes:gsub(".", function(byte)
        return ("\\x%02x"):format(byte:byte())
    end))
end

---The text with everything escaped that a terminal would obey rather than show: control
---characters, marks that reorder the line, and bytes that aren't UTF-8.
---@param text string
---@return string
function M.printable(text)
    if not text:find("[%c\128-\255]") then
        return text
    end
    local parts, position = {}, 1
    while position <= #text do
        local _, bad = utf8.len(text, position)
        local good = text:sub(position, (bad or 0) - 1):gsub("%c", escape)
        for _, pattern in ipairs(HIDDEN) do
            good = good:gsub(pattern, escape)
        end
        parts[#parts + 1] = good
        if not bad then
            break
        end
        parts[#parts + 1] = escape(text:sub(bad, bad))
        position = bad + 1
    end
    return table.concat(parts)
end

---How many columns a printable text takes.
---@param text string
---@return integer
function M.width(text)
    return utf8.len(text) or #text
end

---The words of a text in lines of at most `width` columns; a longer word has its own line.
---@param text string
---@param width integer
---@return string[]
function M.wrap(text, width)
    local lines = {}
    for paragraph in (text .. "\n"):gmatch("(.-)\n") do
        local line
        for word in paragraph:gmatch("%S+") do
            if line and M.width(line) + 1 + M.width(word) <= width then
                line = line .. " " .. word
            else
                lines[#lines + 1] = line
                line = word
            end
        end
        lines[#lines + 1] = line or ""
    end
    return lines
end

-- How many letters to insert, remove, replace or swap with their neighbour.
local function distance(a, b)
    local before, last, this = {}, {}, {}
    for j = 0, #b do
        last[j] = j
    end
    for i = 1, #a do
        this[0] = i
        for j = 1, #b do
            local same = a:byte(i) == b:byte(j)
            local steps = math.min(last[j] + 1, this[j - 1] + 1, last[j - 1] + (same and 0 or 1))
            if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
                steps = math.min(steps, before[j - 2] + 1)
            end
            this[j] = steps
        end
        before, last, this = last, this, before
    end
    return last[#b]
end

---A text as one word of a POSIX shell.
---@param text string
---@return string
function M.shell_quote(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

---The same, quoted only where that makes a difference.
---@param text string
---@return string
function M.shell_word(text)
    return text:find "^[%w_./:,@%%+-][%w_./:,@%%+=-]*$" and text or M.shell_quote(text)
end

---The word that was probably meant, if there is one close enough.
---@param word string
---@param words string[]
---@return string?
function M.nearest(word, words)
    local best, least = nil, math.max(1, #word // 3) + 1
    if #word == 0 or #word > 64 then
        return nil
    end
    for _, candidate in ipairs(words) do
        local steps = distance(word, candidate)
        if steps < least then
            best, least = candidate, steps
        end
    end
    if best then
        return best
    end
    for _, candidate in ipairs(words) do
        if #word > 1 and candidate:sub(1, #word) == word then
            return candidate
        end
    end
    return nil
end

return M
