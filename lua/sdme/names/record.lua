-- What is known of the containers that run and have names for each other: a file for each below
-- /run, where the launcher has put what it was started with.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local task <const> = require "sdme.task"

local file <const> = core.file

local M <const> = {}

-- Names of machines are the whole host's, and not one data directory's.
M.DIRECTORY = "/run/sdme/names"

-- Seconds that somebody waits for another who brings them up to date, which takes milliseconds.
local PATIENCE <const> = 10
local INTERVAL <const> = 0.005

---@class sdme.names.Record
---@field name string of the container
---@field own string what its /etc/hosts says by itself
---@field datadir string that it is of
---@field link string? what its interface is on: "veth", or a zone or a bridge, with others
---@field pod string? that it is in
---@field app_pod string? that its applications are in
---@field alias string? what others in its pod call it besides: its key in the pod's definition
---@field addresses string[]? of its interface
---@field gateways string[]? addresses of the host on that

local function path(name, suffix)
    return ("%s/%s.%s"):format(M.DIRECTORY, name, suffix)
end

---Where a hosts file is.
---@param name string of the container
---@param whose "hosts"|"apps" the container's, or that of its applications
---@return string path
M.path = path

---Keeps others from changing them.
---@return userdata lock to be closed
function M.lock()
    local deadline <const> = core.poll.now() + PATIENCE
    fault.check(file.mkdir(M.DIRECTORY, { parents = true, mode = "0700" }))
    while true do
        local lock <const>, message <const>, code <const> =
            core.lock.acquire(M.DIRECTORY .. "/lock")
        if lock then
            return lock
        elseif code ~= "EAGAIN" or core.poll.now() > deadline then
            fault.raise(code, nil, "bring names up to date: %s", message)
        end
        task.sleep(INTERVAL)
    end
end

---The names of those that there are.
---@return string[] sorted
function M.names()
    local names <const> = {}
    for _, entry in ipairs(file.list(M.DIRECTORY) or {}) do
        names[#names + 1] = entry:match "^(.+)%.json$"
    end
    table.sort(names)
    return names
end

---All of them, by name. One that is damaged counts as missing: nobody's start depends on others.
---@return table<string, sdme.names.Record>
function M.all()
    local all <const> = {}
    for _, name in ipairs(M.names()) do
        local fine <const>, found <const> =
            pcall(json.decode, file.read(path(name, "json")) or "", path(name, "json"))
        all[name] = fine and type(found) == "table" and found.name == name and found or nil
    end
    return all
end

---@param record sdme.names.Record
function M.write(record)
    fault.check(file.write(path(record.name, "json"), json.encode(record),
        { mode = "0600", sync = false }))
end

---@param name string
function M.remove(name)
    for _, suffix in ipairs { "json", "hosts", "apps" } do
        file.remove(path(name, suffix))
    end
end

---Changes what a hosts file says. Where it is bound the file stays the same, and whoever reads it
---now finds the old text, or the new one: it doesn't become shorter, and is written at once.
---@param name string
---@param whose "hosts"|"apps"
---@param text string
function M.rewrite(name, whose, text)
    local target <const> = path(name, whose)
    local current <const> = file.read(target)
    if not current then
        fault.check(file.write(target, text, { mode = "0644", sync = false }))
        return
    end
    text = text .. ("\n"):rep(#current - #text)
    if text ~= current then
        local open <close> = assert(io.open(target, "r+b"))
        open:setvbuf("full", #text + 1)
        open:write(text)
    end
end

return M
