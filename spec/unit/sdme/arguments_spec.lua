local arguments <const> = require "sdme.arguments"
local fault <const> = require "sdme.fault"
local kind <const> = require "sdme.kind"
local raised <const> = require "spec.support.raised"

local function parser(command)
    command.name = "do"
    return function(...)
        return arguments.parse(command, { ... })
    end
end

local function refusal(parse, ...)
    local what <const> = raised(parse, ...)
    assert.is_true(fault.is(what, "EUSAGE"), tostring(what))
    assert.equal("see `sdme do --help`", what.hint)
    return what.message
end

describe("sdme.arguments", function()
    local parse <const> = parser {
        options = {
            { long = "all", short = "a" },
            { long = "follow", short = "f" },
            { long = "lines", short = "n", value = "N", kind = kind.integer, default = 10 },
            { long = "env", short = "e", value = "K=V", kind = kind.env, many = true },
            { long = "port", value = "P", kind = kind.port, many = true },
            { long = "app", alias = "oci", value = "APP", optional = true },
            { long = "dry-run" },
        },
        operands = {
            { name = "NAME", kind = kind.container },
            { name = "OTHER", optional = true },
        },
    }

    describe("options", function()
        it("take their value as a word of its own or after an equals sign", function()
            assert.equal(5, parse("web", "--lines", "5").lines)
            assert.equal(5, parse("web", "--lines=5").lines)
            assert.equal(5, parse("web", "-n", "5").lines)
            assert.equal(5, parse("web", "-n5").lines)
        end)

        it("take a value that looks like an option", function()
            assert.same({ A = "--lines" }, parse("web", "-e", "A=--lines").env)
            assert.matches('^%-%-lines: "%-5" is not a whole number',
                refusal(parse, "web", "--lines", "-5"))
        end)

        it("keep what follows the first equals sign", function()
            assert.same({ A = "b=c" }, parse("web", "--env=A=b=c").env)
        end)

        it("of one letter can be bundled, the last with a value", function()
            local given = parse("web", "-afn5")
            assert.same({ true, true, 5 }, { given.all, given.follow, given.lines })
            given = parse("web", "-fan", "7")
            assert.same({ true, true, 7 }, { given.all, given.follow, given.lines })
        end)

        it("stand before and after operands", function()
            local given <const> = parse("-a", "web", "-f", "x")
            assert.same({ true, true, "web", "x" },
                { given.all, given.follow, given.name, given.other })
        end)

        it("are absent, or their default, where they aren't given", function()
            local given <const> = parse "web"
            assert.is_nil(given.all)
            assert.equal(10, given.lines)
        end)

        it("are keys with an underscore for a hyphen", function()
            assert.is_true(parse("web", "--dry-run").dry_run)
        end)

        it("given twice count as given last", function()
            assert.equal(6, parse("web", "-n5", "-n6").lines)
        end)

        it("collect, where they are for many", function()
            assert.same({ A = "2", B = "3" }, parse("web", "-eA=1", "-e", "A=2", "--env=B=3").env)
            assert.equal(2, #parse("web", "--port=80", "--port=81").port)
            assert.same({}, parse("web", "--port=80", "--port=").port)
        end)

        it("that are flags take yes or no after an equals sign only", function()
            assert.is_false(parse("web", "--all=no").all)
            assert.equal("no", parse("web", "--all", "no").other)
            assert.equal('--all: expected yes or no, not "x"', refusal(parse, "web", "--all=x"))
            assert.equal('--all: expected yes or no, not ""', refusal(parse, "web", "--all="))
        end)

        it("whose value can be left out take it after an equals sign only", function()
            assert.is_true(parse("web", "--app").app)
            assert.equal("x", parse("web", "--app=x").app)
            assert.same({ true, "x" }, { parse("web", "--app", "x").app,
                parse("web", "--app", "x").other })
        end)

        it("can have another name", function()
            assert.equal("x", parse("web", "--oci=x").app)
        end)

        it("without their value are refused", function()
            assert.equal("--lines needs a value: N", refusal(parse, "web", "--lines"))
            assert.equal("-n needs a value: N", refusal(parse, "web", "-an"))
        end)

        it("with a wrong value are named as they were given", function()
            assert.equal('-n: "x" is not a whole number', refusal(parse, "web", "-nx"))
            assert.equal('--port: "x" is not a port number', refusal(parse, "web", "--port", "x"))
        end)

        it("that don't exist are refused, with the nearest that does", function()
            assert.equal("unknown option --lnies; did you mean --lines?",
                refusal(parse, "web", "--lnies=5"))
            assert.equal("unknown option --xyzzy", refusal(parse, "web", "--xyzzy"))
            assert.equal("unknown option -x", refusal(parse, "web", "-ax"))
            assert.equal("unknown option --", refusal(parse, "web", "--=x"))
        end)
    end)

    describe("help", function()
        it("is asked for anywhere, whatever else is wrong", function()
            for _, words in ipairs { { "-h" }, { "--help" }, { "web", "-h", "--no" }, { "-ah" } } do
                assert.same({ help = true }, parse(table.unpack(words)))
            end
        end)

        it("is not asked for after --", function()
            assert.equal("-h", parse("web", "--", "-h").other)
        end)
    end)

    describe("operands", function()
        it("are checked by their kind", function()
            assert.matches('^NAME: "../x" is not a name', refusal(parse, "../x"))
        end)

        it("are needed unless they are optional", function()
            assert.equal("NAME is missing", refusal(parse))
            assert.is_nil(parse("web").other)
        end)

        it("aren't more than there are", function()
            assert.equal("unexpected 'z'", refusal(parse, "x", "y", "z"))
        end)

        it("come after -- whatever they look like", function()
            assert.same({ "web", "--all" }, { parse("--", "web", "--all").name,
                parse("--", "web", "--all").other })
            assert.equal("-", parse("web", "-").other)
        end)

        it("can be as many as are given", function()
            local many <const> = parser { operands = { { name = "NAMES", many = true } } }
            assert.same({ "a", "b" }, many("a", "b").names)
            assert.equal("NAMES is missing", refusal(many))
            local none <const> = parser { operands = {
                { name = "FIRST" }, { name = "REST", many = true, optional = true },
            } }
            assert.same({}, none("a").rest)
            assert.same({ "b", "c" }, none("a", "b", "c").rest)
        end)

        it("can have an option that stands in for them", function()
            local stop <const> = parser {
                operands = { { name = "NAMES", many = true, unless = "all" } },
                options = { { long = "all", short = "a" } },
            }
            assert.same({ "x" }, stop("x").names)
            assert.same({}, stop("-a").names)
            assert.equal("NAMES or --all is needed", refusal(stop))
            assert.equal("--all takes no NAMES", refusal(stop, "-a", "x"))
        end)
    end)

    describe("a command that runs another", function()
        local exec <const> = parser {
            options = {
                { long = "user", short = "u", value = "USER" },
                { long = "tty", short = "t" },
            },
            operands = { { name = "NAME" }, { name = "CMD", many = true } },
            stop_at_operand = true,
        }

        it("leaves it its options", function()
            local given <const> = exec("-u", "bob", "web", "-t", "ls", "-u", "-t", "--help")
            assert.same({ "bob", true, "web" }, { given.user, given.tty, given.name })
            assert.same({ "ls", "-u", "-t", "--help" }, given.cmd)
        end)

        it("takes one -- before it, and leaves it those that follow", function()
            assert.same({ "-x", "--", "-y" }, exec("web", "--", "-x", "--", "-y").cmd)
            assert.same({ "ls", "--", "-y" }, exec("web", "ls", "--", "-y").cmd)
        end)

        it("needs one", function()
            assert.equal("CMD is missing", refusal(exec, "web", "--"))
        end)

        it("can stop at an operand that it names", function()
            local run <const> = parser {
                operands = { { name = "FILE" }, { name = "ARGS", many = true, optional = true } },
                stop_at_operand = "FILE",
            }
            assert.same({ "-h", "--", "-x" }, run("script.lua", "-h", "--", "-x").args)
            assert.same({ help = true }, run("-h", "script.lua"))
        end)

        it("can want it after -- only", function()
            local new <const> = parser {
                options = { { long = "name", value = "NAME" } },
                operands = { { name = "CMD", many = true, optional = true, separated = true } },
            }
            assert.same({}, new().cmd)
            assert.same({ "ls", "--name", "--" }, new("--name=x", "--", "ls", "--name", "--").cmd)
            assert.equal("unexpected 'web'; CMD comes after --", refusal(new, "web"))
            assert.equal("unexpected 'web'; CMD comes after --", refusal(new, "web", "--", "ls"))
        end)
    end)

    describe("a command that passes options on", function()
        local logs <const> = parser {
            options = {
                { long = "follow", short = "f" },
                { long = "lines", short = "n", value = "N", kind = kind.integer },
            },
            operands = { { name = "NAME" }, { name = "ARGS", many = true, optional = true } },
            pass_unknown = true,
        }

        it("keeps its own, and the others in their order", function()
            local given <const> =
                logs("web", "-u", "cron", "-f", "--since=today", "-n5", "-xe", "--", "-f")
            assert.same({ "web", true, 5 }, { given.name, given.follow, given.lines })
            assert.same({ "-u", "cron", "--since=today", "-xe", "-f" }, given.args)
        end)
    end)

    it("raises nothing but faults of usage, whatever the words", function()
        local words <const> = {
            "web", "-a", "-f", "-n", "-n5", "-afn", "--lines", "--lines=", "--all=", "--all=no",
            "--env", "A=b", "--env=", "--app", "--app=", "--", "-", "", "--=", "---", "-=", "\0",
            "\xff", "--\xff", "-\xff", "%s", "--%d=%s", "80", "--port", "-h", ("x"):rep(5000),
        }
        math.randomseed(4)
        for _ = 1, 5000 do
            local line <const> = {}
            for i = 1, math.random(0, 6) do
                line[i] = words[math.random(#words)]
            end
            local ok, what = pcall(parse, table.unpack(line))
            assert(ok or fault.is(what, "EUSAGE"), tostring(what))
        end
    end)
end)
