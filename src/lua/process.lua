---@meta

---Programs, and this process.
---@class sdme.core.process
local process = {}

---@class sdme.process.SpawnOptions
---@field argv string[] the program and its arguments
---@field env table<string, string>? all of its environment; ours without
---@field cwd string? where it runs; where we are
---@field stdin "pipe"|"null"|sdme.AnyDescriptor|nil ours without
---@field stdout "pipe"|"null"|sdme.AnyDescriptor|nil ours without
---@field stderr "pipe"|"null"|sdme.AnyDescriptor|nil ours without
---@field descriptors table<integer, sdme.AnyDescriptor>? by their number in the child, from 3 on
---@field user string? who runs it, by name
---@field uid integer? or by number
---@field gid integer? its group
---@field groups integer[]? its other groups
---@field umask sdme.Mode? ours without
---@field death_signal string|integer|nil what it gets when we die
---@field session boolean? whether it leads a session of its own
---@field controlling_terminal sdme.AnyDescriptor? with `session`

---Starts a program; what fails up to `execve`(2) is a failure of this call. The child has default
---signal dispositions and no descriptors but those named.
---
---```lua
---local process <close> = assert(core.process.spawn { argv = { "uname", "-s" }, stdout = "pipe" })
---print(task.await(core.stream.reader(process:stdout())))
---print(task.await(process:wait()).code)
---```
---@param options sdme.process.SpawnOptions what and how
---@return sdme.Process process
function process.spawn(options) end

---@class sdme.process.ReplaceOptions
---@field argv string[] the program and its arguments
---@field env table<string, string>? all of its environment; ours without
---@field keep sdme.AnyDescriptor[]? what it gets besides 0 to 2

---Becomes another program; returns only if that fails.
---@param options sdme.process.ReplaceOptions which
function process.replace(options) end

---The number of a signal.
---@param name string `"TERM"`, `"SIGTERM"`, `"RTMIN+3"`, `"15"`
---@return integer number
function process.signal(name) end

---The name of a signal.
---@param number integer its number
---@return string? name `"TERM"`; nil if there is no such signal
function process.signal_name(number) end

---Our user ids.
---@return integer uid the real one
---@return integer euid the effective one
function process.uid() end

---@class sdme.process.Identity
---@field pid integer its number
---@field uid integer the real user
---@field euid integer the effective user
---@field gid integer the real group
---@field egid integer the effective group
---@field groups integer[] the others

---Who this process is.
---
---```lua
---print(core.process.signal "RTMIN+3", core.process.signal_name(15), core.process.identity().pid)
---```
---@return sdme.process.Identity identity
function process.identity() end

---A program that was started.
---@class sdme.Process
local Process = {}

---Its number.
---@return integer pid
function Process:pid() end

---Our end of the pipe to its stdin.
---@return sdme.Descriptor? descriptor nil if it isn't a pipe
function Process:stdin() end

---Our end of the pipe from its stdout.
---@return sdme.Descriptor? descriptor nil if it isn't a pipe
function Process:stdout() end

---Our end of the pipe from its stderr.
---@return sdme.Descriptor? descriptor nil if it isn't a pipe
function Process:stderr() end

---Its end.
---@return sdme.Pending pending ends with `{ code= }` or `{ signal= }`
function Process:wait() end

---Sends a signal; `ESRCH` once it has ended.
---@param signal string|integer by name or number
---@return true done
function Process:kill(signal) end

---Lets it outlive the object.
function Process:detach() end

---Kills it if it still runs, and closes our ends of its pipes.
function Process:close() end
