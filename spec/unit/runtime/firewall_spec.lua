local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

-- Runs a Lua program in a network namespace of its own; returns what it prints.
local function inside(program)
    needs.root()
    needs.program("nft", "unshare")
    needs.that(shell.succeeds "unshare --net nft add table inet spec", "nftables in the kernel")
    return shell.lua([[
        local firewall <const> = require("sdme.core").firewall
        local function add(...)
            for _, network in ipairs { ... } do
                assert(firewall.add(network))
            end
        end
        local function remove(...)
            for _, network in ipairs { ... } do
                assert(firewall.remove(network))
            end
        end
        local function list()
            local all = assert(firewall.list())
            table.sort(all)
            return table.concat(all, " ")
        end
        ]] .. program, "unshare --net")
end

describe("core.firewall", function()
    after_each(scratch.clean)

    it("knows the networks that it was told", function()
        assert.equal("10.99.0.0 10.99.0.8 fd00:1:2:ffff::", inside [[
            assert(firewall.probe())
            add("10.99.0.0/29", "10.99.0.8/29", "fd00:1:2:ffff::/64", "10.99.0.0/29")
            print(list())]])
        assert.equal("", inside [[print(list())]])
    end)

    it("has them leave under another address, but not among themselves", function()
        local ruleset <const> = inside [[
            add("10.99.0.0/29", "fd00:1:2:ffff::/64")
            os.execute "nft list table inet sdme"]]
        for _, line in ipairs {
            "ip saddr @networks4 ip daddr != @networks4 masquerade",
            "ip6 saddr @networks6 ip6 daddr != @networks6 masquerade",
            "type nat hook postrouting priority srcnat; policy accept;",
            "elements = { 10.99.0.0/29 }", "elements = { fd00:1:2:ffff::/64 }",
        } do
            assert.truthy(ruleset:find(line, 1, true), line)
        end
    end)

    it("knows a network at the end of all addresses", function()
        assert.matches("elements = { 255.255.255.248/29 }", inside [[
            add("255.255.255.248/29")
            os.execute "nft list table inet sdme"]], 1, true)
    end)

    it("forgets one, and with the last one all that is its own", function()
        assert.equal("10.99.0.8", inside [[
            add("10.99.0.0/29", "10.99.0.8/29")
            remove("10.99.0.0/29", "10.99.0.0/29", "10.98.0.0/16")
            print(list())]])
        assert.equal("table ip other", inside [[
            os.execute "nft add table ip other"
            add("10.99.0.0/29", "fd00::/64")
            remove("10.99.0.0/29", "fd00::/64", "fd00::/64")
            os.execute "nft list tables"]])
    end)

    it("has all of it be there again, whatever somebody has taken away", function()
        for _, line in ipairs {
            "flush ruleset", "flush chain inet sdme outgoing", "delete table inet sdme",
            "flush set inet sdme networks4",
        } do
            assert.equal("10.99.0.0 2", inside(([[
                add("10.99.0.0/29")
                os.execute "nft %s"
                add("10.99.0.0/29")
                local pipe = io.popen "nft list table inet sdme"
                local _, rules = pipe:read "a":gsub(" masquerade\n", "")
                print(list() .. " " .. rules)]]):format(line)), line)
        end
    end)

    it("says so where the kernel has no nftables", function()
        needs.program "cc"
        local library <const> = scratch.directory() .. "/none.so"
        shell.run("cc -shared -fPIC -o %s spec/support/no_nftables.c", library)
        assert.equal("the kernel has no nftables that translate addresses EUNSUPPORTED\n"
            .. "add network 10.99.0.0/29: the kernel has no nftables that translate addresses "
            .. "EUNSUPPORTED\ntrue\n", (inside(([[
                local program = [=[
                    local firewall <const> = require("sdme.core").firewall
                    print(select(2, firewall.probe()))
                    print(select(2, firewall.add "10.99.0.0/29"))
                    print(firewall.remove "10.99.0.0/29")]=]
                local pipe = io.popen("LD_PRELOAD=%s lua5.4 -e '" .. program .. "'")
                io.write((pipe:read "a":gsub("\t", " ")))]]):format(library)) .. "\n"))
    end)

    it("takes networks only", function()
        for _, text in ipairs { "", "10.0.0.0/33", "shop" } do
            assert.error_matches(function() core.firewall.add(text) end, "no address or network")
        end
    end)
end)
