-- Registries of images.

local base <const> = require "sdme.kind.base"
local reference <const> = require "sdme.oci.reference"

local define <const> = base.define
local quote <const> = base.quote

local M <const> = {}

M.registry = define {
    expected = "a registry such as localhost:5000",
    parse = function(text)
        if reference.is_registry(text) then
            return text
        end
        return nil, quote(text) .. " is not a registry such as localhost:5000"
    end,
}

-- A mirror is named with its scheme, which says whether it speaks TLS.
local function check_mirror(registry, url)
    if type(registry) ~= "string" or not reference.is_registry(registry) then
        return ("%s is not a registry"):format(quote(tostring(registry)))
    end
    local host <const> = type(url) == "string" and url:match "^https?://([^/?#@%c%s]+)[^?#@%c%s]*$"
    if not host or not reference.is_registry(host) then
        return ("%s is not a URL such as https://mirror.example"):format(quote(tostring(url)))
    end
    return nil
end

-- { ["docker.io"] = { "https://a", "https://b" } } or one URL instead of the list.
local function accept_mirrors(value)
    local mirrors <const> = {}
    if type(value) ~= "table" then
        return nil, ("expected a table of registries, not a %s"):format(type(value))
    end
    for registry, urls in pairs(value) do
        mirrors[registry] = {}
        for i, url in ipairs(type(urls) == "table" and urls or { urls }) do
            local why <const> = check_mirror(registry, url)
            if why then
                return nil, why
            end
            mirrors[registry][i] = url
        end
    end
    return mirrors
end

local function parse_mirrors(text)
    local mirrors <const> = {}
    for part in text:gmatch "[^,]+" do
        local registry <const>, url <const> = part:match "^([^=]*)=(.*)$"
        local why <const> = check_mirror(registry or part, url)
        if why then
            return nil, why
        end
        mirrors[registry] = mirrors[registry] or {}
        table.insert(mirrors[registry], url)
    end
    return mirrors
end

local function show_mirrors(mirrors)
    local parts <const>, names <const> = {}, {}
    for registry in pairs(mirrors) do
        names[#names + 1] = registry
    end
    table.sort(names)
    for _, registry in ipairs(names) do
        for _, url in ipairs(mirrors[registry]) do
            parts[#parts + 1] = registry .. "=" .. url
        end
    end
    return table.concat(parts, ",")
end

-- Where to look for the images of a registry first.
M.mirrors = define {
    expected = "mirrors as REGISTRY=URL", separator = ",",
    type = "table<string, string[]>",
    accept = accept_mirrors, parse = parse_mirrors, show = show_mirrors,
}

return M
