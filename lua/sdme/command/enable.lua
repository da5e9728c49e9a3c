local several <const> = require "sdme.command.several"

return several {
    name = "enable",
    summary = "start containers when the host boots",
    options = {},
    each = function(container)
        container:enable()
    end,
}
