local several <const> = require "sdme.command.several"

return several {
    name = "disable",
    summary = "don't start containers when the host boots",
    options = {},
    each = function(container)
        container:disable()
    end,
}
