-- The keys of the configuration as both pages have them.

local config <const> = require "sdme.config"
local roff <const> = require "man.roff"

-- A value as it stands in the file.
local function literal(value)
    if type(value) ~= "table" then
        return ("%q"):format(value)
    end
    local items <const> = {}
    for i, item in ipairs(value) do
        items[i] = literal(item)
    end
    return "{ " .. table.concat(items, ", ") .. " }"
end

---@param page table
return function(page)
    for _, key in ipairs(config.keys) do
        local default <const> = key.default ~= nil and literal(key.default) or nil
        page:term(roff.literal(key.name), (key.help:gsub("^%l", string.upper))
            .. (default and (" (default: `%s`)."):format(default) or "."))
    end
end
