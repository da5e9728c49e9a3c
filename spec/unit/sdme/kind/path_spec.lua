local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason

describe("sdme.kind.path", function()
    describe("path", function()
        it("is absolute and without detours", function()
            assert.equal("/a/b", kind.path.parse "//a/./b/")
            assert.equal("/", kind.path.parse "/")
            assert.equal('"a/b" is not an absolute path', reason(kind.path, "a/b"))
            assert.equal('"" is not an absolute path', reason(kind.path, ""))
            assert.equal('"/a/../b" has ".." in it', reason(kind.path, "/a/../b"))
            assert.equal("/a..b/...", kind.path.parse "/a..b/...")
        end)

        it("has no bytes that would end a line, and no end of its own", function()
            assert.equal('"/a\nb" has a control character', reason(kind.path, "/a\nb"))
            assert.matches("too long", reason(kind.path, "/" .. ("a"):rep(5000)))
        end)

        it("shortens what it quotes", function()
            assert.is_true(#reason(kind.path, ("a"):rep(100000)) < 120)
        end)
    end)

    describe("device", function()
        it("is a path below /dev that stays one word", function()
            assert.equal("/dev/net/tun", kind.device.parse "/dev//net/tun")
            for _, wrong in ipairs { "/dev", "/etc/passwd", "/dev/a b", '/dev/a"', "/dev/%i" } do
                assert.matches("is not a device below /dev", reason(kind.device, wrong))
            end
            assert.matches('has ".."', reason(kind.device, "/dev/../etc/passwd"))
            assert.matches("control character", reason(kind.device, "/dev/a\nb"))
        end)
    end)
end)
