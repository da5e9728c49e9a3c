-- The tables of doc/security.md that are made of data, and the specs that it names.
-- `make docs` runs it, to bring the page up to date.

package.path = "./?.lua;lua/?.lua;lua/?/init.lua;" .. package.path

local confinement <const> = require "sdme.app.confinement"
local escape <const> = require "spec.support.escape"

local M <const> = { path = "doc/security.md" }

local function directives()
    local lines <const> = { "| directive | from | but with |", "|---|---|---|" }
    for _, directive in ipairs(confinement.directives) do
        local unless <const> = directive.unless
        local exception <const> = type(unless) == "function" and "`--device`"
            or unless and ("`--capability %s`"):format(unless) or ""
        lines[#lines + 1] =
            ("| `%s=` | %s | %s |"):format(directive[1], directive.from, exception)
    end
    return table.concat(lines, "\n") .. "\n"
end

local TABLES <const> = { attempts = escape.page, directives = directives }

---@return string
function M.read()
    local file <close> = assert(io.open(M.path))
    return file:read "a"
end

---A page with its tables as the data has them.
---@param page string
---@return string
function M.fill(page)
    for name, make in pairs(TABLES) do
        local first <const>, last <const> = ("<!-- %s -->\n"):format(name),
            ("<!-- /%s -->\n"):format(name)
        local _, from <const> = page:find(first, 1, true)
        local to <const> = page:find(last, 1, true)
        page = page:sub(1, from) .. make() .. page:sub(to)
    end
    return page
end

---The specs that a page names, each with the words of what it says there.
---@param page string
---@return { path: string, words: string? }[]
function M.specs(page)
    local named <const> = {}
    for path, rest in page:gsub("\n *", " "):gmatch "`(spec/[%w_/]+%.lua)`()" do
        local text <const> = page:gsub("\n *", " ")
        local words <const> = text:match('^: (".-)%)', rest)
        named[#named + 1] = { path = path }
        for quoted in (words or ""):gmatch '"([^"]+)"' do
            named[#named + 1] = { path = path, words = quoted }
        end
    end
    return named
end

if arg and (arg[0] or ""):find "security_page%.lua$" then
    local page <const> = M.fill(M.read())
    local file <close> = assert(io.open(M.path, "w"))
    assert(file:write(page))
end

return M
