local kind <const> = require "sdme.kind"
local refusal <const> = require "spec.support.refusal"

local reason <const> = refusal.reason
local complaint <const> = refusal.complaint

describe("sdme.kind.network", function()
    describe("port", function()
        local function port(protocol, host, container)
            return { protocol = protocol, host = host, container = container }
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
                ["80:80:80"] = '"80:80:80" has too many parts; expected [PROTO:]HOST[:CONTAINER]',
                ["127.0.0.1:80:80"] = '"127.0.0.1:80:80" names an address; ports are open on every '
                    .. "address of the host",
                ["[::1]:80:80"] = '"[::1]:80:80" names an address; ports are open on every '
                    .. "address of the host",
                ["8000-8010:80"] = '"8000-8010" is a range; each port is given by itself',
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
            assert.matches("there is no 'hots'", complaint(kind.port, { hots = 80 }))
            assert.matches("host is not a string", complaint(kind.port, { host = "80" }))
            assert.matches("not a port number", complaint(kind.port, 80.5))
            assert.matches("not a port number", complaint(kind.port, { host = 0 / 0 }))
        end)

        it("is shown in one form", function()
            for _, text in ipairs { "80", "tcp:80", "80:80", "80/tcp" } do
                assert.equal("tcp:80:80", kind.port.show(kind.port.parse(text)))
            end
        end)
    end)

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
