local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason
local complaint <const> = refusal.complaint

describe("sdme.kind.environment", function()
    describe("env", function()
        it("is a name and any value", function()
            assert.same({ name = "A_1", value = "b=c %d $x\n'\"\\" },
                kind.env.parse "A_1=b=c %d $x\n'\"\\")
            assert.same({ name = "A", value = "" }, kind.env.parse "A=")
        end)

        it("has a name that a shell could take", function()
            for _, wrong in ipairs { "=x", "1A=x", "A-B=x", "A B=x", "Ä=x" } do
                assert.matches("is not the name of an environment variable",
                    reason(kind.env, wrong))
            end
            assert.equal("expected NAME=VALUE", reason(kind.env, "PATH"))
        end)

        it("has a value that systemd and the kernel pass on", function()
            assert.equal("the value of A has a NUL byte", reason(kind.env, "A=x\0y"))
            assert.equal("the value of A isn't UTF-8, which systemd refuses",
                reason(kind.env, "A=\xff"))
            assert.equal("the value of A is too long", reason(kind.env, "A=" .. ("x"):rep(131070)))
            assert.is_table(kind.env.parse("A=" .. ("x"):rep(131069)))
        end)

        it("never tells the value when it refuses it", function()
            for _, wrong in ipairs { "secret", "1A=secret", "A=secret\0", "A=secret\xff" } do
                assert.not_matches("secret", reason(kind.env, wrong))
            end
        end)

        it("is a table by name when there are many", function()
            local many <const> = kind.many(kind.env)
            assert.same({ A = "1", B = "x" }, many.check { A = 1, B = "x" })
            assert.same({ A = "1", B = "x" }, many.check { "A=1", B = "x" })
            assert.same({ A = "2" }, many.add(many.parse "A=1", "A=2"))
            assert.equal("A=1,B=x", many.show { B = "x", A = "1" })
        end)

        it("may have a secret for its value", function()
            local many <const> = kind.many(kind.env)
            local checked <const> = many.check { A = { name = "pg" }, B = { secret = "tls" } }
            assert.same({ A = { secret = "pg" }, B = { secret = "tls" } }, checked)
            assert.same(checked, many.check(checked))
            assert.equal("A=(secret pg),B=(secret tls)", many.show(checked))
            assert.matches('^the value of A: "P G" is not a name', complaint(many,
                { A = { secret = "P G" } }))
        end)

        it("is refused when it is something else", function()
            local many <const> = kind.many(kind.env)
            assert.equal("the value of A is a boolean, not a text", complaint(many, { A = true }))
            assert.matches("expected NAME=VALUE, not a number", complaint(many, { 5 }))
            assert.matches("expected NAME=VALUE, not a table", complaint(many, { { name = 5 } }))
        end)
    end)
end)
