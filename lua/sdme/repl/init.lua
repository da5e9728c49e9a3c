-- The prompt: reads what is typed, runs it, and shows its values.

local chunk <const> = require "sdme.repl.chunk"
local core <const> = require "sdme.core"
local failure <const> = require "sdme.repl.failure"
local fault <const> = require "sdme.fault"
local help <const> = require "sdme.repl.help"
local listing <const> = require "sdme.listing"
local printer <const> = require "sdme.repl.printer"
local script <const> = require "sdme.script"
local terminal <const> = require "sdme.repl.terminal"

local M <const> = {}

-- What a shell gives for a program that was ended by SIGTERM: that ends the session too.
local TERMINATED <const> = 128 + 15

local function show(values)
    if values.n == 0 then
        return
    end
    _G._ = values[1]
    listing.write(printer.show_all(values, {
        width = terminal.width(), colour = listing.coloured(1),
    }), "\n")
end

local function report(failed)
    pcall(listing.flush)
    io.stderr:write(failure.report(failed), "\n")
end

-- A terminal shows Ctrl-C where it was typed, and no end of the line.
local function end_line(interactive)
    if interactive and core.interrupted() then
        pcall(listing.write, "\n")
    end
end

-- The status that a failure ends us with, if it does.
local function status_of(failed, interactive)
    local status <const> = fault.status(failed.raised)
    return (not interactive or status == TERMINATED) and status or nil
end

-- Runs a chunk and shows what it gives. What it raises is told, and gives a status if that is the
-- end.
local function run(body, interactive)
    local values, failed = failure.call(body)
    end_line(interactive)
    if values then
        values, failed = failure.call(function() show(values) end)
    end
    if values then
        return nil
    elseif listing.is_unread(failed.raised) then
        error(failed.raised, 0)
    end
    report(failed)
    return status_of(failed, interactive)
end

local function tell_syntax(why, interactive)
    pcall(listing.flush)
    io.stderr:write(fault.report(fault.new { message = why }), "\n")
    return not interactive and 1 or nil
end

-- Runs a piece of code as if it had been typed.
local function execute(code, interactive)
    local body <const>, why <const> = chunk.compile(code)
    if not body then
        return tell_syntax(why, interactive)
    end
    return run(body, interactive)
end

local function include(path, interactive)
    return run(function()
        script.load(path)()
    end, interactive)
end

-- Reads lines until they are a chunk: its text and function, or why there is none; nothing at the
-- end.
local function read(source)
    local text = ""
    while true do
        local line <const> = source:read(text)
        if not line and text == "" then
            return nil
        end
        text = text .. (line or "")
        local body <const>, why <const>, incomplete <const> = chunk.compile(text)
        if chunk.is_blank(text) then
            text = ""
        elseif body or not incomplete or not line then
            return text, body, why
        end
    end
end

-- A signal while we wait for a line: Ctrl-C drops it.
local function interrupted(raised)
    if not fault.is(raised, "EINTR") or fault.status(raised) == TERMINATED then
        error(raised, 0)
    end
end

local function turn(source)
    local came <const> = core.renew_interrupt()
    if came and 128 + came == TERMINATED then
        error(fault.new { message = "interrupted", code = "EINTR", signal = came }, 0)
    end
    local ok, text, body, why = pcall(read, source)
    if not ok then
        return interrupted(text), true
    elseif not text then
        return nil, false
    end
    source:remember(text)
    if not body then
        return tell_syntax(why, source.interactive), true
    end
    return run(body, source.interactive), true
end

-- Reads, runs and shows, until there are no more lines.
local function loop(source)
    local status, more
    repeat
        status, more = turn(source)
    until status or not more
    if source.interactive and not status then
        listing.write "\n"
    end
    return status or 0
end

---A session: a file, code, and then, unless there is only code, what is typed.
---@param options { file: string?, code: string[]? }
---@return integer status
function M.session(options)
    local source <close> = terminal.open()
    local interactive <const> = source.interactive and (options.file or not options.code)
    _G.sdme, _G.help = require "sdme", help.help
    local status = options.file and include(options.file, interactive)
    for _, code in ipairs(options.code or {}) do
        status = status or execute(code, interactive)
    end
    if status or options.code and not options.file then
        return status or 0
    end
    return loop(source)
end

return M
