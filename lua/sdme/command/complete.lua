-- What the completion of a shell asks for each time: the names of what there is.

local listing <const> = require "sdme.listing"

local NAMES <const> = {
    container = function()
        local store <const> = require "sdme.store"
        return require("sdme.core").file.list(store.path "containers") or {}
    end,
    rootfs = function()
        return require("sdme.rootfs").names()
    end,
    pod = function()
        return require("sdme.pod").names()
    end,
    secret = function()
        return require("sdme.core").file.list(require("sdme.store").path "secrets") or {}
    end,
    exported = function()
        local names <const> = require("sdme.container").names()
        for _, name in ipairs(require("sdme.rootfs").names()) do
            names[#names + 1] = "fs:" .. name
        end
        return names
    end,
}

return {
    name = "__complete",
    summary = "print names for the completion of a shell",
    anyone = true,
    operands = { { name = "KIND", optional = true } },
    run = function(arguments)
        -- Whoever presses Tab wants names, and no reasons why there are none.
        local ok, names = pcall(NAMES[arguments.kind] or function() return {} end)
        for _, name in ipairs(ok and names or {}) do
            listing.write(name, "\n")
        end
    end,
}
