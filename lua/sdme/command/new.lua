local container <const> = require "sdme.container"
local listing <const> = require "sdme.listing"
local setting <const> = require "sdme.setting"

return {
    name = "new",
    summary = "make a container, start it, and open a shell or run a command in it",
    description = "What the command ends with is the status of `sdme new`. The container stays"
        .. " unless it is --ephemeral.",
    operands = {
        { name = "CMD", optional = true, many = true, separated = true,
            help = "instead of a login shell" },
    },
    options = setting.options "new",
    examples = {
        { "sdme new --ephemeral", "a throw-away clone of this host" },
        { "sdme new -u -- apt-get install -y nginx", "try it where it can do no harm" },
    },
    run = function(arguments)
        local made <const> = container.new(setting.pick(arguments, "new"), true)
        listing.notes(made.notes)
        io.stderr:write(("%s is up after %.2f s\n"):format(made.name, made.boot_seconds))
        local function enter()
            return made:shell { user = arguments.user, argv = arguments.cmd }
        end
        if not made:settings().ephemeral then
            return enter():status()
        end
        local guard <close> = made
        return enter():status(guard)
    end,
}
