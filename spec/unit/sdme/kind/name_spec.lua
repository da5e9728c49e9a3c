local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason
local complaint <const> = refusal.complaint

describe("sdme.kind.name", function()
    describe("name", function()
        it("is a-z, then a-z, 0-9 and hyphens, 64 at most", function()
            assert.equal("web-1", kind.name.parse "web-1")
            assert.equal(("a"):rep(64), kind.name.parse(("a"):rep(64)))
            for _, wrong in ipairs { "", "1web", "-web", "Web", "web_1", "web.1", "web/1", "wéb",
                ("a"):rep(65) } do
                assert.matches("is not a name", reason(kind.name, wrong))
            end
        end)

        it("doesn't end in a hyphen, which a machine's name can't", function()
            assert.equal('"web-" ends in a hyphen, which no machine\'s name can',
                reason(kind.name, "web-"))
        end)

        it("may be looked up by a beginning that ends in one", function()
            assert.equal("web-", kind.container.parse "web-")
            assert.equal("container", kind.container.complete)
            assert.matches("is not a name", reason(kind.container, "../x"))
        end)
    end)

    describe("service", function()
        it("is the name of a unit, a service unless it says otherwise", function()
            assert.equal("cron.service", kind.service.parse "cron")
            assert.equal("cron.service", kind.service.parse "cron.service")
            assert.equal("cron.timer", kind.service.parse "cron.timer")
            assert.equal("foo.bar.service", kind.service.parse "foo.bar")
            assert.equal("getty@tty1.service", kind.service.parse "getty@tty1")
            assert.equal("a\\x2db.mount", kind.service.parse "a\\x2db.mount")
        end)

        it("is no path and no line", function()
            for _, wrong in ipairs { "", ".service", "../x", "a/b", "a b", "a\nb", "@x", "%i",
                ("a"):rep(248) } do
                assert.matches("is not the name of a unit", reason(kind.service, wrong))
            end
            assert.is_string(kind.service.parse(("a"):rep(247)))
        end)
    end)

    describe("user", function()
        it("is a name or a number", function()
            for _, text in ipairs { "root", "_apt", "www-data", "machine$", "0", "1000" } do
                assert.equal(text, kind.user.parse(text))
            end
            assert.equal("1000", kind.user.check(1000))
            assert.equal("7", kind.user.parse "007")
        end)

        it("isn't what stands for no user", function()
            for _, wrong in ipairs { "", "Root", "a b", "-x", "a:b", "a$b", ("a"):rep(33), "65535",
                "4294967295", "99999999999", "1.5" } do
                assert.matches("is not the name or number of a user", reason(kind.user, wrong))
            end
            assert.matches("expected a user", complaint(kind.user, -1))
        end)
    end)
end)
