local network <const> = require "sdme.network"

describe("sdme.network", function()
    it("tells addresses of a link from those of a network", function()
        for _, address in ipairs { "169.254.0.1", "fe80::1", "fe9a:1::1", "febf:ff::1" } do
            assert.is_true(network.is_link_local(address), address)
        end
        for _, address in ipairs {
            "192.168.70.226", "169.25.4.1", "169.2.54.1", "1.169.254.1", "2001:db8::fe80:1",
            "fec0::1", "fe7f::1", "fe8::1", "fd00::1",
        } do
            assert.is_false(network.is_link_local(address), address)
        end
    end)
end)
