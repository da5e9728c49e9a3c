---@meta

---Lines that somebody types, with the keys of emacs or vi (editrc(5)). libedit is loaded when it is
---first used.
---@class sdme.core.line_editor
local line_editor = {}

---@class sdme.line_editor.Options
---@field input sdme.AnyDescriptor? the terminal; 0
---@field output sdme.AnyDescriptor? and its screen; 1
---@field program string? whose lines of `~/.editrc` count; `"sdme"`
---@field complete (fun(before: string): string?, string?)? what Tab calls with the line up to the
---  cursor: it returns what goes in there, or nil, and what is shown below the line, or nil

---An editor on a terminal; `ENOTTY` if it is none, `EUNSUPPORTED` without libedit.
---
---```lua
---if core.pty.isatty(0) and core.pty.isatty(1) then
---    local editor <close> = assert(core.line_editor.open())
---    editor:set_history { "the line before" }
---    print(editor:read "> ")
---end
---```
---@param options sdme.line_editor.Options? where, and how it completes
---@return sdme.Line_editor editor
function line_editor.open(options) end

---An editor that is on a terminal.
---@class sdme.Line_editor
local Line_editor = {}

---Reads a line. It waits, and fails with `EINTR` at Ctrl-C.
---@param prompt string what is before it
---@return string? line without its newline; nil at the end of input
function Line_editor:read(prompt) end

---Sets what the keys for earlier lines show.
---@param lines string[] the oldest first
function Line_editor:set_history(lines) end

---Gives it up.
function Line_editor:close() end
