-- What `help` says: about a function or an object of sdme what the manual does.

local listing <const> = require "sdme.listing"
local manual <const> = require "sdme.repl.manual"
local printer <const> = require "sdme.repl.printer"

local M <const> = {}

local OVERVIEW <const> = [[
sdme.containers()              all containers         sdme.fs.list()   root filesystems
c = sdme.new { name = "web" }  a clone of this host   c:exec { "uname", "-a" }
c:stop()                       c:remove()             Tab after `c:` shows the rest

help(x)    what the manual says about a function or an object: help(sdme.new), help(c), help(c.exec)
_          the last result
Ctrl-C     drops the line, or stops the call that runs; Ctrl-D leaves

What is typed is an expression, whose values are shown, or statements; more lines are asked for
until it is complete. A `local` becomes a global of the session. A line that begins with a blank
isn't kept in the history.
]]

local function describe(value)
    local entry <const> = manual.entry(value)
    if not entry then
        return ("nothing is known about %s\n"):format(printer.show(value, { depth = 1 }))
    end
    return ("%s\n\n%s\n"):format(entry.signature, (entry.text:gsub("%s+$", "")))
end

---Explains a value or a name, or the prompt itself.
---@param ... any
function M.help(...)
    listing.write(select("#", ...) == 0 and OVERVIEW or describe((...)))
end

return M
