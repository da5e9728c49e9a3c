-- Where the lines come from: a terminal, with editing, history and completion, or a pipe.

local complete <const> = require "sdme.repl.complete"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local history <const> = require "sdme.repl.history"
local listing <const> = require "sdme.listing"

local M <const> = {}

local FIRST <const>, NEXT <const> = "> ", ">> "

---Columns of the terminal that results go to.
---@return integer
function M.width()
    local _, columns = core.pty.size(1)
    return math.type(columns) == "integer" and columns > 0 and columns or 80
end

---@class sdme.LineSource
---@field interactive boolean whether somebody is there who sees what failed and types on
local Source <const> = {}
Source.__index = Source

---The next line.
---@param chunk string what there is of the chunk already, "" at its beginning
---@return string? line nil at the end
function Source:read(chunk)
    local prompt <const> = self.interactive and (chunk == "" and FIRST or NEXT) or ""
    if not self.editor then
        listing.write(prompt)
        listing.flush()
        return (io.read "L" or nil)
    end
    self.chunk = chunk
    listing.flush()
    local line <const>, message <const>, code <const> = self.editor:read(prompt)
    if code then
        fault.raise(code, nil, "%s", message)
    end
    return line and line .. "\n"
end

---Keeps a chunk for the keys that bring earlier ones back.
---@param chunk string
function Source:remember(chunk)
    if self.editor then
        self.history:add((chunk:gsub("%s+$", "")))
        self.editor:set_history(self.history.entries)
    end
end

function Source:close()
    if self.editor then
        self.editor:close()
    end
end
Source.__close = Source.close

local function add_editor(source)
    local editor <const>, message <const> = core.line_editor.open {
        complete = function(before)
            return complete.complete(source.chunk .. before, M.width())
        end,
    }
    if not editor then
        io.stderr:write(fault.report("lines can't be edited here: " .. message), "\n")
        return
    end
    source.editor, source.history = editor, history.open(history.path())
    editor:set_history(source.history.entries)
end

---The lines of stdin.
---@return sdme.LineSource to be closed
function M.open()
    local interactive <const> = listing.is_terminal(0) and listing.is_terminal(1)
    local source <const> = setmetatable({ interactive = interactive, chunk = "" }, Source)
    if interactive then
        add_editor(source)
    end
    return source
end

return M
