-- How far several things are: on stderr (on a terminal a line each that is redrawn in place, else a
-- plain line every few seconds), or to the functions of `sdme.observe`.

local core <const> = require "sdme.core"
local listing <const> = require "sdme.listing"
local observe <const> = require "sdme.observe"
local text <const> = require "sdme.text"

local M <const> = {}

-- Seconds between two drawings on a terminal, and between two lines about one thing elsewhere.
local DRAWING_INTERVAL <const> = 0.1
local LINE_INTERVAL <const> = 5

-- What a rate looks back on, in seconds.
local MEMORY <const> = 4

-- A bar is no narrower; where there is less room, there is none.
local NARROWEST_BAR <const> = 10
local WIDEST_BAR <const> = 40

-- What figures mostly take at most, so that a bar doesn't change its length with them.
local FIGURES_WIDTH <const> = 40

local UNITS <const> = { "KB", "MB", "GB", "TB" }

---A number of bytes as people read it, in powers of 1024.
---@param bytes number
---@return string
function M.size(bytes)
    local unit = 0
    while bytes >= 1000 and unit < #UNITS do
        bytes, unit = bytes / 1024, unit + 1
    end
    local form <const> = unit > 0 and bytes < 9.95 and "%.1f %s" or "%.0f %s"
    return form:format(bytes, UNITS[unit] or "B")
end

