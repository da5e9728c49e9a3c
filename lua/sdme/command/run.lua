local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local script <const> = require "sdme.script"

-- Builds the recipes that a script returned, and prints what they are called.
local function build(recipes, arguments)
    local options <const> = {
        force = arguments.force, no_cache = arguments.no_cache, why = arguments.why,
        arg = arguments.args or {},
    }
    recipes[#recipes + 1] = options
    for _, made in ipairs { require("sdme.recipe").build(table.unpack(recipes)) } do
        listing.write(made.name, "\n")
    end
end

return {
    name = "run",
    summary = "run a Lua script, or build the recipes that it returns",
    description = "The script has `require \"sdme\"`, and the arguments in `arg`. What it returns"
        .. " is our status if it is a number; recipes that it returns are built, side by side. A"
        .. " script may begin with #!/usr/bin/env -S sdme run.",
    operands = {
        { name = "FILE", kind = kind.file, help = "the script; - is stdin" },
        { name = "ARGS", optional = true, many = true,
            help = "arguments of the script, and of its recipes" },
    },
    options = {
        { long = "force", short = "f",
            help = "replace root filesystems of these names, once the new ones are complete" },
        { long = "no-cache", help = "run every step of the recipes again" },
        { long = "why", help = "say what each step's key is made of, and what of it has changed" },
    },
    stop_at_operand = "FILE",
    anyone = true,
    run = function(arguments)
        local results <const> = table.pack(script.run(arguments.file, arguments.args))
        local recipes <const> = script.recipes(table.unpack(results, 1, results.n))
        if #recipes > 0 then
            build(recipes, arguments)
        end
        return math.type(results[1]) == "integer" and results[1] or 0
    end,
}
