local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason
local complaint <const> = refusal.complaint

describe("sdme.kind.port", function()
    local function port(protocol, host, container, address, count)
        return {
            protocol = protocol, host = host, container = container, address = address,
            count = count,
        }
    end

    it("is a port of the host and one of the container", function()
        assert.same(port("tcp", 8080, 80), kind.port.parse "8080:80")
        assert.same(port("tcp", 80, 80), kind.port.parse "80")
    end)

    it("names its protocol first or last", function()
        assert.same(port("udp", 5353, 53), kind.port.parse "udp:5353:53")
        assert.same(port("udp", 5353, 53), kind.port.parse "5353:53/udp")
        assert.same(port("tcp", 80, 80), kind.port.parse "tcp:80")
        assert.same(port("udp", 53, 53), kind.port.parse "53/udp")
    end)

    it("may be at one address of the host", function()
        assert.same(port("tcp", 8080, 80, "127.0.0.1"), kind.port.parse "127.0.0.1:8080:80")
        assert.same(port("tcp", 8080, 8080, "127.0.0.1"), kind.port.parse "127.0.0.1:8080")
        assert.same(port("udp", 53, 53, "::1"), kind.port.parse "[0:0::1]:53:53/udp")
        assert.same(port("udp", 53, 53, "fd00::1"), kind.port.parse "udp:[FD00::1]:53")
    end)

    it("may be the first of a range", function()
        assert.same(port("tcp", 8000, 80, nil, 11), kind.port.parse "8000-8010:80-90")
        assert.same(port("udp", 8000, 8000, "::", 2), kind.port.parse "[::]:8000-8001/udp")
        assert.same(port("tcp", 80, 81), kind.port.parse "80-80:81-81")
    end)

    it("says what exactly is wrong with another form", function()
        local wrong <const> = {
            [""] = "the host's port is missing",
            [":80"] = "the host's port is missing",
            ["80:"] = "the container's port is missing",
            ["tcp:"] = "the host's port is missing",
            ["sctp:80:80"] = 'the protocol is tcp or udp, not "sctp"',
            ["80:80/icmp"] = 'the protocol is tcp or udp, not "icmp"',
            ["80/"] = 'the protocol is tcp or udp, not ""',
            ["udp:53:53/udp"] = '"udp:53:53/udp" names the protocol twice',
            ["80:80:80"] = '"80:80:80" has too many parts; expected '
                .. "[PROTO:][ADDRESS:]HOST[-HOST][:CTR[-CTR]], an IPv6 address in []",
            ["::1:80:80"] = '"::1:80:80" has too many parts; expected '
                .. "[PROTO:][ADDRESS:]HOST[-HOST][:CTR[-CTR]], an IPv6 address in []",
            ["fd00::1:80"] = '"fd00::1:80" has too many parts; expected '
                .. "[PROTO:][ADDRESS:]HOST[-HOST][:CTR[-CTR]], an IPv6 address in []",
            ["127.0.0.1::80"] = "the host's port is missing",
            ["256.0.0.1:80"] = '"256.0.0.1" is not an IPv4 or IPv6 address',
            ["[::1:80"] = '"[::1:80" has too many parts; expected '
                .. "[PROTO:][ADDRESS:]HOST[-HOST][:CTR[-CTR]], an IPv6 address in []",
            ["[1]:80"] = '"1" is not an IPv6 address',
            ["[::1%lo]:80"] = '"::1%lo" is not an IPv4 or IPv6 address',
            ["localhost:80:80"] = 'the protocol is tcp or udp, not "localhost"',
            ["8000-8010:80"] =
                '"8000-8010:80": as many ports of the host as of the container are needed',
            ["8010-8000"] = '"8010-8000" ends before it begins',
            ["1-1025"] = '"1-1025" has more than 1024 ports',
            ["65530-65540"] = 'port "65540" is not between 1 and 65535',
            ["65530-65535:65533-65538"] = 'port "65538" is not between 1 and 65535',
            ["80-"] = '"80-" is not a port number',
            ["http:80"] = 'the protocol is tcp or udp, not "http"',
            ["my-web:80"] = '"my-web" is not a port number',
            ["0:80"] = 'port "0" is not between 1 and 65535',
            ["80:65536"] = 'port "65536" is not between 1 and 65535',
            ["-1"] = '"-1" is not a port number',
            ["80 :80"] = '"80 " is not a port number',
        }
        for text, why in pairs(wrong) do
            assert.equal(why, reason(kind.port, text))
        end
        assert.matches("is not between 1 and 65535", reason(kind.port, ("9"):rep(400)))
    end)

    it("takes numbers and tables from Lua", function()
        assert.same(port("tcp", 80, 80), kind.port.check(80))
        assert.same(port("tcp", 80, 80), kind.port.check { host = 80 })
        assert.same(port("udp", 53, 5353),
            kind.port.check { protocol = "udp", host = 53, container = 5353 })
        assert.equal("the host's port is missing", complaint(kind.port, { container = 80 }))
        assert.same(port("tcp", 53, 63, "::1", 5),
            kind.port.check { host = 53, container = 63, count = 5, address = "0::1" })
        assert.matches("count is not between", complaint(kind.port, { host = 80, count = 0 }))
        assert.matches("count is not between", complaint(kind.port, { host = 80, count = 1.5 }))
        assert.matches("not an IPv4", complaint(kind.port, { host = 80, address = "[::1]" }))
        assert.matches("65536", complaint(kind.port, { host = 65535, count = 2 }))
        assert.matches("there is no 'hots'", complaint(kind.port, { hots = 80 }))
        assert.matches("host is not a string", complaint(kind.port, { host = "80" }))
        assert.matches("not a port number", complaint(kind.port, 80.5))
        assert.matches("not a port number", complaint(kind.port, { host = 0 / 0 }))
    end)

    it("is shown in one form", function()
        for _, text in ipairs { "80", "tcp:80", "80:80", "80/tcp" } do
            assert.equal("tcp:80:80", kind.port.show(kind.port.parse(text)))
        end
        for _, text in ipairs { "udp:[::1]:80-81:90-91", "tcp:127.0.0.1:1-1024:2-1025" } do
            assert.equal(text, kind.port.show(kind.port.parse(text)))
        end
    end)
end)