---Seconds as people read them: "0:07", "1:02:03".
---@param seconds number
---@return string
function M.duration(seconds)
    seconds = math.floor(seconds + 0.5)
    if seconds < 3600 then
        return ("%d:%02d"):format(seconds // 60, seconds % 60)
    end
    return ("%d:%02d:%02d"):format(seconds // 3600, seconds // 60 % 60, seconds % 60)
end

local function shorten(shown, width)
    if text.width(shown) <= width then
        return shown
    end
    return shown:sub(1, (utf8.offset(shown, math.max(width, 1)) or 1) - 1) .. "…"
end

---@class sdme.progress.Item
local Item <const> = {}
Item.__index = Item

-- "45 MB of 120 MB"
function Item:amount()
    if self.total then
        return ("%s of %s"):format(M.size(self.done), M.size(self.total))
    end
    return M.size(self.done)
end

function Item:fraction()
    return self.total and self.total > 0 and math.min(self.done / self.total, 1) or nil
end

-- "45 MB of 120 MB, 3.1 MB/s, 0:24 left"
function Item:figures()
    local parts <const> = { self:amount() }
    if self.rate and self.rate >= 1 then
        parts[2] = M.size(self.rate) .. "/s"
        local left <const> = self.total and (self.total - self.done) / self.rate
        if left and left > 0 and left < 360000 then
            parts[3] = M.duration(left) .. " left"
        end
    end
    return table.concat(parts, ", ")
end

-- Newer bytes weigh more, so that the rate follows the connection without trembling.
function Item:measure(now, done)
    local passed <const> = now - self.measured_at
    if not self.measured then
        self.measured, self.measured_at = done, now
    elseif passed >= DRAWING_INTERVAL then
        local latest <const> = math.max(0, done - self.measured) / passed
        local weight <const> = self.rate and 1 - math.exp(-passed / MEMORY) or 1
        self.rate = (self.rate or 0) + (latest - (self.rate or 0)) * weight
        self.measured, self.measured_at = done, now
    end
end

---Says how far it is.
---@param done integer
---@param total integer? nil where it isn't known
function Item:update(done, total)
    if not self.owner then
        return
    end
    self.done, self.total = done, total or self.total
    self:measure(self.owner.clock(), done)
    self.owner:changed(self)
end

---Ends it with a last line.
---@param outcome string? how; else how much it was
function Item:finish(outcome)
    if self.owner then
        self.owner:finished(self, outcome and text.printable(outcome) or M.size(self.done))
        self.owner = nil
    end
end

---Ends it without a word.
function Item:close()
    if self.owner then
        self.owner:finished(self)
        self.owner = nil
    end
end
Item.__close = Item.close

---@class sdme.progress.Progress
local Progress <const> = {}
Progress.__index = Progress

---Something to tell the progress of.
---@param label string what happens to what: "downloading image.tar"
---@param total integer? bytes
---@return sdme.progress.Item to be closed
function Progress:item(label, total)
    local now <const> = self.clock()
    local item <const> = setmetatable({
        owner = self, label = text.printable(label), done = 0, total = total,
        measured_at = now, told_at = now,
    }, Item)
    self.items[#self.items + 1] = item
    if self.begun then
        self:begun(item)
    end
    return item
end

-- A terminal doesn't always know how large it is.
function Progress:terminal_size()
    local rows, columns = core.pty.size(self.descriptor)
    return rows and rows > 0 and rows or 24, columns and columns > 0 and columns or 80
end

function Progress:bar(fraction, width)
    local filled <const> = math.floor(fraction * width + 0.5)
    local bar <const> = ("="):rep(filled)
    return "[" .. listing.colour(self.coloured and filled > 0 and "green" or nil, bar)
        .. (" "):rep(width - filled) .. "]"
end

-- One line, never as wide as the terminal: that would break it.
function Progress:line(item, columns)
    local width <const>, figures <const> = columns - 1, item:figures()
    local fraction <const> = item:fraction()
    local room <const> = width - text.width(figures) - 2
    if room < 4 then
        return shorten(figures, width)
    end
    local spare <const> = math.max(0, FIGURES_WIDTH - text.width(figures))
    local bar <const> = math.min(room - spare - text.width(item.label) - 4, WIDEST_BAR)
    if not fraction or bar < NARROWEST_BAR then
        return shorten(item.label, room) .. "  " .. figures
    end
    return ("%s  %s  %s"):format(item.label, self:bar(fraction, bar), figures)
end

-- Draws over what was drawn before; `above` is a line that stays.
function Progress:draw(above)
    local rows <const>, columns <const> = self:terminal_size()
    local parts <const> = { self.drawn > 0 and ("\27[%dA\r"):format(self.drawn) or "" }
    if above then
        parts[2] = above .. "\27[K\n"
    end
    self.drawn = math.min(#self.items, rows - 1)
    for i = 1, self.drawn do
        parts[#parts + 1] = self:line(self.items[i], columns) .. "\27[K\n"
    end
    parts[#parts + 1] = "\27[J"
    self.drawn_at = self.clock()
    self.output:write(table.concat(parts))
    self.output:flush()
end

function Progress:changed(item)
    local now <const> = self.clock()
    if self.quiet then
        return
    elseif self.live and now - self.drawn_at >= DRAWING_INTERVAL then
        self:draw()
    elseif not self.live and now - item.told_at >= LINE_INTERVAL then
        item.told_at = now
        self.output:write(item.label, ": ", item:amount(), "\n")
        self.output:flush()
    end
end

---Writes a line above what is in progress.
---@param line string
function Progress:note(line)
    line = text.printable(line)
    if self.quiet then
        return
    elseif self.live then
        self:draw(line)
    else
        self.output:write(line, "\n")
        self.output:flush()
    end
end

function Progress:remove(item)
    for i, other in ipairs(self.items) do
        if other == item then
            table.remove(self.items, i)
            break
        end
    end
end

function Progress:finished(item, outcome)
    self:remove(item)
    if outcome then
        self:note(item.label .. ": " .. outcome)
    elseif self.live and self.drawn > 0 and not self.quiet then
        self:draw()
    end
end

---Ends all that is unfinished.
function Progress:close()
    for i = #self.items, 1, -1 do
        self.items[i]:close()
    end
end
Progress.__close = Progress.close

-- The same for somebody's functions.
---@class sdme.progress.Told: sdme.progress.Progress
local Told <const> = setmetatable({}, { __index = Progress })
Told.__index = Told
Told.__close = Progress.__close

local last_id = 0

function Told:tell(item, finished, outcome)
    item.told_at = self.clock()
    if self.observer.progress then
        self.observer.progress {
            id = item.id, what = item.label, done = item.done, total = item.total,
            rate = item.rate, finished = finished, outcome = outcome,
        }
    end
end

function Told:begun(item)
    last_id = last_id + 1
    item.id = last_id
    self:tell(item, false)
end

function Told:changed(item)
    if self.clock() - item.told_at >= DRAWING_INTERVAL then
        self:tell(item, false)
    end
end

function Told:note(line)
    if self.observer.note then
        self.observer.note(text.printable(line))
    end
end

function Told:finished(item, outcome)
    self:remove(item)
    self:tell(item, true, outcome)
end

local function on_stderr(options)
    local descriptor <const> = options.descriptor or 2
    return setmetatable({
        quiet = options.quiet or false, output = options.output or io.stderr,
        descriptor = descriptor, clock = options.clock or core.poll.now,
        live = listing.is_terminal(descriptor) and os.getenv "TERM" ~= "dumb",
        coloured = listing.coloured(descriptor), items = {}, drawn = 0, drawn_at = -math.huge,
    }, Progress)
end

---Tells whoever is told now: see `sdme.observe`.
---@param options table? `quiet` tells nothing; `output` is a Lua file instead of stderr, and
---  `descriptor` its number; `clock` gives seconds
---@return sdme.progress.Progress to be closed
function M.new(options)
    options = options or {}
    if options.output or observe.current == observe.terminal then
        return on_stderr(options)
    end
    return setmetatable({
        observer = options.quiet and {} or observe.current,
        clock = options.clock or core.poll.now, items = {},
    }, Told)
end

return M
