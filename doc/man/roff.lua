-- Writes pages in the macros of man(7), which groff and mandoc both have.

local text_of <const> = require "sdme.text"

local M <const> = {}

local ESCAPES <const> = { ["\\"] = "\\e", ["-"] = "\\-", ["'"] = "\\(aq", ["^"] = "\\(ha",
    ["`"] = "\\(ga", ["~"] = "\\(ti" }

-- A character beyond ASCII by its number, which needs no encoding to be agreed on.
local function by_number(character)
    return ("\\[u%04X]"):format(utf8.codepoint(character))
end

local function escape(text)
    return (text:gsub("[\\'^~`-]", ESCAPES):gsub("[\xC2-\xF4][\x80-\xBF]*", by_number))
end

M.escape = escape

-- Hyphens in prose stay such, so that lines may break there; those of options don't.
local function escape_prose(text)
    local hyphens <const> = text:gsub("%f[%S]%-+%f[%w]", function(dashes)
        return ("\1"):rep(#dashes)
    end)
    return (hyphens:gsub("%-", "\2"):gsub("\1", "-"):gsub("[^\2]+", escape):gsub("\2", "-"))
end

local function bold(text)
    return "\\fB" .. escape(text) .. "\\fR"
end

---Text as the help has it: what is between backquotes is code, and bold.
---@param text string
---@return string
function M.inline(text)
    local parts <const>, position = {}, 1
    for before, code, after in text:gmatch "([^`]*)`([^`]*)`()" do
        parts[#parts + 1] = escape_prose(before) .. bold(code)
        position = after
    end
    parts[#parts + 1] = escape_prose(text:sub(position))
    return table.concat(parts)
end

---What is typed, with the words in capitals that stand for something else.
---@param text string
---@return string
function M.literal(text)
    local parts <const> = {}
    for word in text:gmatch "[^%s|=%[%],.]+[%s|=%[%],.]*" do
        local name <const>, rest = word:match "^([^%s|=%[%],.]+)(.*)$"
        local placeholder <const> = name:find "^%u[%u_:]*$"
        parts[#parts + 1] = (placeholder and "\\fI" or "\\fB") .. escape(name) .. "\\fR"
            .. escape(rest)
    end
    return (text:match "^[%s|=%[%],.]*") .. table.concat(parts)
end

local Page <const> = {}
Page.__index = Page

---@param name string
---@param section integer|string
---@param heading string
---@param version string
function M.page(name, section, heading, version)
    local page <const> = setmetatable({ lines = {} }, Page)
    -- Set by builds that shall be reproducible: reproducible-builds.org/specs/source-date-epoch
    local time <const> = math.tointeger(tonumber(os.getenv "SOURCE_DATE_EPOCH")) or os.time()
    page:line('.TH %s %s "%s" "sdme %s" "%s"', escape(name:upper()), section,
        os.date("!%Y-%m-%d", time), version, heading)
    return page
end

function Page:line(format, ...)
    self.lines[#self.lines + 1] = select("#", ...) > 0 and format:format(...) or format
end

-- A line of text must not begin as a request does.
local function protect(line)
    return (line:gsub("^[.']", "\\&%0"))
end

---@param text string as `literal` or `inline` made it
function Page:text(text)
    for _, line in ipairs(text_of.wrap(text, 80)) do
        self:line(protect(line))
    end
end

function Page:section(heading)
    self:line('.SH "%s"', escape(heading))
end

function Page:subsection(heading)
    self:line('.SS "%s"', escape(heading))
end

-- A macro between paragraphs, where there is not a heading before.
function Page:separate(macro)
    if not self.lines[#self.lines]:find "^%.S[HS] " then
        self:line(macro)
    end
end

---@param ... string paragraphs as the help has them
function Page:paragraphs(...)
    for i = 1, select("#", ...) do
        self:separate ".PP"
        self:text(M.inline((select(i, ...))))
    end
end

---A term and what it means.
---@param term string as `literal` or `inline` made it
---@param text string
function Page:term(term, text)
    self:line ".TP"
    self:line(protect(term))
    self:text(M.inline(text))
end

---Lines that stay as they are.
---@param lines string
function Page:code(lines)
    self:separate ".PP"
    self:line ".RS 4"
    self:line ".nf"
    for line in (lines:gsub("\n+$", "") .. "\n"):gmatch "([^\n]*)\n" do
        self:line(protect(escape(line)))
    end
    self:line ".fi"
    self:line ".RE"
end

---@return string
function Page:render()
    return table.concat(self.lines, "\n") .. "\n"
end

return M
