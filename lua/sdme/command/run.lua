local fault <const> = require "sdme.fault"
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

local COLUMNS <const> = {
    { name = "ACTION", key = "action" }, { name = "KIND", key = "kind" },
    { name = "NAME", key = "name" }, { name = "WHY", key = "why" },
}

local function show_plans(definitions, arguments)
    local steps <const> = {}
    for _, definition in ipairs(definitions) do
        local plan <const> = definition:plan()
        table.move(plan, 1, #plan, #steps + 1, steps)
    end
    listing.show(COLUMNS, steps, arguments.json)
end

-- Brings up the pods that a script has described, and prints what they are called.
local function bring_up(definitions, arguments)
    if arguments.dry_run or arguments.json then
        return show_plans(definitions, arguments)
    end
    for _, definition in ipairs(definitions) do
        listing.write(definition:up().name, "\n")
    end
end

local function check_dry_run(arguments, recipes)
    if arguments.json and not arguments.dry_run then
        fault.usage "--json needs --dry-run"
    elseif arguments.dry_run and #recipes > 0 then
        fault.usage "--dry-run is for pods, and the script has recipes"
    end
end

return {
    name = "run",
    summary = "run a Lua script; build or bring up what it returns",
    description = "The script has `require \"sdme\"`, and the arguments in `arg`. What it returns"
        .. " is our status if it is a number; recipes that it returns are built, side by side, and"
        .. " then the pods that it describes brought up: what is as described already stays. A"
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
        { long = "dry-run", help = "print what would be done to bring up the pods" },
        { long = "json", help = "the same as a JSON document" },
    },
    stop_at_operand = "FILE",
    anyone = true,
    run = function(arguments)
        local results <const> = table.pack(script.run(arguments.file, arguments.args))
        local function find(module)
            return script.find(require(module).is, table.unpack(results, 1, results.n))
        end
        local recipes <const>, definitions <const> =
            find "sdme.recipe", find "sdme.pod.definition"
        check_dry_run(arguments, recipes)
        if #recipes > 0 then
            build(recipes, arguments)
        end
        if #definitions > 0 then
            bring_up(definitions, arguments)
        end
        return math.type(results[1]) == "integer" and results[1] or 0
    end,
}
