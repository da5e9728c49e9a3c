local machined <const> = require "sdme.machined"

describe("sdme.machined", function()
    it("shows addresses as people write them", function()
        local function ipv6(...)
            return machined.show_address(10, (">I2I2I2I2I2I2I2I2"):pack(...))
        end
        assert.equal("10.0.0.255", machined.show_address(2, "\10\0\0\255"))
        assert.equal("::", ipv6(0, 0, 0, 0, 0, 0, 0, 0))
        assert.equal("::1", ipv6(0, 0, 0, 0, 0, 0, 0, 1))
        assert.equal("fe80::1:abcd", ipv6(0xfe80, 0, 0, 0, 0, 0, 1, 0xabcd))
        assert.equal("2001:db8::", ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0))
        assert.equal("1:0:3:4:5:6:7:8", ipv6(1, 0, 3, 4, 5, 6, 7, 8))
        assert.equal("1::4:0:0:7:8", ipv6(1, 0, 0, 4, 0, 0, 7, 8))
        assert.equal("1:0:0:4::8", ipv6(1, 0, 0, 4, 0, 0, 0, 8))
        assert.equal("1:2:3:4:5:6:7:8", ipv6(1, 2, 3, 4, 5, 6, 7, 8))
    end)
end)
