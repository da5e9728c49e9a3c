-- How a unit runs us: the program, and what it must find again that isn't where it looks by itself.

local config <const> = require "sdme.config"
local text <const> = require "sdme.unit.text"

local M <const> = {}

local DEFAULT_DATADIR <const> = "/var/lib/sdme"

---The command line of a command of ours.
---@param words string in which specifiers (systemd.unit(5)) mean what they mean
---@return string
function M.command(words)
    return text.quote(config.get "interpreter") .. " " .. words
end

---What is to be in its environment.
---@return string[] assignments
function M.environment()
    local list <const> = {}
    local function add(name, value)
        if value then
            list[#list + 1] = text.quote(name .. "=" .. value)
        end
    end
    if config.get "datadir" ~= DEFAULT_DATADIR then
        add("SDME_DATADIR", config.get "datadir")
    end
    add("SDME_CONFIG", config.given_file())
    add("SDME_LUA_PATH", os.getenv "SDME_LUA_PATH")
    return list
end

return M
