local completion <const> = require "sdme.completion"
local kind <const> = require "sdme.kind"
local listing <const> = require "sdme.listing"

return {
    name = "completions",
    summary = "print a script that completes command lines in a shell",
    anyone = true,
    operands = {
        { name = "SHELL", kind = kind.choice(completion.shells), help = "bash, zsh or fish" },
    },
    examples = {
        { "sdme completions bash >/etc/bash_completion.d/sdme", "for all users of bash" },
        { "sdme completions zsh >/usr/local/share/zsh/site-functions/_sdme",
            "for all users of zsh" },
        { "sdme completions fish >~/.config/fish/completions/sdme.fish", "for one user of fish" },
    },
    run = function(arguments)
        listing.write(completion.script(arguments.shell))
    end,
}
