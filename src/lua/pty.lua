---@meta

---Terminals.
---@class sdme.core.pty
local pty = {}

---A new pty.
---@return sdme.Descriptor master
---@return sdme.Descriptor slave
---@return string path of the slave
function pty.open() end

---Whether it is a terminal.
---@param descriptor sdme.AnyDescriptor what may be one
---@return boolean is_terminal
function pty.isatty(descriptor) end

---The size of a terminal.
---@param descriptor sdme.AnyDescriptor the terminal
---@return integer rows
---@return integer columns
function pty.size(descriptor) end

---Changes the size of a terminal.
---
---```lua
---local master, slave, path = core.pty.open()
---assert(core.pty.set_size(master, 24, 80))
---print(path, core.pty.isatty(slave), core.pty.size(slave))
---```
---@param descriptor sdme.AnyDescriptor the terminal
---@param rows integer its height
---@param columns integer its width
---@return true done
function pty.set_size(descriptor, rows, columns) end

---Has a terminal not show what is typed on it, but for the end of a line, until the result is
---closed.
---
---```lua
---local _, slave <close> = core.pty.open()
---local hidden <close> = assert(core.pty.hide(slave))
---```
---@param descriptor sdme.AnyDescriptor the terminal
---@return sdme.pty.Hidden hidden to be closed
function pty.hide(descriptor) end

---A terminal that doesn't show what is typed.
---@class sdme.pty.Hidden
local Hidden = {}

---Has it show that again, as it did before.
function Hidden:close() end

---@class sdme.pty.ForwardOptions
---@field master sdme.AnyDescriptor of the pty
---@field input sdme.AnyDescriptor? the caller's terminal, or what stands for its keys; 0
---@field output sdme.AnyDescriptor? and for its screen; 1
---@field escape boolean? whether `^]`, typed three times within a second, ends it; true
---@field until_drained boolean? whether a hang-up is no end before `drain` is called, since others
---  may
---  open and close the terminal before the program that uses it; false
---@field resize sdme.AnyDescriptor? readable when a window changed; the interpreter has its own

---Joins the caller's terminal with a pty. The terminal is raw meanwhile, and its size is passed on.
---@param options sdme.pty.ForwardOptions between which
---@return sdme.pty.Forward pending ends with `"hangup"` when nobody uses the pty any more, or
---  `"escaped"`
function pty.forward(options) end

---A terminal that is joined with a pty.
---@class sdme.pty.Forward: sdme.Pending
local Forward = {}

---From now on it ends as soon as the pty has nothing more to show.
function Forward:drain() end
