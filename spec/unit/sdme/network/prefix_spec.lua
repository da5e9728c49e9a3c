local prefix <const> = require "sdme.network.prefix"

local function show(text)
    local found <const> = prefix.parse(text)
    return found and tostring(found)
end

describe("a prefix", function()
    it("is read and shown, with a length or without", function()
        for text, shown in pairs {
            ["10.1.2.3/8"] = "10.1.2.3/8", ["10.1.2.3"] = "10.1.2.3/32",
            ["0.0.0.0/0"] = "0.0.0.0/0",
            ["255.255.255.255/32"] = "255.255.255.255/32", ["::"] = "::/128", ["::1/64"] = "::1/64",
            ["FD00::A:0:0:1/64"] = "fd00::a:0:0:1/64", ["1:2:3:4:5:6:7::"] = "1:2:3:4:5:6:7:0/128",
            ["ffff::/128"] = "ffff::/128",
        } do
            assert.equal(shown, show(text))
        end
    end)

    it("isn't read from anything else", function()
        for _, text in ipairs {
            "", "10.0.0", "10.0.0.0.0", "256.0.0.0", "01.2.3.4", "10.0.0.0/33", "10.0.0.0/",
            "10.0.0.0/8/8", "10.0.0.0/-1", " 10.0.0.0", "::/129", ":", ":::", "1::2::3",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::", "10.0.0.0/0x8",
        } do
            assert.is_nil(show(text), text)
        end
    end)

    it("is in a network", function()
        assert.equal("10.1.0.0/16", tostring(prefix.parse("10.1.2.3/16"):network()))
        assert.equal("0.0.0.0/0", tostring(prefix.parse("10.1.2.3/0"):network()))
        assert.equal("fd00:1::/32", tostring(prefix.parse("fd00:1:2::3/32"):network()))
        assert.equal("fd00::10/124", tostring(prefix.parse("fd00::1f/124"):network()))
        assert.equal("fd00::1f/128", tostring(prefix.parse("fd00::1f"):network()))
    end)

    it("overlaps with what it is in, what is in it, and nothing else", function()
        local function overlap(one, other)
            return prefix.parse(one):overlaps(prefix.parse(other))
        end
        assert.is_true(overlap("10.0.0.0/8", "10.1.2.0/24"))
        assert.is_true(overlap("10.1.2.0/24", "10.0.0.0/8"))
        assert.is_false(overlap("10.0.0.0/29", "10.0.0.8/29"))
        assert.is_true(overlap("fd00::/64", "fd00::1:0:0:0/80"))
        assert.is_false(overlap("fd00::/80", "fd00::1:0:0:0/80"))
        assert.is_false(overlap("0.0.0.0/0", "::/0"))
    end)

    it("has parts and addresses", function()
        local v4 <const>, v6 <const> = prefix.parse "10.173.0.0/16", prefix.parse "fd00:1:2::/48"
        assert.equal(8192, v4:count(29))
        assert.equal("10.173.255.248/29", tostring(v4:part(29, 8191)))
        assert.equal("10.173.0.10/29", tostring(v4:part(29, 1):host(2)))
        assert.equal(65536, v6:count(64))
        assert.equal("fd00:1:2:ffff::1/64", tostring(v6:part(64, 65535):host(1)))
        assert.equal("fd00:1:2:ffff::1", v6:part(64, 65535):host(1):address())
    end)
end)
