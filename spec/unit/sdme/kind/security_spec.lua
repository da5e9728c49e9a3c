local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason

describe("sdme.kind.security", function()
    describe("capability", function()
        it("is known by its name with or without the prefix, in any case", function()
            for _, text in ipairs { "CAP_NET_ADMIN", "cap_net_admin", "net_admin", "NET_ADMIN" } do
                assert.equal("CAP_NET_ADMIN", kind.capability.parse(text))
            end
        end)

        it("is one of the 41 that Linux has", function()
            assert.equal(41, #kind.capability.complete)
            assert.equal("CAP_CHOWN", kind.capability.complete[1])
            assert.equal("CAP_CHECKPOINT_RESTORE", kind.capability.complete[41])
            assert.equal('"net_amdin" is not a capability; did you mean CAP_NET_ADMIN?',
                reason(kind.capability, "net_amdin"))
            assert.equal('"" is not a capability', reason(kind.capability, ""))
        end)
    end)

    describe("system call filter", function()
        local filter <const> = kind.system_call_filter

        it("is a list of calls and groups, in one form", function()
            assert.equal("@mount reboot", filter.parse "@mount,  reboot")
            assert.equal("~@mount @raw-io", filter.parse "~@mount @raw-io")
        end)

        it("has nothing in it that a line of options would interpret", function()
            assert.matches("names no system calls", reason(filter, ""))
            assert.matches("names no system calls", reason(filter, "~ ,"))
            assert.matches('"~" stands once, before the first', reason(filter, "@a ~@b"))
            for _, wrong in ipairs { "read;write", "Read", "@", "a\nb", "a:EPERM", "%i" } do
                assert.matches("is not a system call or a @group of them", reason(filter, wrong))
            end
        end)
    end)

    describe("profile", function()
        it("is one plain word", function()
            assert.equal("sdme-default", kind.profile.parse "sdme-default")
            for _, wrong in ipairs { "", "-x", "a b", "a\nb", "%i", "$x", 'a"b' } do
                assert.matches("is not the name of a profile", reason(kind.profile, wrong))
            end
        end)
    end)
end)
