-- The text of annotations, which is written for Markdown, on a manual page.

local roff <const> = require "man.roff"

local M <const> = {}

-- Links and emphasis, which a terminal shows without.
local function plain(text)
    return (text:gsub("%[([^%]]+)%]%([^)]*%)", "%1"):gsub("%*([%a ]+)%*", "%1"))
end

-- The cells of a row of a table: "| a | b |".
local function cells(line)
    local list <const> = {}
    for cell in line:gmatch "|([^|]*)" do
        list[#list + 1] = cell:match "^%s*(.-)%s*$"
    end
    return list
end

local function write_row(page, line)
    local row <const> = cells(line)
    if row[2] and row[2] ~= "" and not row[2]:find "^%-+$" then
        page:term(roff.inline(row[1]), row[2])
    end
end

-- What each kind of block is written by: gets its lines as one text.
local WRITERS <const> = {
    code = function(page, text)
        page:code(text)
    end,
    table = function(page, text)
        for line in text:gmatch "[^\n]+" do
            write_row(page, line)
        end
    end,
    list = function(page, text)
        for item in ("\n" .. text):gsub("\n  ", " "):gmatch "\n%- ([^\n]+)" do
            page:term("\\(bu", plain(item))
        end
    end,
    paragraph = function(page, text)
        page:paragraphs(plain((text:gsub("\n", " "))))
    end,
}

local function kind_of(line)
    return line:find "^|" and "table" or line:find "^%- " and "list" or "paragraph"
end

-- The blocks of a text: { kind =, the lines }.
local function blocks(text)
    local list <const>, current = {}, nil
    for line in (text .. "\n"):gmatch "([^\n]*)\n" do
        if current and current.kind == "code" then
            if line == "```" then
                current = nil
            else
                current[#current + 1] = line
            end
        elseif line:find "^```" or line ~= "" and not current then
            current = { kind = line:find "^```" and "code" or kind_of(line) }
            list[#list + 1] = current
            current[1] = current.kind ~= "code" and line or nil
        elseif line == "" then
            current = nil
        else
            current[#current + 1] = line
        end
    end
    return list
end

---@param page table
---@param text string
function M.write(page, text)
    for _, block in ipairs(blocks(text)) do
        WRITERS[block.kind](page, table.concat(block, "\n"))
    end
end

return M
