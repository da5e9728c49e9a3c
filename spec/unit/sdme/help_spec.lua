local help <const> = require "sdme.help"
local kind <const> = require "sdme.kind"
local setting <const> = require "sdme.setting"
local text <const> = require "sdme.text"

local function text_of(command, path)
    return help.text(command, path or "sdme " .. command.name, function(entry) return entry end)
end

describe("sdme.help", function()
    it("shows usage, what it does, operands, options and examples", function()
        assert.equal([[
Usage: sdme start [OPTIONS] NAMES...|--all

Start containers, and wait until they are up.

Each is started by its service. What it takes is told one by one, and a failure
of one of them doesn't keep the others from starting.

Operands:
  NAMES  containers, or how their names begin

Options:
  -a, --all              all containers
  -t, --timeout SECONDS  how long the boot may take, before it is given up and
                         the container is stopped (default: 60)
      --app[=APP]        of an app
  -v, --verbose          say more, and where an error comes from
  -h, --help             show this help

Examples:
  sdme start -t 5 web db
      start both side by side
]], text_of {
            name = "start",
            summary = "start containers, and wait until they are up",
            description = "Each is started by its service. What it takes is told one by one, and a"
                .. " failure of one of them doesn't keep the others from starting.",
            operands = {
                { name = "NAMES", many = true, unless = "all",
                    help = "containers, or how their names begin" },
            },
            options = {
                { long = "all", short = "a", help = "all containers" },
                { long = "timeout", short = "t", value = "SECONDS", kind = kind.seconds,
                    default = 60, help = "how long the boot may take, before it is given up and "
                    .. "the container is stopped" },
                { long = "app", value = "APP", optional = true, help = "of an app" },
            },
            examples = { { "sdme start -t 5 web db", "start both side by side" } },
        })
    end)

    it("shows in the usage line which operands are needed", function()
        local function usage(...)
            return help.usage({ operands = { ... } }, "sdme do")
        end
        assert.equal("sdme do [OPTIONS] NAME", usage { name = "NAME" })
        assert.equal("sdme do [OPTIONS] NAME [CMD...]",
            usage({ name = "NAME" }, { name = "CMD", optional = true, many = true }))
        assert.equal("sdme do [OPTIONS] [-- CMD...]",
            usage { name = "CMD", optional = true, many = true, separated = true })
    end)

    it("lists commands, but no hidden ones", function()
        local shown <const> = text_of {
            name = "pod", summary = "pods", subcommands = {
                { name = "new", summary = "make a pod" },
                { name = "secret", summary = "x", hidden = true },
                { name = "ls", summary = "list pods" },
            },
        }
        assert.matches("^Usage: sdme pod %[OPTIONS%] COMMAND %.%.%.\n\nPods%.\n", shown)
        assert.matches("\nCommands:\n  new  make a pod\n  ls   list pods\n", shown)
        assert.not_matches("secret", shown)
    end)

    it("puts options under their headings, aligned over all of them", function()
        local shown <const> = text_of {
            name = "create", summary = "make a container", options = setting.options "create",
        }
        local headings <const> = {}
        for heading in shown:gmatch "\n(%u%l+):\n" do
            headings[#headings + 1] = heading
        end
        assert.same({
            "Container", "Limits", "Network", "Security", "Applications", "Boot", "Options",
        }, headings)
        local first <const>, last <const> = shown:match "\n(      %-%-memory SIZE +)memory",
            shown:match "\n(  %-h, %-%-help +)show this help\n"
        assert.equal(#first, #last)
    end)

    it("is never wider than a terminal", function()
        for _, command in ipairs { "create", "new", "set" } do
            local shown <const> = text_of {
                name = command, summary = "x", options = setting.options(command),
            }
            for line in shown:gmatch "[^\n]+" do
                assert.is_true(text.width(line) <= 80, line)
                assert.not_matches("%s$", line)
            end
        end
    end)

    it("shows the defaults that the parser doesn't fill in too", function()
        local shown <const> = text_of {
            name = "create", summary = "x", options = setting.options "create",
        }
        assert.matches("%-%-tasks N .-%(default: 16384%)", shown)
    end)
end)
