local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason
local complaint <const> = refusal.complaint

describe("sdme.kind.text", function()
    describe("flag", function()
        it("reads the words for yes and no", function()
            for _, word in ipairs { "yes", "true", "on", "1" } do
                assert.is_true(kind.flag.parse(word))
            end
            for _, word in ipairs { "no", "false", "off", "0" } do
                assert.is_false(kind.flag.parse(word))
            end
            assert.equal('expected yes or no, not "maybe"', reason(kind.flag, "maybe"))
        end)

        it("takes booleans, and nothing like them, from Lua", function()
            assert.is_false(kind.flag.check(false))
            assert.equal("expected true or false, not a number", complaint(kind.flag, 1))
        end)

        it("shows yes or no", function()
            assert.same({ "yes", "no" }, { kind.flag.show(true), kind.flag.show(false) })
        end)
    end)

    describe("string", function()
        it("is a text that fits in one line of UTF-8", function()
            assert.equal("a b", kind.string.parse "a b")
            assert.equal('"a\nb" has a control character', reason(kind.string, "a\nb"))
            assert.equal('"a\0b" has a control character', reason(kind.string, "a\0b"))
            assert.equal('"\xff" isn\'t UTF-8', reason(kind.string, "\xff"))
            assert.equal("expected a text, not a table", complaint(kind.string, {}))
        end)
    end)

    describe("argument", function()
        it("is anything that a program can be given", function()
            assert.equal("\xff\n", kind.argument.parse "\xff\n")
            assert.equal("", kind.argument.parse "")
            assert.equal('"a\0b" has a NUL byte', reason(kind.argument, "a\0b"))
        end)
    end)

    describe("choice", function()
        local restart <const> = kind.choice { "no", "on-failure", "always" }

        it("is one of its words", function()
            assert.equal("always", restart.parse "always")
            assert.equal('expected no, on-failure or always, not "never"', reason(restart, "never"))
            assert.same({ "no", "on-failure", "always" }, restart.complete)
        end)
    end)
end)
