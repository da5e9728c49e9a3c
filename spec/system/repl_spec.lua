-- Containers at the prompt, as somebody types them.

local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local terminal <const> = require "spec.support.terminal"

describe("at the prompt", function()
    local environment

    before_each(function()
        environment = {
            TERM = "xterm", NO_COLOR = "1", PATH = os.getenv "PATH", HOME = scratch.directory(),
            SDME_DATADIR = sdme.datadir(),
        }
    end)

    after_each(sdme.clean)

    local function talk(dialogue)
        return terminal.talk({ sdme.program, "repl" }, environment, dialogue)
    end

    it("a container is made, used and removed", function()
        local _ <const>, ended <const> = talk {
            { "> $", "c = sdme.new { name = 'web', ephemeral = false }\r" },
            { "> $", "c\r" },
            { '\nsdme.Container "web" %(running%)\n> $', "c:exe\t { 'hostname' }\r" },
            { 'stdout = "web\\n".*> $', "sdme.container 'w\t'\r" },
            { '\nsdme.Container "web" %(running%)\n> $', "sdme.containers()\r" },
            { '\n{ sdme.Container "web" %(running%) }\n> $', "c:stop()\r" },
            { "> $", "c\r" }, { '\nsdme.Container "web" %(stopped%)\n> $', "c:remove()\r" },
            { "> $", "c:start()\r" },
            { "\nsdme: there is no container web\nhint: [^\n]+\n> $", "\4" },
        }
        assert.equal(0, ended.code)
        assert.equal("", sdme.traces())
    end)

    it("Ctrl-C stops a command in a container, and not the container or the session", function()
        sdme.ok("create", "--name", "web", "--started")
        local _ <const>, ended <const> = talk {
            { "> $", "c = sdme.container 'web'\r" },
            { "> $", "print 'sleeping' c:exec { 'sleep', '1000' }\r" }, { "\nsleeping\n$", "\3" },
            { "%^C.*\n> $", "c:status()\r" }, { '\n"running"\n> $', "\4" },
        }
        assert.equal(0, ended.code)
    end)

    it("Ctrl-C stops a boot, and leaves nothing half made", function()
        talk {
            { "> $", "print 'booting' sdme.new { name = 'web' }\r" }, { "\nbooting\n", "\3" },
            { "\nsdme: interrupted.*\n> $", "#sdme.containers()\r" },
            { "\n[01]\n> $", "\4" },
        }
        assert.equal("", sdme.run("ps", "--json").err)
    end)

    it("Ctrl-C is a command's as soon as that runs", function()
        sdme.ok("create", "--name", "web", "--started")
        talk {
            { "> $", "c = sdme.container 'web'\r" },
            { "> $", "c:exec { 'sh', '-c', 'echo up; exec sleep 1000', stdout = io.stdout }\r" },
            { "\nup\n$", "\3" }, { "signal = 2.*\n> $", "\4" },
        }
    end)

    it("Ctrl-C stops all that is done side by side", function()
        sdme.ok("create", "--name", "one", "--started")
        sdme.ok("create", "--name", "two", "--started")
        talk {
            { "> $", "function nap(name) return function() "
                .. "sdme.container(name):exec { 'sleep', '1000' } end end\r" },
            { "> $", "print 'sleeping' sdme.all(nap 'one', nap 'two')\r" },
            { "\nsleeping\n$", "\3" }, { "%^C.*\n> $", "1 + 1\r" }, { "\n2\n> $", "\4" },
        }
    end)
end)
