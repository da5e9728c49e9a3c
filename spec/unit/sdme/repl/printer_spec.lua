local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local needs <const> = require "spec.support.needs"
local printer <const> = require "sdme.repl.printer"

local show <const> = printer.show

describe("a printed value", function()
    it("is a number, a boolean or nil as tostring has it", function()
        assert.equal("1", show(1))
        assert.equal("1.5", show(1.5))
        assert.equal("true", show(true))
        assert.equal("nil", show(nil))
    end)

    it("is a string in quotes, with what a terminal would obey escaped", function()
        assert.equal([["a\"b\\c\n\x1b[2J é"]], show "a\"b\\c\n\27[2J é")
    end)

    it("is the beginning of a long string, and its length", function()
        assert.equal('"xxxxxxxxxx"… (5000 bytes)', show(("x"):rep(5000), { letters = 10 }))
    end)

    it("cuts no character in two", function()
        assert.equal('"éé"… (8 bytes)', show("éééé", { letters = 5 }))
    end)

    it("is a table with its array first and its keys in order", function()
        assert.equal('{ 1, "two", [7] = 3, [true] = 4, a = 5, ["b c"] = 6, ["end"] = 7 }',
            (show { 1, "two", [7] = 3, a = 5, ["b c"] = 6, ["end"] = 7, [true] = 4 }
                :gsub("(%[7%] = 3), (a = 5.-), (%[true%] = 4) }", "%1, %3, %2 }")))
    end)

    it("is an empty table", function()
        assert.equal("{}", show {})
    end)

    it("is a list of JSON like any other", function()
        assert.equal('{ "a", "b" }', show(json.array { "a", "b" }))
    end)

    it("takes lines of its own where one is too short", function()
        assert.equal(
            '{\n    a = {\n        "xxxxxxxx",\n        "yyyyyyyy",\n    },\n    b = 1,\n}',
            show({ a = { "xxxxxxxx", "yyyyyyyy" }, b = 1 }, { width = 20 }))
    end)

    it("shows where a table comes in itself", function()
        local t <const> = { 1 }
        t.me = t
        t.twice = { t }
        assert.equal("{ 1, me = <cycle>, twice = { <cycle> } }", show(t))
    end)

    it("shows a table twice that is there twice", function()
        local t <const> = { 1 }
        assert.equal("{ { 1 }, { 1 } }", show { t, t })
    end)

    it("goes only so deep", function()
        assert.equal("{ { { {…} } } }", show { { { { { 1 } } } } })
        assert.equal("{ {…} }", show({ { 1 } }, { depth = 1 }))
    end)

    it("goes only so far", function()
        local long <const> = {}
        for i = 1, 1000 do
            long[i] = i
        end
        assert.equal("{ 1, 2, 3, … 997 more }", show(long, { entries = 3 }))
        assert.equal("{ a = 1, … 2 more }", show({ a = 1, b = 2, c = 3 }, { entries = 1 }))
    end)

    it("has keys of any type", function()
        assert.matches("^{ %[{ 1 }%] = 2 }$", show { [{ 1 }] = 2 })
    end)

    it("calls nothing but __tostring of a metatable", function()
        local function no() error "called" end
        local touchy <const> = setmetatable({ 1, x = 2 },
            { __index = no, __pairs = no, __len = no, __newindex = no, __eq = no })
        assert.equal("{ 1, x = 2 }", show(touchy))
        assert.equal("it", show(setmetatable({}, { __tostring = function() return "it" end })))
    end)

    it("stands a __tostring that fails or lies", function()
        local function shown(tostring)
            return show(setmetatable({}, { __tostring = tostring }))
        end
        assert.equal("table", shown(function() error "no" end))
        assert.equal("\\x1b[2J", shown(function() return "\27[2J" end))
    end)

    it("stands keys that change as they are sorted", function()
        local count = 0
        local odd <const> = { __tostring = function()
            count = count + 1
            return tostring(count % 3)
        end }
        local t <const> = {}
        for _ = 1, 50 do
            t[setmetatable({}, odd)] = 1
        end
        assert.is_string(show(t))
    end)

    it("is the class of a table that has one", function()
        assert.equal("thing { x = 1 }", show(setmetatable({ x = 1 }, { __name = "thing" })))
    end)

    it("is what a fault says", function()
        assert.equal('sdme.Fault "it \\"broke\\"" (EIO)',
            show(fault.new { message = 'it "broke"', code = "EIO" }))
    end)

    it("is a function by where it was made", function()
        assert.matches("^function <.*printer_spec.lua:%d+>$", show(function() end))
        assert.matches("^function: ", show(print))
    end)

    it("is coloured if that is wanted, and as wide as without", function()
        assert.equal("{ \27[33m1\27[0m }", show({ 1 }, { colour = true }))
        local values <const> = { "xxxx", "yyyy" }
        local plain <const> = show(values, { width = 18 })
        assert.equal(plain, (show(values, { width = 18, colour = true }):gsub("\27%[%d+m", "")))
        assert.is_nil(plain:find("\n", 1, true))
    end)
end)

describe("several printed values", function()
    it("are on one line", function()
        assert.equal('1  "a"  nil', printer.show_all { 1, "a", nil, n = 3 })
    end)

    it("are on lines of their own if one isn't enough", function()
        assert.equal('"xxxxxxxx"\n"yyyyyyyy"',
            printer.show_all({ "xxxxxxxx", "yyyyyyyy", n = 2 }, { width = 20 }))
    end)
end)

describe("an object of ours", function()
    it("is its class and its name", function()
        local recipe <const> = require("sdme").recipe { name = "web", from = "debian",
            build = function() end }
        assert.equal('{ sdme.Recipe "web" }', show { recipe })
    end)
end)

describe("a function of ours", function()
    it("is how it is called", function()
        needs.that(pcall(require, "sdme.documentation_data"), "the data of the manual")
        assert.equal("function sdme.new([settings])", show(require("sdme").new))
    end)
end)
