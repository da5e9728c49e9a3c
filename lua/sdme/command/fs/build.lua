local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"
local script <const> = require "sdme.script"

-- Of several recipes in a file, the one of that name is meant.
local function choose(recipes, name, file)
    for _, recipe in ipairs(#recipes > 1 and recipes or {}) do
        if recipe.name == name then
            return recipe
        end
    end
    if #recipes ~= 1 then
        fault.raise("EINVAL", "return sdme.recipe { ... }", "%s returns %s", file,
            #recipes == 0 and "no recipe" or "several recipes, and none that is called " .. name)
    end
    return recipes[1]
end

return {
    name = "build",
    summary = "make a root filesystem by a recipe",
    description = "The recipe is a Lua script that returns `sdme.recipe { ... }`. Steps that were"
        .. " done before, on the same state with the same doing, aren't done again. A build that"
        .. " fails keeps the steps that it has finished, and NAME@STEP is a root filesystem for"
        .. " `sdme new`: what the last build of NAME had made after that step. Prints the name.",
    operands = {
        { name = "NAME", kind = kind.name, help = "what the root filesystem is to be called" },
        { name = "FILE", kind = kind.file, help = "the recipe; - is stdin" },
        { name = "ARGS", optional = true, many = true, help = "arguments of the recipe" },
    },
    options = {
        { long = "force", short = "f",
            help = "replace one of that name, once the new one is complete" },
        { long = "no-cache", help = "run every step again, and fetch again what it begins with" },
        { long = "why", help = "say what each step's key is made of, and what of it has changed" },
    },
    examples = {
        { "sdme fs build web web.lua", "then: sdme new -r web" },
        { "sdme fs build web web.lua -f --why", "what is done again, and why" },
    },
    run = function(arguments)
        local recipes <const> = script.find(require("sdme.recipe").is,
            script.run(arguments.file, arguments.args))
        local made <const> = choose(recipes, arguments.name, arguments.file):build {
            name = arguments.name, force = arguments.force, no_cache = arguments.no_cache,
            why = arguments.why, arg = arguments.args or {},
        }
        listing.write(made.name, "\n")
    end,
}
