-- Paths, and what is at them.

local base <const> = require "sdme.kind.base"
local text_kinds <const> = require "sdme.kind.text"

local define <const> = base.define
local quote <const> = base.quote
local printable <const> = base.printable

local M <const> = {}

M.file = define {
    expected = "a file name", complete = "file", parse = text_kinds.argument.parse,
}

local function parse_path(text)
    local valid, why = printable(text)
    if not valid then
        return nil, why
    elseif text:sub(1, 1) ~= "/" then
        return nil, quote(text) .. " is not an absolute path"
    elseif #text > 4095 then
        return nil, quote(text) .. " is too long for a path"
    end
    local parts = {}
    for part in text:gmatch "[^/]+" do
        if part == ".." then
            return nil, quote(text) .. ' has ".." in it'
        elseif part ~= "." then
            parts[#parts + 1] = part
        end
    end
    return "/" .. table.concat(parts, "/")
end

M.path = define { expected = "an absolute path", complete = "file", parse = parse_path }
M.directory = define { expected = "an absolute path", complete = "directory", parse = parse_path }

-- A device node by its path, which also becomes a word of a DeviceAllow= line.
M.device = define {
    expected = "the path of a device below /dev",
    complete = "file",
    parse = function(text)
        local path, why = parse_path(text)
        if not path then
            return nil, why
        elseif not path:find "^/dev/[%w._/:,+@-]+$" then
            return nil, quote(text) .. " is not a device below /dev"
        end
        return path
    end,
}

return M
