return {
    name = "__names",
    summary = "keep the names of containers current: what their service runs",
    run = function()
        local fault <const> = require "sdme.fault"
        local ended <const>, why <const> = pcall(require("sdme.names.watch").run)
        if not ended and not fault.is(why, "EINTR") then
            error(why, 0)
        end
    end,
}
