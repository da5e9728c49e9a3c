local config <const> = require "sdme.config"
local fault <const> = require "sdme.fault"
local needs <const> = require "spec.support.needs"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

describe("sdme.config", function()
    local file

    before_each(function()
        file = scratch.directory() .. "/sdme.conf"
    end)

    after_each(function()
        scratch.clean()
        config.select {}
    end)

    local function put(text)
        local handle <close> = assert(io.open(file, "wb"))
        assert(handle:write(text))
    end

    local function get()
        local handle <close> = assert(io.open(file, "rb"))
        return handle:read("a")
    end

    local function load(text)
        put(text)
        return config.load { file = file }
    end

    local function refusal(text)
        local what <const> = raised(load, text)
        assert.is_true(fault.is(what, "ECONFIG"), tostring(what))
        return (what.message:gsub("^.*/sdme%.conf", "sdme.conf")), what.hint
    end

    describe("load", function()
        it("reads assignments", function()
            local values <const> = load [[
                -- how long we wait
                boot_timeout = 90; stop_timeout = 1.5
                join_as_sudo_user = false
                host_rootfs_opaque_dirs = {
                    "/var/log/", -- logs
                    '/srv',
                }
                masked_services = "cron,a.timer"
            ]]
            assert.same({ 90, 1.5, false, { "/var/log", "/srv" }, { "cron.service", "a.timer" } }, {
                values.boot_timeout, values.stop_timeout, values.join_as_sudo_user,
                values.host_rootfs_opaque_dirs, values.masked_services,
            })
        end)

        it("fills in what isn't there", function()
            local values <const> = load ""
            assert.equal("/var/lib/sdme", values.datadir)
            assert.equal(60, values.boot_timeout)
            assert.equal(90, values.stop_timeout)
            assert.is_true(values.join_as_sudo_user)
            assert.same({ "/etc/systemd/system", "/var/log" }, values.host_rootfs_opaque_dirs)
            assert.same({ "systemd-resolved.service" }, values.masked_services)
            assert.equal(0x80000, values.userns_base)
            assert.equal(0x6FFF0000, values.userns_base + (values.userns_count - 1) * 65536)
            assert.matches("^/.*sdme$", values.interpreter)
        end)

        it("knows the ways in which Lua writes values", function()
            local values <const> = load('datadir = [==[/a]]b]==] boot_timeout = 0x10 -- "\n'
                .. "--[[ stop_timeout = 1\n]] interpreter = '/\\x61\\z\n   b' --[=[ ]] ]=]\n"
                .. "userns_count = 1e3 userns_base=65536")
            assert.same({ "/a]]b", 16, 90, "/ab", 1000, 65536 }, {
                values.datadir, values.boot_timeout, values.stop_timeout, values.interpreter,
                values.userns_count, values.userns_base,
            })
        end)

        it("names the file, the line and the nearest key of one that doesn't exist", function()
            local message, hint = refusal "boot_timeout = 5\n\nboot_timout = 5\n"
            assert.equal("sdme.conf:3: there is no key 'boot_timout'", message)
            assert.equal("did you mean boot_timeout?", hint)
        end)

        it("names the line of a value of the wrong kind", function()
            assert.equal('sdme.conf:2: datadir: "a" is not an absolute path',
                (refusal 'boot_timeout = 5\ndatadir = "a"'))
            assert.matches("^sdme.conf:1: boot_timeout: expected a number of seconds, not a table",
                (refusal "boot_timeout = {}"))
            assert.matches("^sdme.conf:1: userns_base: 65537 is not a multiple of 65536",
                (refusal "userns_base = 65537"))
        end)

        it("refuses ranges of user ids beyond the last", function()
            assert.equal("sdme.conf: userns_base and userns_count end above the last user id",
                (refusal "userns_base = 0xFFFE0000 userns_count = 2"))
        end)

        it("refuses a key that is given twice", function()
            assert.equal("sdme.conf:3: boot_timeout was already given in line 1",
                (refusal "boot_timeout = 5\n\nboot_timeout = 6"))
        end)

        it("refuses everything that isn't a value", function()
            local unquoted <const> = "'%s' is not a value; a text needs quotes"
            local foreign <const> = "'%s' is not part of a value"
            local wrong <const> = {
                ["join_as_sudo_user = yes"] = unquoted:format "yes",
                ["boot_timeout = os.execute('x')"] = foreign:format ".",
                ["boot_timeout = f()"] = foreign:format "(",
                ["boot_timeout = f'x'"] = unquoted:format "f",
                ["boot_timeout = 5 + 5"] = foreign:format "+",
                ["while true do end"] = unquoted:format "while",
                ["local boot_timeout = 5"] = unquoted:format "local",
                ["::a:: goto a"] = foreign:format ":",
                ["# a comment"] = foreign:format "#" .. "; comments begin with --",
                ["datadir = 'a':rep(1e9)"] = foreign:format ":",
                ["datadir = 'a' .. 'b'"] = foreign:format ".",
                ["boot_timeout, stop_timeout = 1, 2"] = unquoted:format "boot_timeout",
                ["\27Lua"] = foreign:format "\27",
            }
            for text, why in pairs(wrong) do
                assert.equal("sdme.conf:1: " .. why, (refusal(text)))
            end
        end)

        it("names the line of what isn't Lua", function()
            for _, text in ipairs { "\nboot_timeout =", "\nboot_timeout 5", "\n= 5",
                "\nboot_timeout == 5", "\nboot_timeout = 'a", "\nboot_timeout = [[a",
                "\nboot_timeout = 'a\nb'", "\nboot_timeout = { 5", "\nboot_timeout = 0x",
                "\nboot_timeout = 1e+", "\nboot_timeout = '\\q'", "\n--[[ open" } do
                assert.matches("^sdme.conf:%d: ", (refusal(text)))
            end
            assert.matches("^sdme.conf:3: ", (refusal "boot_timeout = {\n5,\n5 5 }"))
        end)

        it("raises nothing but faults, whatever the bytes", function()
            local pieces <const> = {
                "boot_timeout", "datadir", "=", "5", "'", '"', "[[", "]]", "[=[", "--", "\n", " ",
                "{", "}", ",", ";", "\\", "\\z", "-", ".", "e", "0x", "nil", "true", "end", "\0",
                "\xff", "[", "]",
            }
            math.randomseed(5)
            for _ = 1, 2000 do
                local text <const> = {}
                for i = 1, math.random(12) do
                    text[i] = pieces[math.random(#pieces)]
                end
                local ok, what = pcall(load, table.concat(text))
                assert(ok or fault.is(what, "ECONFIG"), tostring(what))
            end
        end)

        it("doesn't miss a file that nobody asked for, but one that somebody did", function()
            local what <const> = raised(config.load, { file = file })
            assert.equal(("read %s: No such file or directory"):format(file), what.message)
            assert.equal("ENOENT", what.code)
        end)

        it("refuses a directory and a file without end", function()
            assert.matches("Is a directory", raised(config.load, { file = "/" }).message)
            assert.matches("larger than", raised(config.load, { file = "/dev/zero" }).message)
        end)
    end)

    describe("get", function()
        it("answers from what was loaded", function()
            load "boot_timeout = 5"
            assert.equal(5, config.get "boot_timeout")
            assert.equal(5, config.get().boot_timeout)
        end)

        it("reads the selected file when it is first asked", function()
            put "boot_timeout = 7"
            config.select { file = file }
            assert.equal(7, config.get "boot_timeout")
            assert.equal(file, config.given_file())
        end)

        it("knows the selected file by its whole path", function()
            local loaded, core = pcall(require, "sdme.core")
            needs.that(loaded and core.file, "core.file")
            config.select { file = "sdme.conf" }
            assert.equal(shell.run "pwd -P" .. "/sdme.conf", config.given_file())
        end)

        it("refuses a key that doesn't exist", function()
            local what <const> = raised(config.get, "boot_timout")
            assert.same({ "EUSAGE", "there is no key 'boot_timout'", "did you mean boot_timeout?" },
                { what.code, what.message, what.hint })
        end)

        it("lets --datadir win over the file", function()
            put 'datadir = "/from/file"'
            config.select { file = file, datadir = "/from/option/" }
            assert.equal("/from/option", config.get "datadir")
            assert.equal("/var/lib/sdme", config.default "datadir")
        end)
    end)

    describe("the environment", function()
        local function datadir(environment, options)
            return shell.run("env " .. environment .. " lua5.4 -e %s", ([[
                local config = require "sdme.config"
                config.select { %s }
                local ok, value = pcall(config.get, "datadir")
                io.write(tostring(value))
            ]]):format(options or ""))
        end

        it("names the file and the data directory", function()
            put 'datadir = "/from/file"'
            assert.equal("/from/file", datadir("SDME_CONFIG=" .. file))
            assert.equal("/from/env", datadir("SDME_DATADIR=/from/env SDME_CONFIG=" .. file))
        end)

        it("gives way to the options", function()
            put 'datadir = "/from/file"'
            assert.equal("/from/file",
                datadir("SDME_CONFIG=/nowhere", ("file = %q"):format(file)))
            assert.equal("/from/option",
                datadir("SDME_DATADIR=/from/env SDME_CONFIG=" .. file, 'datadir = "/from/option"'))
        end)

        it("counts as unset when it is empty", function()
            assert.equal("/var/lib/sdme", datadir "SDME_DATADIR= SDME_CONFIG=")
        end)

        it("is checked", function()
            assert.equal('SDME_DATADIR: "a" is not an absolute path', datadir "SDME_DATADIR=a")
        end)
    end)

    describe("set", function()
        it("makes the file", function()
            config.set(file, "boot_timeout", "90")
            assert.equal("boot_timeout = 90\n", get())
        end)

        it("rewrites the one assignment and keeps the rest to the byte", function()
            put "-- ours\nboot_timeout = 5 -- slow\n\n\tstop_timeout  =  6; datadir = '/a'\n-- end"
            config.set(file, "boot_timeout", 90)
            config.set(file, "stop_timeout", "7")
            config.set(file, "datadir", "/b")
            assert.equal("-- ours\nboot_timeout = 90 -- slow\n\n\t"
                .. "stop_timeout = 7; datadir = \"/b\"\n-- end", get())
        end)

        it("replaces a value of several lines", function()
            put "masked_services = {\n  'a', -- one\n  'b',\n}\nboot_timeout = 5\n"
            config.set(file, "masked_services", "c,d.timer")
            assert.equal('masked_services = { "c.service", "d.timer" }\nboot_timeout = 5\n', get())
        end)

        it("isn't misled by comments and texts that look like assignments", function()
            local text <const> = "--[[\nboot_timeout = 1\n]]\n"
                .. "interpreter = '/x boot_timeout = 2'\n-- boot_timeout = 3"
            put(text)
            config.set(file, "boot_timeout", 4)
            assert.equal(text .. "\nboot_timeout = 4\n", get())
        end)

        it("reads back whatever it has written", function()
            local values <const> = {
                datadir = '/a "b" \\c ]] é', boot_timeout = 1.5, join_as_sudo_user = false,
                host_rootfs_opaque_dirs = { "/a", "/b c" }, masked_services = {},
                userns_base = 0x100000, insecure_registries = { "a:5000" },
                registry_mirrors = { ["docker.io"] = { "https://a", "https://b" }, c = {} },
            }
            for key, value in pairs(values) do
                config.set(file, key, value)
            end
            local read <const> = config.load { file = file }
            for key, value in pairs(values) do
                assert.same(value, read[key])
            end
        end)

        it("takes a key out with an empty value", function()
            put "boot_timeout = 5\n  stop_timeout = 6\njoin_as_sudo_user = false\n"
            config.set(file, "stop_timeout", "")
            assert.equal("boot_timeout = 5\njoin_as_sudo_user = false\n", get())
            config.set(file, "boot_timeout", "")
            config.set(file, "join_as_sudo_user", "")
            assert.equal("", get())
            config.set(file, "datadir", "")
            assert.equal("", get())
        end)

        it("takes one of several in a line out", function()
            put "boot_timeout = 5; stop_timeout = 6 -- both\n"
            config.set(file, "boot_timeout", "")
            assert.equal(6, config.load({ file = file }).stop_timeout)
            assert.matches("both\n$", get())
        end)

        it("empties a list with an empty value", function()
            config.set(file, "masked_services", "")
            assert.equal("masked_services = {}\n", get())
        end)

        it("is seen by `get` at once", function()
            load "boot_timeout = 5"
            config.set(file, "boot_timeout", 6)
            assert.equal(6, config.get "boot_timeout")
        end)

        local function unchanged(text, ...)
            put(text)
            local what <const> = raised(config.set, file, ...)
            assert.equal(text, get())
            return what.message
        end

        it("leaves a file alone that it can't read", function()
            assert.matches(":1: 'x' is not a value", unchanged("x y z", "boot_timeout", 5))
            assert.matches("there is no key", unchanged("bogus = 1\n", "boot_timeout", 5))
        end)

        it("leaves the file alone when the value is wrong", function()
            assert.matches("^boot_timeout: ", unchanged("boot_timeout = 5\n", "boot_timeout", "x"))
            assert.matches("there is no key", unchanged("boot_timeout = 5\n", "bogus", "x"))
            assert.matches("above the last user id",
                unchanged("userns_base = 0xFFFE0000 userns_count = 1", "userns_count", 5))
        end)

        it("leaves nothing else beside the file", function()
            config.set(file, "boot_timeout", 5)
            assert.equal("sdme.conf", shell.run("ls -A $(dirname %s)", file))
        end)
    end)
end)
