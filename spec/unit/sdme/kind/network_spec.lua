local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason

describe("sdme.kind.network", function()
    describe("interface", function()
        it("is a name that fits the kernel with what systemd puts before it", function()
            local bridge <const>, zone <const> = kind.interface "", kind.interface "vz-"
            assert.equal("br0", bridge.parse "br0")
            assert.equal(("a"):rep(15), bridge.parse(("a"):rep(15)))
            assert.equal(("a"):rep(12), zone.parse(("a"):rep(12)))
            assert.matches("12 characters at most", reason(zone, ("a"):rep(13)))
            for _, wrong in ipairs { "", "a/b", "a b", "a:b", "a%b", "12", "..", ("a"):rep(16) } do
                assert.matches("is not the name of an interface", reason(bridge, wrong))
            end
        end)
    end)
end)
