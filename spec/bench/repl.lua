-- The budget of the prompt, against that of stock Lua.
-- usage: sdme run spec/bench/repl.lua SDME [RUNS]

package.path = "./?.lua;" .. package.path

local core <const> = require "sdme.core"
local measure <const> = require "spec.bench.measure"
local task <const> = require "sdme.task"

-- The seconds until a program at a terminal, that of script(1), asks for a line.
local function first_prompt(command)
    local began <const> = core.poll.now()
    local process <close> = assert(core.process.spawn {
        argv = { "script", "-qec", "exec " .. command, "/dev/null" },
        env = { TERM = "xterm", HOME = measure.datadir, PATH = os.getenv "PATH" },
        stdin = "pipe", stdout = "pipe",
    })
    local file <close> = assert(io.open("/proc/self/fd/" .. process:stdout():fileno(), "rb"))
    local seen = ""
    file:setvbuf "no"
    while not seen:find "> $" do
        seen = seen .. assert(file:read(1))
    end
    local seconds <const> = core.poll.now() - began
    assert(task.await(core.stream.writer(process:stdin(), "\4")))
    task.await(process:wait())
    return seconds
end

measure.run(function()
    local ours <const>, theirs <const> = measure.measure(measure.runs * 3, function()
        return first_prompt(measure.sdme_program .. " repl")
    end, function()
        return first_prompt "lua5.4 -i"
    end)
    measure.report("first prompt of repl, against lua5.4 -i", ours, theirs)
    measure.report_limit("the same, more than that", ours - theirs, 0.030, measure.milliseconds)
end)
