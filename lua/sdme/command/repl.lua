local kind <const> = require "sdme.kind"

return {
    name = "repl",
    summary = "type Lua at a prompt",
    description = "Takes an expression, whose values are shown, or statements; `sdme` is there, and"
        .. " help() says more. Tab completes, Ctrl-C stops what runs, Ctrl-D leaves. From a pipe"
        .. " lines are read without a prompt, up to the first that fails.",
    options = {
        { long = "execute", short = "e", value = "CODE", kind = kind.argument, many = true,
            help = "run this as if it had been typed, and no prompt without --interactive" },
        { long = "interactive", short = "i", value = "FILE", kind = kind.file,
            help = "run this script first; its globals stay" },
    },
    anyone = true,
    examples = {
        { "sdme repl -e 'sdme.containers()'" },
    },
    run = function(arguments)
        return require("sdme.repl").session {
            file = arguments.interactive, code = arguments.execute,
        }
    end,
}
