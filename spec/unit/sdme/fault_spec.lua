local fault <const> = require "sdme.fault"
local raised <const> = require "spec.support.raised"

describe("sdme.fault", function()
    it("is printed as its message", function()
        assert.equal("it broke", tostring(fault.new { message = "it broke", code = "EIO" }))
    end)

    it("has no other fields than it knows", function()
        assert.matches("no field 'mesage'", raised(fault.new, { mesage = "x" }))
        assert.matches("hint is a string", raised(fault.new, { message = "x", hint = 1 }))
        assert.matches("needs a message", raised(fault.new, { code = "EIO" }))
    end)

    describe("raise", function()
        it("raises a formatted message with a code and a hint", function()
            local what <const> = raised(fault.raise, "ENOENT", "make it", "open %s: %d%%", "/x", 5)
            assert.same({ "open /x: 5%", "ENOENT", "make it" },
                { what.message, what.code, what.hint })
        end)
    end)

    describe("usage", function()
        it("raises a fault of wrong usage", function()
            assert.is_true(fault.is(raised(fault.usage, "no %s", "x"), "EUSAGE"))
        end)
    end)

    describe("check", function()
        it("passes on whatever isn't a failure", function()
            assert.same({ 1, 2, 3 }, { fault.check(1, 2, 3) })
            assert.is_false(fault.check(false))
            assert.same(3, select("#", fault.check("", nil, nil)))
        end)

        it("raises nil, message, code", function()
            local what <const> = raised(fault.check, nil, "open /x: not there", "ENOENT")
            assert.same({ "open /x: not there", "ENOENT" }, { what.message, what.code })
        end)

        it("raises something for a bare nil", function()
            assert.equal("failed", raised(fault.check, nil).message)
        end)
    end)

    describe("context", function()
        it("says first what was being done", function()
            local check <const> = fault.context("start web", "look at its log")
            assert.same({ true, "x" }, { check(true, "x") })
            local what <const> = raised(check, nil, "timed out", "ETIMEDOUT")
            assert.same({ "start web: timed out", "ETIMEDOUT", "look at its log" },
                { what.message, what.code, what.hint })
        end)
    end)

    describe("is", function()
        it("tells faults from other errors, by code if asked", function()
            local what <const> = fault.new { message = "x", code = "EIO" }
            assert.is_true(fault.is(what))
            assert.is_true(fault.is(what, "EIO"))
            assert.is_false(fault.is(what, "ENOENT"))
            for _, other in ipairs { "EIO", 5, { message = "x", code = "EIO" } } do
                assert.is_false(fault.is(other))
            end
        end)
    end)

    describe("status", function()
        local function status(fields)
            fields.message = "x"
            return fault.status(fault.new(fields))
        end

        it("is 2 for wrong usage and 1 otherwise", function()
            assert.equal(2, status { code = "EUSAGE" })
            assert.equal(1, status { code = "EIO" })
            assert.equal(1, fault.status "a defect")
        end)

        it("is 128 and the signal for an interruption", function()
            assert.equal(130, status { code = "EINTR", signal = 2 })
            assert.equal(143, status { code = "EINTR", signal = 15 })
        end)

        it("is the fault's own where it has one", function()
            assert.equal(42, status { code = "EUSAGE", status = 42 })
        end)
    end)

    describe("report", function()
        it("is the message, and the hint on a line of its own", function()
            local what <const> = fault.new { message = "no web", hint = "see `sdme ps`" }
            assert.equal("sdme: no web\nhint: see `sdme ps`", fault.report(what))
        end)

        it("has its details, each in a line, between them", function()
            local what <const> = fault.new {
                message = "no boot", details = { "one", "two\27" }, hint = "wait",
            }
            assert.equal("sdme: no boot\n  one\n  two\\x1b\nhint: wait", fault.report(what))
        end)

        it("escapes what a hostile name would do to the terminal", function()
            local what <const> = fault.new { message = "open \27[2Jx\n", hint = "\7" }
            assert.equal("sdme: open \\x1b[2Jx\\n\nhint: \\x07", fault.report(what))
        end)

        it("keeps what looks like a position in a fault's message", function()
            local what <const> = fault.new { message = "sdme.conf:3: no such key" }
            assert.equal("sdme: sdme.conf:3: no such key", fault.report(what))
        end)

        local function defect()
            return "x" .. {}
        end

        it("tells a defect in one line without its position", function()
            local _, what = xpcall(defect, fault.catch)
            assert.equal("sdme: attempt to concatenate a table value", fault.report(what))
        end)

        it("tells where a defect is when asked for more", function()
            local _, what = xpcall(defect, fault.catch)
            local report <const> = fault.report(what, true)
            assert.matches("^sdme: .*fault_spec%.lua:%d+: attempt to concatenate", report)
            assert.matches("\nstack traceback:\n", report)
        end)

        it("tells where a fault was raised only when asked for more", function()
            local _, what = xpcall(fault.raise, fault.catch, "EIO", nil, "broke")
            assert.equal("sdme: broke", fault.report(what))
            assert.matches("^sdme: broke\nstack traceback:\n", fault.report(what, true))
        end)

        it("takes whatever a script raises", function()
            assert.equal("sdme: boom", fault.report "script.lua:3: boom")
            assert.equal("sdme: module 'x' not found:",
                fault.report "module 'x' not found:\n\tno file 'x.lua'")
            assert.equal("sdme: nil", fault.report(nil))
            assert.matches("^sdme: table: ", fault.report {})
        end)
    end)
end)
