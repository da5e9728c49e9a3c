local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local task <const> = require "sdme.task"
local wait <const> = require "spec.support.wait"

local address <const>, link <const>, netns <const> = core.address, core.link, core.netns
local route <const> = core.route

describe("core.address", function()
    local here, there

    before_each(function()
        needs.root()
        here, there = assert(netns.create()), assert(netns.create())
        assert(link.add_veth { name = "a", netns = here, peer = "b", peer_netns = there })
    end)

    after_each(function()
        here:close()
        there:close()
        wait.alone()
    end)

    local function texts(where)
        local list <const> = {}
        for _, one in ipairs(assert(address.list { netns = where })) do
            if not one.address:find "^fe80:" then
                list[#list + 1] = one.link .. " " .. one.address
            end
        end
        table.sort(list)
        return list
    end

    it("lists what the interfaces of a namespace have", function()
        assert(link.set_up { name = "a", netns = here })
        assert(link.set_up { name = "b", netns = there })
        assert.same({}, texts(here))
        assert(netns.loopback_up(here))
        assert(route.add_address { netns = here, link = "a", address = "10.88.0.1/24" })
        assert(route.add_address { netns = here, link = "a", address = "fd00:88::1/64" })
        assert.same({ "a 10.88.0.1/24", "a fd00:88::1/64", "lo 127.0.0.1/8", "lo ::1/128" },
            texts(here))
        assert(route.add_address { netns = here, link = "a", address = "10.89.0.130/25" })
        assert(route.add_address { netns = here, link = "a", address = "fd00:89::f:1/109" })
        local networks <const> = {}
        for _, one in ipairs(assert(address.list { netns = here })) do
            networks[one.address] = one.network
        end
        assert.equal("10.88.0.0/24", networks["10.88.0.1/24"])
        assert.equal("10.89.0.128/25", networks["10.89.0.130/25"])
        assert.equal("fd00:89::8:0/109", networks["fd00:89::f:1/109"])
        assert.equal("::1/128", networks["::1/128"])
        assert.is_true(#assert(address.list()) > 0)
    end)

    it("tells when one has come or gone", function()
        local watch <close> = assert(address.watch { netns = here })
        local function changed()
            wait.until_true("a change", function() return (watch:step()) end)
        end
        assert(netns.loopback_up(here))
        changed()
        wait.until_true("all that came", function() return not watch:step() end)
        local given <const> = { netns = here, link = "a", address = "10.88.0.1/24" }
        assert(route.add_address(given))
        assert.is_true(task.await(watch))
        assert(route.remove_address(given))
        assert.is_true(task.await(watch))
        wait.until_true("nothing more", function() return not watch:step() end)
        assert(route.add_address { netns = there, link = "b", address = "10.88.0.2/24" })
        assert.is_false((watch:step()))
    end)

    it("knows misuse", function()
        assert.has_error(function() address.list { net = 1 } end)
        assert.is_nil((address.list { netns = 99 }))
        assert.equal("EBADF", select(3, address.watch { netns = 99 }))
        local watch <const> = assert(address.watch())
        watch:close()
        watch:close()
        assert.has_error(function() watch:poll() end)
    end)
end)
