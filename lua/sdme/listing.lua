-- Results on stdout: tables for a terminal, one JSON document for programs.

local fault <const> = require "sdme.fault"
local lazy <const> = require "sdme.lazy"

local text <const> = lazy.module "sdme.text"

local M <const> = {}

---Whether a descriptor is a terminal.
---@param descriptor integer
---@return boolean
function M.is_terminal(descriptor)
    local loaded, core = pcall(require, "sdme.core")
    return loaded and core.pty ~= nil and core.pty.isatty(descriptor) == true
end

-- From sysexits and shells: what killed by SIGPIPE gives.
local BROKEN_PIPE <const> = 128 + 13

---Whether what was raised only says that nobody reads stdout any more.
---@param raised any
---@return boolean
function M.is_unread(raised)
    return fault.is(raised, "EPIPE") and raised.status == BROKEN_PIPE
end

local EPIPE <const> = 32

local function check_output(value, message, number)
    if value then
        return
    elseif number == EPIPE then
        error(fault.new { message = "write stdout: " .. message, code = "EPIPE",
            status = BROKEN_PIPE }, 0)
    end
    fault.raise("EIO", nil, "write stdout: %s", message)
end

---Writes to stdout, and raises if that fails.
---@param ... string
function M.write(...)
    check_output(io.stdout:write(...))
end

---Writes lines to stderr that a user should know, and that are no errors.
---@param notes string[]?
function M.notes(notes)
    for _, note in ipairs(notes or {}) do
        io.stderr:write("note: ", note, "\n")
    end
end

---Brings out what is still in the buffer of stdout.
function M.flush()
    check_output(io.stdout:flush())
end

---Writes a value as one JSON document.
---@param value any
function M.json(value)
    M.write(require("sdme.json").encode(value, { indent = 2 }), "\n")
end

local COLOURS <const> = { red = 31, green = 32, yellow = 33, blue = 34, dim = 2, bold = 1 }

---Whether to colour what goes to a descriptor: a terminal that knows how, unless NO_COLOR is set
---(https://no-color.org).
---@param descriptor integer
---@return boolean
function M.coloured(descriptor)
    local refused <const> = os.getenv "NO_COLOR"
    return (refused == nil or refused == "") and os.getenv "TERM" ~= "dumb"
        and M.is_terminal(descriptor)
end

---The text in a colour.
---@param colour string? none leaves it as it is
---@param shown string
---@return string
function M.colour(colour, shown)
    return colour and ("\27[%dm%s\27[0m"):format(COLOURS[colour], shown) or shown
end

-- A hyphen for nothing keeps the columns countable.
local function cell(value)
    if type(value) == "table" then
        value = table.concat(value, ",")
    end
    local shown <const> = value ~= nil and text.printable(tostring(value)) or ""
    return shown == "" and "-" or shown
end

local function shorten(shown, width)
    if text.width(shown) <= width then
        return shown
    end
    return shown:sub(1, utf8.offset(shown, math.max(width, 1)) - 1) .. "…"
end

local GAP <const> = 2

-- The widths of the columns; on a screen too narrow the widest give way.
local function fit(columns, cells, width)
    local widths, total = {}, -GAP
    for i, column in ipairs(columns) do
        widths[i] = text.width(column.name)
        for _, row in ipairs(cells) do
            widths[i] = math.max(widths[i], text.width(row[i]))
        end
        total = total + widths[i] + GAP
    end
    while width and total > width do
        local widest = 1
        for i = 2, #widths do
            widest = widths[i] > widths[widest] and i or widest
        end
        if widths[widest] <= 8 then
            break
        end
        widths[widest], total = widths[widest] - 1, total - 1
    end
    return widths
end

local function line(columns, widths, row, colours)
    local parts = {}
    for i, column in ipairs(columns) do
        local shown <const> = shorten(row[i], widths[i])
        local padding <const> = (" "):rep(widths[i] - text.width(shown))
        local coloured <const> = M.colour(colours and colours[i], shown)
        parts[i] = column.align == "right" and padding .. coloured
            or i < #columns and coloured .. padding or coloured
    end
    return table.concat(parts, (" "):rep(GAP)) .. "\n"
end

---A table as text: names in capitals above, columns as wide as they need, no blanks at line ends.
---@param columns table[] with `name` and `key`, perhaps `align` = "right", and `colour`, a function
---from a value to its colour
---@param rows table[] values by `key`; a list is shown with commas, nothing as "-"
---@param options { width: integer?, colour: boolean? }?
---@return string
function M.table(columns, rows, options)
    local cells, colours, header = {}, {}, {}
    local width <const>, coloured <const> = options and options.width, options and options.colour
    for i, column in ipairs(columns) do
        header[i] = column.name:upper()
    end
    for r, row in ipairs(rows) do
        cells[r], colours[r] = {}, {}
        for i, column in ipairs(columns) do
            cells[r][i] = cell(row[column.key])
            colours[r][i] = coloured and column.colour and column.colour(row[column.key]) or nil
        end
    end
    local widths <const> = fit(columns, cells, width)
    local lines = { line(columns, widths, header) }
    for r, row in ipairs(cells) do
        lines[r + 1] = line(columns, widths, row, colours[r])
    end
    return table.concat(lines)
end

local function screen_width()
    local _, columns = require("sdme.core").pty.size(1)
    return math.type(columns) == "integer" and columns > 0 and columns or nil
end

---Prints rows: with `json` as one document, on a terminal fitted to it, elsewhere plain.
---@param columns table[] as `table` takes them
---@param rows table[]
---@param json boolean?
function M.show(columns, rows, json)
    if json then
        return M.json(require("sdme.json").array(rows))
    end
    local terminal <const> = M.is_terminal(1)
    M.write(M.table(columns, rows, {
        width = terminal and screen_width() or nil, colour = M.coloured(1),
    }))
end

return M
