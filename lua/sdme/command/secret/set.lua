local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local secret <const> = require "sdme.secret"
local task <const> = require "sdme.task"

-- One line, which the terminal doesn't show.
local function ask(name)
    io.stderr:write(("value of %s: "):format(name))
    local _ <close> = fault.check(core.pty.hide(0))
    local chunks <close> = fault.check(core.stream.chunks(0))
    local line = ""
    while not line:find "\n" do
        local more <const> = fault.check(task.await(chunks))
        if more == "" then
            break
        end
        line = line .. more
    end
    return (line:gsub("\n.*", ""))
end

local function read(name, from)
    if from and from ~= "-" then
        return fault.check(core.file.read(from, { max = secret.longest }))
    elseif from or not core.pty.isatty(0) then
        return fault.check(task.await(core.stream.reader(0, { max = secret.longest })))
    end
    return ask(name)
end

return {
    name = "set",
    summary = "make a secret, or give it another value",
    description = "The value is all of the file or of stdin, to the byte: printf rather than echo"
        .. " writes no line end. At a terminal it is asked for, and not shown. Containers get it"
        .. " when they start the next time.",
    operands = {
        { name = "NAME", kind = kind.secret, help = "name of the secret" },
        { name = "FILE", kind = kind.file, optional = true,
            help = "what has the value; - is stdin" },
    },
    options = {},
    examples = {
        { "printf %s \"$PASSWORD\" | sdme secret set pg", "for `--secrets pg` of a container" },
    },
    run = function(arguments)
        secret.new(arguments.name):set(read(arguments.name, arguments.file))
    end,
}
