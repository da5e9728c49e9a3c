---@meta

---The runtime, each part a table of functions. It raises only for misuse: a wrong type, an unknown
---option. An operation that fails returns `nil, message, code`, with `code` an errno name, or
---`EFORMAT`, `EDIGEST` or `EUNSUPPORTED`; the results below are those of one that doesn't. What has
---`close` may be a `<close>` variable, and closing it twice is fine.
---@class sdme.core
---@field version string the version
---@field address sdme.core.address the addresses of interfaces, and when they change
---@field archive sdme.core.archive tar archives
---@field broker sdme.core.broker processes that containers ask their host for
---@field bus sdme.core.bus D-Bus
---@field cgroup sdme.core.cgroup control groups
---@field connection sdme.core.connection connections to servers in other network namespaces
---@field digest sdme.core.digest digests and random bytes
---@field disk sdme.core.disk disk images and block devices
---@field fetch sdme.core.fetch HTTP and HTTPS
---@field file sdme.core.file files and directories
---@field firewall sdme.core.firewall networks whose addresses nobody outside sees
---@field journal sdme.core.journal the journal
---@field line_editor sdme.core.line_editor lines that somebody types
---@field link sdme.core.link network interfaces
---@field lock sdme.core.lock locks on files
---@field mount sdme.core.mount mounts as descriptors
---@field nat sdme.core.nat ports that systemd translates
---@field netns sdme.core.netns network namespaces
---@field overlay sdme.core.overlay overlays
---@field poll sdme.core.poll waiting for descriptors
---@field port sdme.core.port ports of ours
---@field process sdme.core.process programs and this process
---@field pty sdme.core.pty terminals
---@field qcow2 sdme.core.qcow2 QCOW2 disk images
---@field route sdme.core.route addresses, routes and neighbours
---@field stream sdme.core.stream pipes and streams
---@field tree sdme.core.tree whole trees of files
---@field userns sdme.core.userns user namespaces
local core = {}

---The number of the last signal that interrupted us, nil if none did.
---@return integer? signal
function core.interrupted() end

---Has the next SIGINT or SIGTERM interrupt again, after one that did: without it the second one
---kills. In another program than `sdme` it does nothing.
---@return integer? signal the number of one that came meanwhile and interrupted nobody
function core.renew_interrupt() end

---What stands for an open file: an object of the runtime, a Lua file, or a number.
---@alias sdme.AnyDescriptor sdme.Descriptor|file*|integer

---A file mode: an integer, or a string of octal digits such as `"0755"`.
---@alias sdme.Mode integer|string

---An open file. It is close-on-exec, and closed when it is collected.
---@class sdme.Descriptor
local Descriptor = {}

---Its number. Raises once it is closed.
---
---```lua
---local root <close> = assert(core.file.open_directory "/")
---print(root:fileno())
---```
---@return integer number
function Descriptor:fileno() end

---Closes it.
function Descriptor:close() end

---Something that takes its time: a job of systemd, the end of a process, a timer. It never waits by
---itself; `sdme.task.await` does.
---
---```lua
---local from, to = core.stream.pipe()
---local reader <close> = assert(core.stream.reader(from))
---print(reader:step(), select(2, reader:poll()))
---to:close()
---print(reader:step())
---```
---@class sdme.Pending
local Pending = {}

---What it waits for.
---@return integer? descriptor nil where it waits for none
---@return "r"|"w"|"rw"|nil events what has to be possible there
---@return number? seconds after which it wants to be stepped anyway
function Pending:poll() end

---Goes on without waiting.
---@return boolean done whether it is over
---@return any ... then what it ends with; of an operation that failed nil, message and code
function Pending:step() end

---Gives it up.
function Pending:close() end
