local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason

describe("sdme.kind.address", function()
    it("has one form for each address (RFC 5952)", function()
        local forms <const> = {
            ["192.0.2.1"] = "192.0.2.1", ["0.0.0.0"] = "0.0.0.0",
            ["::"] = "::", ["0:0:0:0:0:0:0:0"] = "::", ["::1"] = "::1", ["1::"] = "1::",
            ["2001:DB8:0:0:1:0:0:1"] = "2001:db8::1:0:0:1",
            ["2001:db8:0:1:1:1:1:1"] = "2001:db8:0:1:1:1:1:1",
            ["2001:0:0:1:0:0:0:1"] = "2001:0:0:1::1",
            ["1:2:3:4:5:6:7::"] = "1:2:3:4:5:6:7:0",
        }
        for text, form in pairs(forms) do
            assert.equal(form, kind.address.parse(text))
        end
    end)

    it("says what is none", function()
        for _, text in ipairs {
            "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.-4", "1.2.3.4 ", "localhost",
            ":", ":::", ":1", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::",
            "1:2:3:4:5:6:7:8::", "::1%eth0", "[::1]", "::1.2.3.4", "::g",
        } do
            assert.matches("is not an IPv4 or IPv6 address", reason(kind.address, text), 1, true)
        end
        assert.equal('"::ffff:102:304" is an IPv4 address; write it as one',
            reason(kind.address, "::ffff:102:304"))
    end)
end)
