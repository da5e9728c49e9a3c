-- Terminals with somebody at them, and pending objects that go on meanwhile.

local core <const> = require "sdme.core"

local M <const> = {}

-- Nothing here takes as long; what does will never happen.
local PATIENCE <const> = 20

local Stage <const> = {}
Stage.__index = Stage

local Terminal <const> = {}
Terminal.__index = Terminal

local function read_file(path)
    local file <close> = assert(io.open(path, "rb"))
    return file:read "a"
end

---Has a pending object go on until the stage is closed.
---@param pending userdata
---@return table act its results once it has ended
function Stage:add(pending)
    local act <const> = { pending = assert(pending) }
    self.acts[#self.acts + 1] = act
    return act
end

local function step(acts)
    local entries <const> = {}
    for _, act in ipairs(acts) do
        if not act.results then
            local results <const> = table.pack(act.pending:step())
            if results[1] then
                act.results = table.pack(table.unpack(results, 2, results.n))
            else
                local descriptor <const>, events <const> = act.pending:poll()
                entries[#entries + 1] = descriptor and { descriptor, events }
            end
        end
    end
    return entries
end

---Goes on with everything until `condition()`.
---@param condition fun(): any
---@param what string
---@return any what `condition` returned
function Stage:run_until(condition, what)
    local deadline <const> = core.poll.now() + PATIENCE
    while true do
        local entries <const> = step(self.acts)
        local result <const> = condition()
        if result then
            return result
        end
        assert(core.poll.now() < deadline, "it never happened: " .. what)
        core.poll.wait(entries, 0.02)
    end
end

---Goes on with everything until one pending object has ended.
---@param act table
---@return any ... its results
function Stage:finish(act)
    self:run_until(function() return act.results end, "the end")
    return table.unpack(act.results, 1, act.results.n)
end

---Goes on with everything for some time.
---@param seconds number
function Stage:pass(seconds)
    local start <const> = core.poll.now()
    self:run_until(function() return core.poll.now() >= start + seconds end, "the time")
end

---@param options table of process.spawn
---@return userdata process
function Stage:spawn(options)
    local process <const> = assert(core.process.spawn(options))
    self.opened[#self.opened + 1] = process
    return process
end

---A file and its path, gone when the stage is closed.
function Stage:file()
    local path <const> = os.tmpname()
    local file <const> = assert(io.open(path, "wb"))
    self.opened[#self.opened + 1] = file
    self.paths[#self.paths + 1] = path
    return file, path
end

---A terminal. What it shows is collected.
---@return table
function Stage:terminal(rows, columns)
    local master <const>, slave <const>, path <const> = assert(core.pty.open())
    assert(core.pty.set_size(slave, rows or 24, columns or 80))
    local file <const>, transcript <const> = self:file()
    self.opened[#self.opened + 1] = master
    self.opened[#self.opened + 1] = slave
    self:add(core.stream.relay { from = master, to = file })
    return setmetatable({
        stage = self, master = master, slave = slave, path = path, transcript = transcript,
        seen = 0,
    }, Terminal)
end

function Stage:close()
    for i = #self.acts, 1, -1 do
        self.acts[i].pending:close()
    end
    for i = #self.opened, 1, -1 do
        pcall(self.opened[i].close, self.opened[i])
    end
    for _, path in ipairs(self.paths) do
        os.remove(path)
    end
end

Stage.__close = Stage.close

---Types, as somebody who sits at the terminal.
---@param text string
function Terminal:type(text)
    local act <const> = self.stage:add(core.stream.writer(self.master, text, { close = false }))
    self.stage:finish(act)
end

---All that it has shown.
---@return string
function Terminal:shown()
    return read_file(self.transcript)
end

---Waits until it shows a text, after what was expected before.
---@param text string
function Terminal:expect(text)
    local last <const> = self.stage:run_until(function()
        return select(2, self:shown():find(text, self.seen + 1, true))
    end, ("%q on the terminal, which shows %q"):format(text, self:shown()))
    self.seen = last
end

---The flags that stty(1) shows, each with whether it is on.
---@return table<string, boolean>
function Terminal:mode()
    local program <const> = require "spec.support.program"
    local output <const> = program.run { argv = { "stty", "-a" }, stdin = self.slave }
    local flags <const> = {}
    for sign, name in output:match("\n(%-?%l.*)"):gmatch "(%-?)(%l%w+)" do
        flags[name] = sign == ""
    end
    return flags
end

---@return table
function M.open()
    return setmetatable({ acts = {}, opened = {}, paths = {} }, Stage)
end

return M
