local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason
local complaint <const> = refusal.complaint

describe("sdme.kind.list", function()
    describe("list", function()
        local list <const> = kind.list(kind.service)

        it("is written with commas", function()
            assert.same({ "a.service", "b.timer" }, list.parse "a,b.timer")
            assert.equal("a.service,b.timer", list.show(list.parse "a,b.timer"))
            assert.same({}, list.parse "")
            assert.matches('"" is not the name of a unit', reason(list, "a,,b"))
        end)

        it("is an array in Lua", function()
            assert.same({ "a.service" }, list.check { "a" })
            assert.same({ "a.service" }, list.check "a")
            assert.equal("expected a list", complaint(list, { x = "a" }))
            assert.equal("expected a list", complaint(list, { "a", nil, "b" }))
            assert.equal("expected a list, not a number", complaint(list, 5))
            assert.matches("not a table", complaint(list, { {} }))
        end)
    end)

    describe("many", function()
        it("collects, and forgets at an empty one", function()
            local many <const> = kind.many(kind.port)
            local ports <const> = many.add(many.parse "80", "udp:53")
            assert.equal("tcp:80:80,udp:53:53", many.show(ports))
            assert.same({}, many.add(ports, ""))
            assert.same({ nil, '"x" is not a port number' }, { many.add(ports, "x") })
        end)

        it("joins the lists of a kind that is written with commas", function()
            local many <const> = kind.many(kind.list(kind.directory))
            assert.same({ "/a", "/b", "/c" }, many.add(many.parse "/a,/b", "/c"))
            assert.same({ "/a", "/b", "/c" }, many.check { "/a", "/b,/c" })
            assert.same({ "/a", "/b" }, many.check "/a,/b")
            assert.equal("/a,/b", many.show { "/a", "/b" })
        end)

        it("takes one by itself from Lua", function()
            assert.same({ { protocol = "tcp", host = 80, container = 80 } },
                kind.many(kind.port).check(80))
        end)
    end)
end)
