---@meta

---The host's journal, or that of a directory.
---@class sdme.core.journal
local journal = {}

---@class sdme.journal.Options
---@field unit string? entries of and about a unit; any without
---@field invocation string? and of one of its runs
---@field lines integer? how many; 50
---@field since number? nothing older, in seconds since 1970
---@field directory string|sdme.AnyDescriptor|nil of journal files that nobody writes to meanwhile

---@class sdme.journal.Entry
---@field time number in seconds since 1970
---@field message string any bytes, as somebody logged them
---@field identifier string? who logged it
---@field pid integer? its process
---@field priority integer? 0 to 7, as syslog(3) has it

---The latest entries, the last one last.
---@param options sdme.journal.Options which
---@return sdme.journal.Entry[] entries
function journal.tail(options) end

---A journal to read on from. It begins with what `tail` would return.
---
---```lua
---local options <const> = { unit = "sdme@web.service", lines = 2 }
---for _, entry in ipairs(assert(core.journal.tail(options))) do
---    print(os.date("%H:%M:%S", math.floor(entry.time)), entry.message)
---end
---local journal <close> = assert(core.journal.open(options))
---print(task.await(journal:next()).message)
---```
---@param options sdme.journal.Options which
---@return sdme.Journal journal
function journal.open(options) end

---A journal that is being read.
---@class sdme.Journal
local Journal = {}

---The next entry, which it waits for.
---@return sdme.Pending pending ends with a `sdme.journal.Entry`
function Journal:next() end

---Closes it.
function Journal:close() end
