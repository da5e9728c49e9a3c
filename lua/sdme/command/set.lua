local container <const> = require "sdme.container"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local setting <const> = require "sdme.setting"

return {
    name = "set",
    summary = "change the settings of a container",
    description = "Only what is named changes; a list is replaced as a whole. An empty value takes"
        .. " a setting away. Limits change at once, the rest when the container starts again.",
    operands = { { name = "NAME", kind = kind.container, help = "the container" } },
    options = setting.options "set",
    examples = {
        { "sdme set web --memory 1G --cpus 2" },
        { "sdme set web --memory ''", "no limit any more" },
    },
    run = function(arguments)
        local changes <const> = setting.pick(arguments, "set")
        if not next(changes) then
            fault.raise("EUSAGE", "see `sdme set --help`", "set: nothing to change was named")
        end
        local found <const> = container.get(arguments.name)
        local later <const> = container.set(found.name, changes, true)
        if #later > 0 then
            io.stderr:write(("%s runs: %s will change when it is restarted\n"):format(found.name,
                table.concat(later, ", ")))
        end
    end,
}
