local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local task <const> = require "sdme.task"

describe("core.connection", function()
    local netns, own

    before_each(function()
        needs.root()
        netns = assert(core.netns.create())
        assert(core.netns.loopback_up(netns))
        own = assert(core.netns.open(core.process.identity().pid))
    end)

    after_each(function()
        netns:close()
        own:close()
    end)

    it("reaches a server in its namespace, and in no other", function()
        local listener <close>, port = assert(core.port.listen("tcp", "127.0.0.1", 0))
        assert.is_truthy(listener)
        local opening <close> = assert(core.connection.open(own, "127.0.0.1", port))
        local connected <close> = assert(task.await(opening))
        assert.is_true(connected:fileno() > 2)
        local elsewhere <close> = assert(core.connection.open(netns, "127.0.0.1", port))
        local none <const>, message <const>, code <const> = task.await(elsewhere)
        assert.same({ nil, "ECONNREFUSED" }, { none, code })
        assert.equal("connect: Connection refused", message)
    end)

    it("takes addresses in digits only", function()
        local none <const>, message <const>, code <const> =
            core.connection.open(netns, "localhost", 80)
        assert.same({ nil, "EINVAL" }, { none, code })
        assert.equal("connect to localhost: Invalid argument", message)
        assert.has_error(function() core.connection.open(netns, "::1", 0) end)
        assert.has_error(function() core.connection.open(netns, "::1", 65536) end)
    end)

    it("may be given up", function()
        local opening <const> = assert(core.connection.open(netns, "::1", 80))
        opening:close()
        opening:close()
        assert.is_nil((opening:poll()))
        assert.has_error(function() opening:step() end)
    end)
end)
