local config <const> = require "sdme.config"
local json <const> = require "sdme.json"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"

local names <const> = {}

for i, key in ipairs(config.keys) do
    names[i] = key.name
end

-- Any word is passed on, so that a wrong one is told with the nearest right one.
local KEY <const> = kind.offer(names)

local function show(key, value)
    return value == nil and "" or key.kind.show(value)
end

local function document(values)
    local copy = {}
    for _, key in ipairs(config.keys) do
        local value <const> = values[key.name]
        if value == nil then
            copy[key.name] = json.null
        else
            copy[key.name] = type(value) == "table" and json.array(value) or value
        end
    end
    return copy
end

local function print_value(name, as_json)
    local value <const> = config.get(name)
    if as_json then
        return listing.json(document(config.get())[name])
    end
    for _, key in ipairs(config.keys) do
        if key.name == name then
            listing.write(show(key, value), "\n")
        end
    end
end

local get <const> = {
    name = "get",
    summary = "show the value of a key, or all keys",
    anyone = true,
    operands = { { name = "KEY", optional = true, kind = KEY, help = "one key of them" } },
    options = { { long = "json", help = "as a JSON document" } },
    run = function(arguments)
        if arguments.key then
            return print_value(arguments.key, arguments.json)
        elseif arguments.json then
            return listing.json(document(config.get()))
        end
        local values <const>, rows = config.get(), {}
        for i, key in ipairs(config.keys) do
            rows[i] = { key = key.name, value = show(key, values[key.name]) }
        end
        listing.show({ { name = "KEY", key = "key" }, { name = "VALUE", key = "value" } }, rows)
    end,
}

local set <const> = {
    name = "set",
    summary = "change the value of a key",
    description = "Comments and the other keys of the file stay as they are. An empty value brings"
        .. " the default back; for a list it is the empty list.",
    operands = {
        { name = "KEY", kind = KEY, help = "one of the keys that `sdme config get` lists" },
        { name = "VALUE", help = "its new value" },
    },
    examples = {
        { "sdme config set boot_timeout 120", "give slow guests two minutes" },
        { "sdme config set masked_services ''", "mask nothing" },
    },
    run = function(arguments)
        config.set(config.file(), arguments.key, arguments.value)
    end,
}

local keys <const> = { name = "Keys" }

for i, key in ipairs(config.keys) do
    -- A blank after each comma, so that a long list has several lines.
    local shown <const> = key.default ~= nil and key.kind.show(key.default):gsub(",", ", ") or ""
    local default <const> = shown ~= "" and (" (default: %s)"):format(shown) or ""
    keys[i] = { key.name, key.help .. default }
end

return {
    name = "config",
    summary = "show or change the configuration",
    description = "The configuration is /etc/sdme.conf, or the file that --config or SDME_CONFIG"
        .. " name: Lua assignments, a key each.",
    subcommands = { get, set },
    sections = { keys },
}
