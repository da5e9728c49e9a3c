local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason
local complaint <const> = refusal.complaint

describe("sdme.kind.number", function()
    describe("size", function()
        it("counts in powers of 1024", function()
            assert.equal(512, kind.size.parse "512")
            assert.equal(10 << 10, kind.size.parse "10K")
            assert.equal(4 << 20, kind.size.parse "4M")
            assert.equal(2 << 30, kind.size.parse "2G")
            assert.equal(1 << 40, kind.size.parse "1T")
            assert.equal(4 << 20, kind.size.parse "4m")
        end)

        it("is no fraction, no negative, no other unit", function()
            for _, wrong in ipairs { "", "K", "1.5G", "-1", "+1", "1 K", "1KB", "1P", "0x10" } do
                assert.matches("is not a size such as 512, 10K, 4M, 2G or 1T",
                    reason(kind.size, wrong))
            end
        end)

        it("doesn't wrap around", function()
            assert.equal(math.maxinteger, kind.size.parse "9223372036854775807")
            for _, wrong in ipairs { "9223372036854775808", "8388608T", "99999999999999999999" } do
                assert.matches("is too large", reason(kind.size, wrong))
            end
            assert.equal(8388607 << 40, kind.size.parse "8388607T")
        end)

        it("takes whole numbers and texts from Lua", function()
            assert.equal(1024, kind.size.check(1024))
            assert.equal("integer", math.type(kind.size.check(1024.0)))
            assert.equal(1024, kind.size.check "1K")
            assert.matches("not 1.5$", complaint(kind.size, 1.5))
            assert.matches("not %-1$", complaint(kind.size, -1))
            assert.matches("not a boolean$", complaint(kind.size, true))
        end)

        it("shows the largest unit that divides it", function()
            for _, text in ipairs { "0", "512", "10K", "4M", "2G", "1T", "2048T", "1025" } do
                assert.equal(text, kind.size.show(kind.size.parse(text)))
            end
            assert.equal("2G", kind.size.show(kind.size.parse "2048M"))
        end)
    end)

    describe("seconds", function()
        it("are above 0, whole or not", function()
            assert.equal(60, kind.seconds.parse "60")
            assert.equal("integer", math.type(kind.seconds.parse "60"))
            assert.equal(1.5, kind.seconds.parse "1.5")
            assert.equal(0.5, kind.seconds.check(0.5))
            for _, wrong in ipairs { "0", "0.0", "604801", ("9"):rep(400) } do
                assert.matches("is not a number of seconds above 0, at most 604800",
                    reason(kind.seconds, wrong))
            end
            for _, wrong in ipairs { "", ".", "-1", "1e3", "0x10", "nan", "inf", "1s" } do
                assert.matches("is not a number of seconds$", reason(kind.seconds, wrong))
            end
        end)

        it("are no NaN or infinity from Lua", function()
            assert.is_nil((kind.seconds.check(0 / 0)))
            assert.is_nil((kind.seconds.check(math.huge)))
            assert.is_nil((kind.seconds.check(-1)))
            assert.matches("not a table", complaint(kind.seconds, {}))
        end)

        it("are shown as they were given", function()
            assert.equal("60", kind.seconds.show(60))
            assert.equal("1.5", kind.seconds.show(1.5))
        end)
    end)

    describe("cpus", function()
        it("are a decimal fraction above 0", function()
            assert.equal(0.5, kind.cpus.parse ".5")
            assert.equal(2, kind.cpus.parse "2")
            assert.matches("above 0", reason(kind.cpus, "0"))
        end)
    end)

    describe("integer", function()
        it("is whole and not negative", function()
            assert.equal(7, kind.integer.parse "7")
            for _, wrong in ipairs { "", "-1", "1.0", "0x1", "9223372036854775808" } do
                assert.matches("is not a whole number", reason(kind.integer, wrong))
            end
        end)
    end)

    describe("range", function()
        local memory <const> = kind.range(kind.size, 4 << 20, 1 << 30)

        it("says which bound is passed, as the kind shows it", function()
            assert.equal("1K is less than 4M", reason(memory, "1K"))
            assert.equal("2G is more than 1G", complaint(memory, 2 << 30))
            assert.equal(4 << 20, memory.parse "4M")
            assert.equal(1 << 30, memory.check "1G")
        end)

        it("keeps the reasons of the kind itself", function()
            assert.matches("is not a size", reason(memory, "x"))
        end)
    end)
end)
