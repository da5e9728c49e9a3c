-- What was typed before, in a file that several sessions add to.

local core <const> = require "sdme.core"
local task <const> = require "sdme.task"

local file <const> = core.file

local M <const> = {}

-- Entries that are kept, and bytes: the file has up to twice as much before it is made shorter.
local ENTRIES <const>, BYTES <const> = 1000, 512 * 1024

-- What is longer was hardly typed.
local ENTRY_BYTES <const> = 16 * 1024

local FILE_BYTES <const> = 64 << 20

-- Seconds to wait for another session that writes.
local PATIENCE <const> = 1

-- An entry is a line of the file.
local function encode(entry)
    return (entry:gsub("\\", "\\\\"):gsub("\n", "\\n"))
end

local function decode(line)
    return (line:gsub("\\(.)", { n = "\n", ["\\"] = "\\" }))
end

-- Without what came again later, and no more than is kept; the oldest first.
local function newest(lines)
    local kept <const>, seen <const>, size = {}, {}, 0
    for i = #lines, 1, -1 do
        size = size + (seen[lines[i]] and 0 or #lines[i])
        if #kept == ENTRIES or size > BYTES then
            break
        elseif not seen[lines[i]] then
            seen[lines[i]] = true
            kept[#kept + 1] = lines[i]
        end
    end
    for i = 1, #kept // 2 do
        kept[i], kept[#kept + 1 - i] = kept[#kept + 1 - i], kept[i]
    end
    return kept
end

local function read_lines(path)
    local data <const> = file.read(path, { max = FILE_BYTES }) or ""
    local lines <const> = {}
    for line in data:gmatch "[^\n]+" do
        lines[#lines + 1] = line
    end
    return lines, #data
end

-- Nobody has to wait long: whoever has it only adds a line, or reads and writes once.
local function take_lock(path)
    local deadline <const> = core.poll.now() + PATIENCE
    local lock, _, code = core.lock.acquire(path .. ".lock")
    while not lock and code == "EAGAIN" and core.poll.now() < deadline do
        task.sleep(0.02)
        lock, _, code = core.lock.acquire(path .. ".lock")
    end
    return lock
end

local function shorten(path)
    local lock <close> = take_lock(path)
    if lock then
        local data <const> = table.concat(newest((read_lines(path))), "\n") .. "\n"
        file.write(path, data, { mode = "0600", sync = false })
    end
end

---@class sdme.History
---@field entries string[] the oldest first
---@field path string?
local History <const> = {}
History.__index = History

---Reads a history. A file that can't be read or made leaves it to the session.
---@param path string? none keeps it in memory
---@return sdme.History
function M.open(path)
    local self <const> = setmetatable({ entries = {}, path = path }, History)
    if not path then
        return self
    end
    local lines <const>, size <const> = read_lines(path)
    if #lines > 2 * ENTRIES or size > 2 * BYTES then
        shorten(path)
    end
    for i, line in ipairs(newest(lines)) do
        self.entries[i] = decode(line)
    end
    return self
end

local function append(path, entry)
    file.mkdir(path:match "^(.*)/", { mode = "0700", parents = true })
    local lock <close> = take_lock(path)
    if not lock then
        return
    end
    file.write(path, "", { mode = "0600", exclusive = true, sync = false })
    local handle <close> = io.open(path, "ab")
    if handle then
        handle:write(encode(entry), "\n")
    end
end

---Adds an entry, unless it is the last one again, or begins with a blank: that is how to keep
---a secret out.
---@param entry string
function History:add(entry)
    if entry:find "^%s" or #entry > ENTRY_BYTES or entry == self.entries[#self.entries] then
        return
    end
    for i, earlier in ipairs(self.entries) do
        if earlier == entry then
            table.remove(self.entries, i)
            break
        end
    end
    self.entries[#self.entries + 1] = entry
    if #self.entries > ENTRIES then
        table.remove(self.entries, 1)
    end
    if self.path then
        append(self.path, entry)
    end
end

-- Whether a directory is ours, or would be if it were made.
local function is_ours(path)
    local status = file.stat(path, { follow = true })
    while not status and path:find "/[^/]" do
        path = path:gsub("/[^/]*$", "")
        status = file.stat(path == "" and "/" or path, { follow = true })
    end
    return status ~= nil and status.uid == core.process.uid()
end

-- From passwd(5), because sudo may leave $HOME that of somebody else.
local function home()
    local given <const> = os.getenv "HOME"
    if given and given:find "^/" and is_ours(given) then
        return given
    end
    local user <const> = ("^[^:]*:[^:]*:%d:[^:]*:[^:]*:(/[^:]*):"):format(core.process.uid())
    for line in (file.read "/etc/passwd" or ""):gmatch "[^\n]+" do
        if line:find(user) then
            return line:match(user)
        end
    end
    return nil
end

---Where the history of this user is, after the XDG Base Directory Specification.
---@return string? path none if there is nowhere to keep it
function M.path()
    local state <const> = os.getenv "XDG_STATE_HOME"
    if state and state:find "^/" and is_ours(state) then
        return state .. "/sdme/history"
    end
    local directory <const> = home()
    return directory and directory .. "/.local/state/sdme/history"
end

return M
