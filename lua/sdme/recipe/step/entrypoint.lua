-- The program of the image, and its arguments where none are given.

local check <const> = require "sdme.recipe.step.check"
local json <const> = require "sdme.json"
local text <const> = require "sdme.text"

local M <const> = { name = "entrypoint", metadata = true }

local function words(what, value)
    if type(value) == "string" then
        return { "/bin/sh", "-c", check.text("entrypoint", what, value) }
    end
    return check.list("entrypoint", what, value)
end

---@param program string|string[] a program and its arguments, or a line of the shell
---@param arguments string[]? further ones, which whoever runs it may replace
---@return table doing
function M.prepare(_, program, arguments)
    return {
        entrypoint = words("a program and its arguments", program),
        cmd = arguments and check.list("entrypoint", "arguments", arguments) or nil,
    }
end

---@return string
function M.what(doing)
    local shown <const> = {}
    for i, word in ipairs(doing.entrypoint) do
        shown[i] = text.shell_word(word)
    end
    return table.concat(shown, " ")
end

---@param config table of an image
function M.set(config, doing)
    config.entrypoint = json.array(table.move(doing.entrypoint, 1, #doing.entrypoint, 1, {}))
    config.cmd = json.array(doing.cmd and table.move(doing.cmd, 1, #doing.cmd, 1, {}) or {})
end

return M
