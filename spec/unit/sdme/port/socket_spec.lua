local kind <const> = require "sdme.kind"
local socket <const> = require "sdme.port.socket"

local function ports(...)
    local list <const> = {}
    for i, text in ipairs { ... } do
        list[i] = assert(kind.port.parse(text))
    end
    return list
end

describe("sdme.port.socket", function()
    it("takes a socket of each family without an address, and one with it", function()
        assert.same({
            { protocol = "tcp", address = "0.0.0.0", number = 80, target = 81, position = 1 },
            { protocol = "tcp", address = "::", number = 80, target = 81, position = 1 },
            { protocol = "udp", address = "::1", number = 53, target = 63, position = 2 },
            { protocol = "udp", address = "::1", number = 54, target = 64, position = 2 },
        }, socket.of(ports("80:81", "[::1]:53-54:63-64/udp")))
        assert.same({}, socket.of(nil))
    end)

    it("collides with another one of the same number where both take what comes", function()
        for _, pair in ipairs {
            { "80", "80" }, { "80", "127.0.0.1:80" }, { "[::1]:80", "80" }, { "80", "[::]:80" },
            { "0.0.0.0:80", "127.0.0.1:80" }, { "127.0.0.1:80", "127.0.0.1:80" },
            { "[fd00::1]:80", "[::]:80" }, { "70-80", "80-90:1-11" },
        } do
            assert.matches("^tcp .*80 of the host is given twice$",
                socket.problem(ports(pair[1], pair[2])))
        end
        for _, pair in ipairs {
            { "80", "80/udp" }, { "80", "81" }, { "127.0.0.1:80", "127.0.0.2:80" },
            { "0.0.0.0:80", "[::]:80" }, { "0.0.0.0:80", "[::1]:80" }, { "70-79", "80-90" },
        } do
            assert.is_nil(socket.problem(ports(pair[1], pair[2])))
        end
    end)

    it("is one of at most so many", function()
        assert.is_nil(socket.problem(ports "1-1024"))
        assert.equal("1025 ports are more than 1024", socket.problem(ports("1-1024", "2000")))
    end)

    it("is shown briefly", function()
        assert.same({ "80:80", "127.0.0.1:80-81:90-91", "udp:[::1]:53:53" },
            socket.shown(ports("80", "127.0.0.1:80-81:90-91", "udp:[::1]:53")))
    end)
end)
