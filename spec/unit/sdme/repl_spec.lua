local command_line <const> = require "spec.support.command_line"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local terminal <const> = require "spec.support.terminal"

local function write(text)
    local path <const> = scratch.directory() .. "/input"
    local file <close> = assert(io.open(path, "w"))
    file:write(text)
    return path
end

local function repl(...)
    return command_line.run { "repl", ... }
end

-- What the prompt makes of lines that come from a pipe.
local function pipe(lines, ...)
    return command_line.run({ "repl", ... }, { before = ("io.input(%q)"):format(write(lines)) })
end

describe("sdme repl -e", function()
    before_each(command_line.needs_core)
    after_each(scratch.clean)

    it("shows the values of an expression", function()
        local result <const> = repl("-e", '{ "a", b = 1 }')
        assert.same({ 0, '{ "a", b = 1 }\n', "" }, { result.status, result.stdout, result.stderr })
    end)

    it("shows nothing where there are none", function()
        assert.equal("", repl("-e", "x = 1").stdout)
    end)

    it("keeps globals, locals and the last result from one to the next", function()
        assert.equal("5\n6\n", repl("-e", "local x = 5", "-e", "x", "-e", "_ + 1").stdout)
    end)

    it("has sdme, and help", function()
        assert.matches("^%d+%.%d+%.%d+\n", repl("-e", "print(sdme.version)").stdout)
        assert.matches("Ctrl%-D leaves", repl("-e", "help()").stdout)
    end)

    it("ends with 1 at the first that fails", function()
        local result <const> = repl("-e", "print(1)", "-e", 'error "no"', "-e", "print(2)")
        assert.same({ 1, "1\n", "sdme: repl:1: no\n" },
            { result.status, result.stdout, result.stderr })
    end)

    it("says what is wrong with code that doesn't compile", function()
        local result <const> = repl("-e", "for")
        assert.same({ 1, "sdme: repl:1: <name> expected near <eof>\n" },
            { result.status, result.stderr })
    end)

    it("ends with the status of a fault, and shows its hint", function()
        local result <const> = repl("-e", 'sdme.container "Nobody"')
        assert.equal(1, result.status)
        assert.matches("^sdme: there is no container Nobody\nhint: ", result.stderr)
        assert.equal(2, repl("-e", "sdme.container(1)").status)
    end)

    it("shows the lines of the user that led to an error, and no others", function()
        local result <const> = repl("-e", "function f() local x = nil; return x.y end\n"
            .. "function g() sdme.all(f) end\nfunction h() f() end\nh()")
        assert.equal("sdme: repl:1: attempt to index a nil value (local 'x')\n"
            .. "  repl:1: in global 'f'\n  repl:3: in global 'h'\n  repl:4: in main chunk\n",
            result.stderr)
    end)

    it("shows what was raised, whatever it is", function()
        assert.equal("sdme: { code = 1 }\n", repl("-e", "error { code = 1 }").stderr)
        assert.equal("sdme: nil\n", repl("-e", "error(nil)").stderr)
        assert.equal("sdme: \\x1b[2J\n", repl("-e", "error('\\27[2J', 0)").stderr)
        assert.equal("sdme: an empty message\n", repl("-e", "error('', 0)").stderr)
    end)
end)

describe("sdme repl on a pipe", function()
    before_each(command_line.needs_core)
    after_each(scratch.clean)

    it("runs lines without a prompt", function()
        local result <const> = pipe "x = 2\nx * 3\n\nfor i = 1, 2 do\n  print(i)\nend\n"
        assert.same({ 0, "6\n1\n2\n", "" }, { result.status, result.stdout, result.stderr })
    end)

    it("ends at the first error", function()
        local result <const> = pipe "print(1)\nnothing.x = 1\nprint(2)\n"
        assert.same({ 1, "1\n" }, { result.status, result.stdout })
        assert.matches("^sdme: repl:1: attempt to index a nil value", result.stderr)
    end)

    it("needs the last chunk to be complete", function()
        local result <const> = pipe "print(1)\nfor i = 1, 2 do\n"
        assert.same({ 1, "1\n", "sdme: repl:2: 'end' expected near <eof>\n" },
            { result.status, result.stdout, (result.stderr:gsub(" %(to close.-%)", "")) })
    end)

    it("takes a last line without its newline", function()
        assert.equal("3\n", pipe("1 + 2").stdout)
    end)

    it("is quiet when there is nothing", function()
        local result <const> = pipe ""
        assert.same({ 0, "", "" }, { result.status, result.stdout, result.stderr })
    end)
end)

