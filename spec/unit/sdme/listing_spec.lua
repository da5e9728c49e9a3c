local command_line <const> = require "spec.support.command_line"
local listing <const> = require "sdme.listing"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local COLUMNS <const> = {
    { name = "Name", key = "name" },
    { name = "Size", key = "size", align = "right" },
    { name = "Health", key = "health", colour = function(health)
        return health == "failed" and "red" or nil
    end },
}

describe("sdme.listing", function()
    after_each(scratch.clean)

    describe("table", function()
        it("has its names in capitals, and columns as wide as they need", function()
            assert.equal("NAME      SIZE  HEALTH\nweb         12  ok\ndatabase  1000  failed\n",
                listing.table(COLUMNS, {
                    { name = "web", size = 12, health = "ok" },
                    { name = "database", size = 1000, health = "failed" },
                }))
        end)

        it("is only the names where there are no rows", function()
            assert.equal("NAME  SIZE  HEALTH\n", listing.table(COLUMNS, {}))
        end)

        it("has a hyphen for nothing, and commas in lists", function()
            assert.equal("NAME  SIZE  HEALTH\na,b      -  -\n",
                listing.table(COLUMNS, { { name = { "a", "b" }, health = "" } }))
        end)

        it("has no blanks at the ends of lines", function()
            local rows <const> = { { health = "a" }, { health = "abcdefgh" } }
            assert.not_matches(" \n", listing.table(COLUMNS, rows))
        end)

        it("counts characters, not bytes", function()
            assert.equal("NAME  SIZE  HEALTH\nüöäé     1  x\n",
                listing.table(COLUMNS, { { name = "üöäé", size = 1, health = "x" } }))
        end)

        it("escapes what a guest could send to the terminal", function()
            assert.matches("\\x1b%[2J\\n", listing.table(COLUMNS, { { name = "\27[2J\n" } }))
        end)

        it("colours when asked, without moving columns", function()
            local rows <const> = { { name = "a", size = 1, health = "failed" } }
            local plain <const> = listing.table(COLUMNS, rows)
            local coloured <const> = listing.table(COLUMNS, rows, { colour = true })
            assert.matches("\27%[31mfailed\27%[0m", coloured)
            assert.equal(plain, (coloured:gsub("\27%[%d+m", "")))
            assert.not_matches("\27", plain)
        end)

        it("shortens the widest column where the screen is narrow", function()
            local rows <const> = { { name = ("long "):rep(10), size = 1, health = "ok" } }
            assert.equal("NAME             SIZE  HEALTH\nlong long long…     1  ok\n",
                listing.table(COLUMNS, rows, { width = 29 }))
            assert.equal("NAME      SIZE  HEALTH\nlong lo…     1  ok\n",
                listing.table(COLUMNS, rows, { width = 5 }))
        end)
    end)

    local PROGRAM <const> = [[
        local listing = require "sdme.listing"
        table.insert(require "sdme.command", 1, { name = "list", summary = "", anyone = true,
            options = { { long = "json", help = "" } },
            run = function(arguments)
                listing.show({ { name = "name", key = "name",
                        colour = function() return "green" end } },
                    { { name = ("x"):rep(50) } }, arguments.json)
            end })
    ]]

    local function on_terminal(environment)
        needs.program("script", "stty")
        command_line.needs_core()
        local directory <const> = scratch.directory()
        shell.run("printf '%%s\\n' '#!/bin/sh' %s 'exec \"$@\"' >%s", "stty cols 20; export "
            .. environment, directory .. "/narrow")
        shell.run("chmod +x %s", directory .. "/narrow")
        return command_line.run({ "list" }, {
            before = PROGRAM,
            through = ("sh -c 'script -qec \"%s $*\" /dev/null' - "):format(directory .. "/narrow"),
        }).stdout:gsub("\r", "")
    end

    describe("on a terminal", function()
        it("is coloured, and fits", function()
            assert.equal("NAME\n\27[32m" .. ("x"):rep(19) .. "…\27[0m\n",
                on_terminal "TERM=xterm NO_COLOR=")
        end)

        it("has no colours with NO_COLOR or where TERM is dumb", function()
            assert.equal("NAME\n" .. ("x"):rep(19) .. "…\n", on_terminal "TERM=xterm NO_COLOR=1")
            assert.equal("NAME\n" .. ("x"):rep(19) .. "…\n", on_terminal "TERM=dumb NO_COLOR=")
        end)
    end)

    it("is plain and complete elsewhere", function()
        assert.equal("NAME\n" .. ("x"):rep(50) .. "\n",
            command_line.run({ "list" }, { before = PROGRAM }).stdout)
    end)

    it("is one document of JSON when asked", function()
        assert.equal('[\n  {\n    "name": "' .. ("x"):rep(50) .. '"\n  }\n]\n',
            command_line.run({ "list", "--json" }, { before = PROGRAM }).stdout)
    end)
end)
