local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local shell <const> = require "spec.support.shell"

-- As systemd makes it, in a network namespace of its own.
local TABLES <const> = [[
    table ip io.systemd.nat {
        map map_port_ipport {
            type inet_proto . inet_service : ipv4_addr . inet_service
            elements = { tcp . 8080 : 10.0.0.1 . 80, udp . 53 : 10.0.0.2 . 5300 }
        }
    }
    table ip6 io.systemd.nat {
        map map_port_ipport {
            type inet_proto . inet_service : ipv6_addr . inet_service
            elements = { tcp . 8080 : 2001:db8::1 . 81 }
        }
    }]]

-- Runs a Lua program, with `list`, where those tables are; returns what it prints.
local function inside(tables, program)
    needs.root()
    needs.program("nft", "unshare")
    local path <const> = os.tmpname()
    assert(core.file.write(path, tables))
    needs.that(shell.succeeds("unshare --net nft -f %s", path), "nftables in the kernel")
    local output <const> = shell.lua([[
        local nat <const> = require("sdme.core").nat
        local function list()
            local lines = {}
            for i, e in ipairs(assert(nat.list())) do
                lines[i] = ("%s %s %d %s %d"):format(e.family, e.protocol, e.port, e.address,
                    e.target)
            end
            table.sort(lines)
            return table.concat(lines, "\n")
        end
        ]] .. program, ("unshare --net sh -c 'nft -f %s && exec \"$@\"' -"):format(path))
    os.remove(path)
    return output
end

describe("core.nat", function()
    it("lists the ports that systemd translates", function()
        assert.equal("inet tcp 8080 10.0.0.1 80\ninet udp 53 10.0.0.2 5300\n"
            .. "inet6 tcp 8080 2001:db8::1 81", inside(TABLES, "print(list())"))
    end)

    it("lists a great many", function()
        local elements <const> = {}
        for i = 1, 5000 do
            elements[i] = ("tcp . %d : 10.0.0.1 . %d"):format(i, i)
        end
        local tables <const> = TABLES:gsub("elements = {.-}",
            "elements = { " .. table.concat(elements, ", ") .. " }", 1)
        assert.equal("5001", inside(tables, "print(#nat.list())"))
    end)

    it("takes one out, and nothing else", function()
        assert.equal("inet udp 53 10.0.0.2 5300\ninet6 tcp 8080 2001:db8::1 81",
            inside(TABLES, [[assert(nat.remove("inet", "tcp", 8080)) print(list())]]))
        assert.equal("inet tcp 8080 10.0.0.1 80\ninet udp 53 10.0.0.2 5300",
            inside(TABLES, [[assert(nat.remove("inet6", "tcp", 8080)) print(list())]]))
    end)

    it("finds nothing to do where there is no such port, or no table", function()
        assert.equal("3", inside(TABLES,
            [[assert(nat.remove("inet", "udp", 8080)) print(#nat.list())]]))
        assert.equal("0", inside("table ip other {}",
            [[assert(nat.remove("inet", "tcp", 8080)) print(#nat.list())]]))
    end)

    it("knows what a port is", function()
        assert.error_matches(function() core.nat.remove("inet", "tcp", 0) end, "1 to 65535")
        assert.error_matches(function() core.nat.remove("inet", "sctp", 1) end, "'sctp'")
    end)
end)
