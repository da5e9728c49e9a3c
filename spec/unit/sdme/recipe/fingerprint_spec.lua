local fault <const> = require "sdme.fault"
local fingerprint <const> = require "sdme.recipe.fingerprint"
local text <const> = require "sdme.text"

local function made(code, ...)
    return assert(load(code, "=x"))(...)
end

describe("sdme.recipe.fingerprint", function()
    it("is the same for the same code, wherever it is", function()
        local code <const> = "return function(c) return c:exec { 'x' } end"
        assert.equal(fingerprint.of(made(code)), fingerprint.of(made("\n\n" .. code)))
        assert.equal(64, #fingerprint.of(made(code)))
    end)

    it("is another one for other code", function()
        assert.not_equal(fingerprint.of(made "return function() return 1 end"),
            fingerprint.of(made "return function() return 2 end"))
    end)

    local VALUES <const> = {
        "nil", "false", "true", "1", "1.0", "1.5", "'1'", "'x'", "''", "{}", "{ 1 }", "{ '1' }",
        "{ a = 1 }", "{ b = 1 }", "{ a = 2 }", "{ a = { b = 1 } }", "{ { a = 1 } }",
        "{ [1.5] = 1 }",
        "{ [true] = 1 }", "function() return 1 end", "function() return 2 end", "math.huge",
        "0/0", "string.format", "string.rep", "_G", "string",
        "setmetatable({ name = 'a' }, { __name = 'thing' })",
        "setmetatable({ name = 'b' }, { __name = 'thing' })",
    }

    it("tells the values around a function", function()
        local seen <const> = {}
        for _, value in ipairs(VALUES) do
            local code <const> = ("local v = %s; return function() return v end"):format(value)
            local found <const> = fingerprint.of(made(code))
            assert.equal(found, fingerprint.of(made(code)), value)
            assert.is_nil(seen[found], ("%s and %s"):format(value, seen[found]))
            seen[found] = value
        end
    end)

    it("doesn't depend on the order in which a table was filled", function()
        local code <const> = "local t = {}; for _, k in ipairs(...) do t[k] = k end "
            .. "return function() return t end"
        assert.equal(fingerprint.of(made(code, { "a", "b", 1, 2, true })),
            fingerprint.of(made(code, { true, 2, "b", 1, "a" })))
    end)

    it("goes through functions to what they have around them", function()
        local code <const> = "local x = ...; local function f() return x end "
            .. "return function() return f() end"
        assert.not_equal(fingerprint.of(made(code, 1)), fingerprint.of(made(code, 2)))
    end)

    it("comes to an end where values lead back to themselves", function()
        local code <const> = "local t = { x = ... }; t.t = t; local f; "
            .. "f = function() return f, t end; return f"
        assert.equal(fingerprint.of(made(code, 1)), fingerprint.of(made(code, 1)))
        assert.not_equal(fingerprint.of(made(code, 1)), fingerprint.of(made(code, 2)))
    end)

    it("takes modules, and what it is told, by their names", function()
        local code <const> = "local v = ...; return function() return v end"
        local before <const> = fingerprint.of(made(code, text))
        text.added_by_a_spec = 1
        assert.equal(before, fingerprint.of(made(code, text)))
        text.added_by_a_spec = nil
        local one <const>, other <const> = { 1 }, { 2 }
        assert.equal(fingerprint.of(made(code, one), { [one] = "it" }),
            fingerprint.of(made(code, other), { [other] = "it" }))
    end)

    local function refuses(message, call)
        local fine <const>, raised <const> = pcall(fingerprint.of, call)
        assert.is_false(fine)
        assert.is_true(fault.is(raised, "EUSAGE"))
        assert.matches(message, raised.message)
        assert.matches("`key`", raised.hint)
    end

    it("refuses what can't be told", function()
        local big <const>, odd <const>, nameless <const> = {}, { [{}] = 1 }, io.lines("/dev/null")
        for i = 1, 20000 do
            big[i] = i
        end
        refuses("more than 10000 values", function() return big end)
        refuses("a table for a key", function() return odd end)
        refuses("is of C, and has no name", function() return nameless end)
    end)
end)
