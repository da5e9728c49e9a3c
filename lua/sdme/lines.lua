-- What a program prints, line by line, without the secrets that it was given.

local M <const> = {}

-- As many of the last ones are remembered.
local REMEMBERED <const> = 20

-- A line that is longer is broken, so that nobody's output fills our memory.
local LONGEST <const> = 64 << 10

local MASK <const> = "***"

---@class sdme.Lines
local Lines <const> = {}
Lines.__index = Lines

-- Each line of each value: a value of several lines is printed as several, too.
local function patterns(secrets)
    local found <const>, longest = {}, 0
    for _, secret in ipairs(secrets or {}) do
        for line in secret.value:gmatch "[^\r\n]+" do
            found[#found + 1] = line
            longest = math.max(longest, #line)
        end
    end
    table.sort(found, function(a, b) return #a > #b end)
    for i, value in ipairs(found) do
        found[i] = value:gsub("%W", "%%%0")
    end
    return found, longest
end

---@param options { secrets: { value: string }[]?, tell: fun(line: string)? }? `tell` gets each line
---@return sdme.Lines
function M.new(options)
    options = options or {}
    local masked <const>, longest <const> = patterns(options.secrets)
    return setmetatable({
        masked = masked, longest = longest, tell = options.tell, rest = "", kept = {},
    }, Lines)
end

---The text without the secrets in it.
---@param text string
---@return string
function Lines:mask(text)
    for _, pattern in ipairs(self.masked) do
        text = text:gsub(pattern, MASK)
    end
    return text
end

-- Of what a terminal would have overwritten, the last is what one would see.
local function take(self, line)
    line = self:mask(line):gsub("\r+$", ""):gsub("^.*\r", "")
    self.kept[#self.kept + 1] = line
    if #self.kept > REMEMBERED then
        table.remove(self.kept, 1)
    end
    if self.tell then
        self.tell(line)
    end
end

---@param data string
function Lines:add(data)
    -- What is left from before has no end of a line.
    local position, at = 1, data:find("\n", 1, true)
    local text <const>, before <const> = self.rest .. data, #self.rest
    while at do
        take(self, text:sub(position, before + at - 1))
        position = before + at + 1
        at = data:find("\n", at + 1, true)
    end
    self.rest = text:sub(position)
    if #self.rest > LONGEST + self.longest then
        -- What may be the beginning of a secret waits for its end.
        self.rest = self:mask(self.rest)
        local cut <const> = math.max(0, #self.rest - self.longest)
        take(self, self.rest:sub(1, cut))
        self.rest = self.rest:sub(cut + 1)
    end
end

---Takes what is left without a line end for a line.
function Lines:finish()
    if self.rest ~= "" then
        take(self, self.rest)
        self.rest = ""
    end
end

---The last lines, for a fault.
---@return string[]
function Lines:last()
    return table.move(self.kept, 1, #self.kept, 1, {})
end

return M