describe("sdme repl -i", function()
    before_each(command_line.needs_core)
    after_each(scratch.clean)

    it("runs a script first, whose globals stay", function()
        local script <const> = write "greeting = 'hello'\nlocal hidden = 1"
        assert.equal('"hello"\nnil\n', pipe("greeting\nhidden\n", "-i", script).stdout)
    end)

    it("runs code between the script and what is typed", function()
        assert.equal("2\n3\n", pipe("x + 1\n", "-i", write "x = 1", "-e", "x = 2 return x").stdout)
    end)

    it("ends with a script that fails", function()
        local result <const> = pipe("print(1)\n", "-i", write "error 'no'")
        assert.same({ 1, "" }, { result.status, result.stdout })
        assert.matches("^sdme: .*/input:1: no\n", result.stderr)
    end)

    it("says that there is no such script", function()
        assert.matches("^sdme: run /nowhere.lua: .*No such file", repl("-i", "/nowhere.lua").stderr)
    end)
end)

local SDME <const> = (os.getenv "BUILD" or "build") .. "/bin/sdme"

describe("sdme repl at a terminal", function()
    local environment

    before_each(function()
        needs.program "script"
        environment = {
            TERM = "xterm", NO_COLOR = "1", PATH = os.getenv "PATH", HOME = scratch.directory(),
            SDME_DATADIR = scratch.directory(),
        }
    end)

    after_each(scratch.clean)

    -- The last of `dialogue` leaves, unless it says otherwise.
    local function talk(dialogue, ...)
        return terminal.talk({ SDME, "repl", ... }, environment, dialogue)
    end

    local LEAVE <const> = { "> $", "\4" }

    it("answers what is typed, and leaves at Ctrl-D", function()
        local shown <const>, ended <const> = talk { { "> $", "20 + 1\r" }, { "\n21\n> $", "\4" } }
        assert.matches("\n21\n", shown)
        assert.equal(0, ended.code)
    end)

    it("asks for more lines with another prompt", function()
        local shown <const> = talk {
            { "> $", "for i = 4, 5 do\r" }, { ">> $", "print(i * 11)\r" }, { ">> $", "end\r" },
            { "\n44\n55\n> $", "\4" },
        }
        assert.matches("\n44\n55\n", shown)
    end)

    it("goes on after an error", function()
        local _ <const>, ended <const> = talk {
            { "> $", "error 'no'\r" }, { "sdme: repl:1: no\n> $", "6 * 7\r" },
            { "\n42\n> $", "\4" },
        }
        assert.equal(0, ended.code)
    end)

    it("drops the line at Ctrl-C, and all lines of what wasn't complete", function()
        local _ <const>, ended <const> = talk {
            { "> $", "error 'x'\3" }, { "%^C\n> $", "if true then\r" }, { ">> $", "print\3" },
            { "%^C\n> $", "6 * 7\r" }, { "\n42\n> $", "\4" },
        }
        assert.equal(0, ended.code)
    end)

    it("stops a call that loops at Ctrl-C, every time", function()
        local loop <const> = "print 'running' while true do end\r"
        local _ <const>, ended <const> = talk {
            { "> $", loop }, { "\nrunning\n$", "\3" }, { "sdme: interrupted\n> $", loop },
            { "\nrunning\n$", "\3" }, { "sdme: interrupted\n> $", "6 * 7\r" },
            { "\n42\n> $", "\4" },
        }
        assert.equal(0, ended.code)
    end)

    it("stops a call that waits at Ctrl-C", function()
        local _ <const>, ended <const> = talk {
            { "> $", "print 'waiting' sdme.task.sleep(1000)\r" }, { "\nwaiting\n$", "\3" },
            { "sdme: interrupted\n> $", "6 * 7\r" }, { "\n42\n> $", "\4" },
        }
        assert.equal(0, ended.code)
    end)

    it("stops a loop beside others at Ctrl-C", function()
        local _ <const>, ended <const> = talk {
            { "> $", "sdme.all(function() print 'running' while true do end end)\r" },
            { "\nrunning\n$", "\3" }, { "sdme: interrupted\n> $", "6 * 7\r" },
            { "\n42\n> $", "\4" },
        }
        assert.equal(0, ended.code)
    end)

    it("stops what waits beside a loop at Ctrl-C, too", function()
        local _ <const>, ended <const> = talk {
            { "> $", "function loop() print 'running' while true do end end\r" },
            { "> $", "function nap() sdme.task.sleep(1000) end\r" },
            { "> $", "sdme.all(nap, loop, nap)\r" }, { "\nrunning\n$", "\3" },
            { "sdme: interrupted\n> $", "6 * 7\r" }, { "\n42\n> $", "\4" },
        }
        assert.equal(0, ended.code)
    end)

    it("stops a loop that resumes others at Ctrl-C", function()
        local _ <const>, ended <const> = talk {
            { "> $", "f = coroutine.wrap(function() while true do coroutine.yield() end end)\r" },
            { "> $", "print 'running' while true do f() end\r" }, { "\nrunning\n$", "\3" },
            { "sdme: interrupted\n> $", "6 * 7\r" }, { "\n42\n> $", "\4" },
        }
        assert.equal(0, ended.code)
    end)

    it("ends when it is asked to by SIGTERM", function()
        local _ <const>, ended <const> = talk {
            { "> $", "local core = sdme.core\r" },
            { "> $", "sdme.task.await(core.process.spawn { argv = { 'kill', '-TERM', "
                .. "tostring(core.process.identity().pid) } }:wait())\r" },
        }
        assert.equal(143, ended.code)
    end)

    it("ends after a call that SIGTERM came too late for, and at the prompt", function()
        local TERM <const> = "%s sdme.core.process.spawn { argv = { 'sh', '-c', '%s kill -TERM '"
            .. " .. sdme.core.process.identity().pid } }%s\r"
        local late <const> = "for i = 1, 1e7 do end"
        local _ <const>, ended <const> = talk { { "> $", TERM:format("p =", "", late) } }
        assert.equal(143, ended.code)
        local _ <const>, idle <const> = talk { { "> $", TERM:format("p =", "sleep 0.3;", "") } }
        assert.equal(143, idle.code)
    end)

    it("completes at Tab, and lists what there is to choose from", function()
        local shown <const> = talk {
            { "> $", "spec_first, spec_fine = 1, 2\r" }, { "> $", "sp\t" }, { "spec_fi", "\t" },
            { "\nspec_fine +spec_first\n.*> .*spec_fi", "rs\t + 40\r" }, { "\n41\n> $", "\4" },
        }
        assert.matches("\n41\n", shown)
    end)

    it("completes in lines after the first", function()
        talk { { "> $", "sdme.\r" }, { ">> $", "vers\t\r" }, { "\n\"%d.*> $", "\4" } }
    end)

    it("brings back what was typed, in the next session too", function()
        talk { { "> $", "21 * 2\r" }, { "\n42\n> $", "\4" } }
        local shown <const> = talk { { "> $", "\27[A\r" }, { "\n42\n> $", "\4" } }
        assert.matches("21 %* 2", shown)
        assert.equal("21 * 2", shell.run("cat %s/.local/state/sdme/history", environment.HOME))
    end)

    it("edits characters of UTF-8 as such", function()
        talk { { "> $", "#'a€\127é'\r" }, { "\n3\n> $", "\4" } }
    end)

    it("prompts after a script that failed", function()
        local script <const> = write "x = 42 error 'no'"
        local _ <const>, ended <const> =
            talk({ { "no\n> $", "x\r" }, { "\n42\n> $", "\4" } }, "-i", script)
        assert.equal(0, ended.code)
    end)

    it("colours what it shows, unless NO_COLOR is set", function()
        environment.NO_COLOR = nil
        talk { { "> $", "41 + 1\r" }, { "\27%[33m42\27%[0m\n> $", "\4" } }
    end)

    it("has a line alone where the terminal can do nothing", function()
        environment.TERM = "dumb"
        local shown <const> = talk { { "> $", "6 * 7\r" }, { "\n42\n> ?", "\4" } }
        assert.matches("\n42\n", shown)
    end)

    it("says goodbye by a new line", function()
        assert.matches("\n$", (talk { LEAVE }))
    end)
end)
