local command_line <const> = require "spec.support.command_line"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

-- Commands of every sort, and two of those that there are.
local COMMANDS <const> = [==[
    local commands = require "sdme.command"
    local fault = require "sdme.fault"
    for i = #commands, 1, -1 do
        if commands[i].name ~= "config" and commands[i].name ~= "help" then
            table.remove(commands, i)
        end
    end
    local function add(command)
        command.summary = command.summary or "do a thing"
        commands[#commands + 1] = command
    end
    add { name = "greet", anyone = true,
        operands = { { name = "NAMES", many = true } },
        options = { { long = "loud", help = "" } },
        run = function(arguments)
            io.write(table.concat(arguments.names, "+"), arguments.loud and "!" or "", "\n")
            return #arguments.names == 3 and 42 or nil
        end }
    add { name = "rooted", run = function() io.write "did it\n" end }
    add { name = "secretly", hidden = true, anyone = true, run = function() end }
    add { name = "fails", anyone = true, operands = { { name = "CODE" } },
        run = function(arguments)
            io.write "before\n"
            error(fault.new { message = "it \27[2J failed", hint = "mend it",
                code = arguments.code, signal = arguments.code == "EINTR" and 15 or nil,
                status = arguments.code == "OWN" and 77 or nil }, 0)
        end }
    add { name = "defective", anyone = true, run = function() return #nil end }
    add { name = "group", options = { { long = "quick", help = "" } }, subcommands = {
        { name = "one", anyone = true, summary = "the first", run = function(arguments)
            io.write("one ", tostring(arguments.verbose), "\n")
        end },
        { name = "fails", anyone = true, summary = "", run = function() fault.usage "no" end },
        { name = "two", summary = "the second", run = function() end },
    } }
    add { name = "prints", anyone = true, run = function()
        local listing = require "sdme.listing"
        for i = 1, 100000 do listing.write("line ", tostring(i), "\n") end
    end }
    add { name = "asks", anyone = true, run = function()
        io.write(tostring(require("sdme.cli").confirm("really", "--force")), "\n")
    end }
    add { name = "configured", anyone = true, run = function()
        local config = require "sdme.config"
        io.write(config.get "datadir", " ", config.get "boot_timeout", "\n")
    end }
]==]

local function sdme(...)
    return command_line.run({ ... }, { before = COMMANDS })
end

describe("the command line", function()
    after_each(scratch.clean)

    it("runs a command with its arguments", function()
        local result <const> = sdme("greet", "ann", "--loud", "bob")
        assert.same({ 0, "ann+bob!\n", "" }, { result.status, result.stdout, result.stderr })
    end)

    it("ends with the status that the command gives", function()
        assert.equal(42, sdme("greet", "a", "b", "c").status)
    end)

    it("needs a command", function()
        local result <const> = sdme()
        assert.equal(2, result.status)
        assert.equal("sdme: sdme needs a command\nhint: see `sdme --help`\n", result.stderr)
        assert.equal("", result.stdout)
    end)

    it("names the nearest of an unknown command", function()
        local result <const> = sdme "grete"
        assert.equal(2, result.status)
        assert.equal("sdme: unknown command 'grete'; did you mean greet?\n"
            .. "hint: see `sdme --help`\n", result.stderr)
        assert.equal("sdme: unknown command '\\x1b'\nhint: see `sdme --help`\n",
            sdme("\27").stderr)
    end)

    it("refuses wrong arguments with status 2 and a hint", function()
        local result <const> = sdme("greet", "--lout", "x")
        assert.equal(2, result.status)
        assert.equal("sdme: unknown option --lout; did you mean --loud?\n"
            .. "hint: see `sdme greet --help`\n", result.stderr)
    end)

    it("goes down to subcommands", function()
        assert.equal("one nil\n", sdme("group", "--quick", "one").stdout)
        for _, words in ipairs { { "-v", "group", "one" }, { "group", "-v", "one" },
            { "group", "one", "-v" } } do
            assert.equal("one true\n", sdme(table.unpack(words)).stdout)
        end
        assert.equal("sdme: sdme group needs a command\nhint: see `sdme group --help`\n",
            sdme("group").stderr)
        assert.equal("sdme: unknown command 'tow'; did you mean two?\n"
            .. "hint: see `sdme group --help`\n", sdme("group", "tow").stderr)
    end)

    describe("failure", function()
        it("is told on stderr, with its hint, and gives status 1", function()
            local result <const> = sdme("fails", "EIO")
            assert.equal(1, result.status)
            assert.equal("sdme: it \\x1b[2J failed\nhint: mend it\n", result.stderr)
            assert.equal("before\n", result.stdout)
        end)

        it("has the status of its code", function()
            assert.equal(2, sdme("fails", "EUSAGE").status)
            assert.equal(143, sdme("fails", "EINTR").status)
            assert.equal(77, sdme("fails", "OWN").status)
        end)

        it("is told with its traceback wherever -v is given", function()
            for _, words in ipairs { { "-v", "fails", "EIO" }, { "fails", "-v", "EIO" },
                { "group", "-v", "fails" } } do
                assert.matches("\nstack traceback:\n", sdme(table.unpack(words)).stderr)
            end
        end)

        it("by a defect is one line, and a traceback with -v", function()
            local result <const> = sdme "defective"
            assert.equal(1, result.status)
            assert.equal("sdme: attempt to get length of a nil value\n", result.stderr)
            assert.matches("^sdme: .*program%.lua:%d+: attempt.*\nstack traceback:\n",
                sdme("-v", "defective").stderr)
        end)
    end)

    describe("root", function()
        local function as_nobody(...)
            needs.root()
            needs.program "setpriv"
            needs.that(
                shell.succeeds "setpriv --reuid 65534 --clear-groups -- test -r lua/sdme/cli.lua",
                "a checkout that others can read")
            return command_line.run({ ... }, {
                before = COMMANDS, through = "setpriv --reuid 65534 --clear-groups --",
            })
        end

        it("is needed, but where a command says that it isn't", function()
            local result <const> = as_nobody "rooted"
            assert.equal(1, result.status)
            assert.equal("sdme: sdme rooted needs root\nhint: run it with sudo\n", result.stderr)
            assert.equal("", result.stdout)
            assert.equal("x\n", as_nobody("greet", "x").stdout)
            assert.equal("did it\n", sdme("rooted").stdout)
        end)

        it("isn't needed for help, or to learn that the arguments are wrong", function()
            assert.equal(0, as_nobody("rooted", "--help").status)
            assert.equal(2, as_nobody("rooted", "--bogus").status)
        end)
    end)

    describe("stdout", function()
        it("can be closed by its reader without a word from us", function()
            local result <const> = command_line.run({ "prints" }, {
                before = COMMANDS, through = "env --ignore-signal=PIPE --", reader = "true",
            })
            assert.same({ 141, "" }, { result.status, result.stderr })
        end)

        it("that takes no more is told", function()
            for _, words in ipairs { { "prints" }, { "greet", "x" }, { "--help" } } do
                local result <const> =
                    command_line.run(words, { before = COMMANDS, output = "/dev/full" })
                assert.equal(1, result.status)
                assert.equal("sdme: write stdout: No space left on device\n", result.stderr)
            end
        end)
    end)

    describe("a question", function()
        it("that nobody can answer fails and names the flag", function()
            local result <const> = sdme "asks"
            assert.equal(2, result.status)
            assert.equal("sdme: really: nobody to ask, stdin is no terminal\nhint: give --force\n",
                result.stderr)
        end)
    end)

    describe("global options", function()
        it("choose the configuration and the data directory", function()
            local file <const> = scratch.directory() .. "/sdme.conf"
            shell.run("echo 'boot_timeout = 7 datadir = \"/a\"' >%s", file)
            assert.equal("/a 7\n", sdme("--config", file, "configured").stdout)
            assert.equal("/b 7\n",
                sdme("--config=" .. file, "--datadir", "/b", "configured").stdout)
            assert.matches('^sdme: %-%-datadir: "b" is not an absolute path\nhint: ',
                sdme("--datadir", "b", "configured").stderr)
        end)

        it("end at the command", function()
            assert.equal(2, sdme("configured", "--datadir", "/b").status)
        end)

        it("show the version", function()
            command_line.needs_core()
            assert.matches("^sdme %d+%.%d+%.%d+\n$", sdme("--version").stdout)
            assert.equal(sdme("-V").stdout, sdme("--version").stdout)
        end)
    end)

    describe("help", function()
        it("lists the commands in their order, but no hidden ones", function()
            local result <const> = sdme "--help"
            assert.equal(0, result.status)
            assert.matches("^Usage: sdme %[OPTIONS%] COMMAND %.%.%.\n", result.stdout)
            assert.matches("\n  config  +show or change .*\n  greet  +do a thing\n", result.stdout)
            assert.not_matches("secretly", result.stdout)
        end)

        it("is the same by every way to ask for it", function()
            assert.equal(sdme("-h").stdout, sdme("help").stdout)
            assert.equal(sdme("group", "one", "-h").stdout, sdme("help", "group", "one").stdout)
            assert.equal(sdme("group", "--help").stdout, sdme("help", "group").stdout)
            assert.matches("\n  one    the first\n.*\n  two    the second\n",
                sdme("help", "group").stdout)
        end)

        it("is refused for what doesn't exist", function()
            assert.equal(2, sdme("help", "bogus").status)
            assert.equal("sdme: sdme greet has no commands of its own\n",
                sdme("help", "greet", "x").stderr)
        end)
    end)

    it("loads no other command than the one that runs", function()
        local loaded <const> = command_line.run({ "config", "get", "boot_timeout" }, {
            after = [[
                for name in pairs(package.loaded) do
                    if name:find "^sdme%.command%." then io.write(name, "\n") end
                end
            ]],
        })
        assert.equal("60\nsdme.command.config\n", loaded.stdout)
    end)

    it("raises nothing, whatever the words", function()
        local result <const> = command_line.run({}, {
            before = COMMANDS,
            after = [[
                local cli = require "sdme.cli"
                io.stderr:setvbuf "full"
                local words = { "greet", "group", "one", "fails", "configured", "-v", "--config",
                    "--datadir", "/x", "-h", "--help", "--", "-", "", "\0", "\xff\27", "--loud",
                    "--loud=x", "help", "%s", "config", "get", "boot_timeout", "x y" }
                math.randomseed(6)
                for _ = 1, 500 do
                    local line = {}
                    for i = 1, math.random(0, 5) do line[i] = words[math.random(#words)] end
                    local status = cli.main(line)
                    assert(math.type(status) == "integer" and status >= 0 and status < 256)
                end
                status = 0
            ]],
        })
        assert.equal(0, result.status, result.stderr:sub(-500))
        assert.not_matches("attempt to", result.stderr)
        assert.not_matches("[\0\27\xff]", result.stderr)
    end)
end)
