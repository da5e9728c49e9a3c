local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"

local function is_ready(set)
    return assert(core.poll.wait({ { set, "r" } }, 0))[1] == true
end

describe("core.poll.set", function()
    after_each(scratch.clean)

    it("is readable as soon as one of its descriptors is ready", function()
        local from <const>, to <const> = core.stream.pipe()
        local set <close> = assert(core.poll.set { { from, "r" } })
        assert.is_false(is_ready(set))
        to:close()
        assert.is_true(is_ready(set))
        from:close()
    end)

    it("watches a descriptor for all that its entries ask", function()
        local from <const>, to <const> = core.stream.pipe()
        local reading <close> = assert(core.poll.set { { to, "r" }, { to, "r" } })
        assert.is_false(is_ready(reading))
        local both <close> = assert(core.poll.set { { to, "r" }, { to, "w" }, { to, "r" } })
        assert.is_true(is_ready(both))
        from:close()
        to:close()
    end)

    it("takes a regular file for ready, as poll does", function()
        local path <const> = scratch.directory() .. "/file"
        local file <close> = assert(io.open(path, "w"))
        local set <close> = assert(core.poll.set { { file, "r" } })
        assert.is_true(is_ready(set))
    end)

    it("can be woken, and is never ready of nothing", function()
        local set <close> = assert(core.poll.set {})
        assert.is_false(is_ready(set))
        set:wake()
        assert.is_true(is_ready(set))
    end)

    it("names a descriptor that there is none of", function()
        local set, message, code = core.poll.set { { 999, "r" } }
        assert.is_nil(set)
        assert.equal("watch descriptor 999: Bad file descriptor", message)
        assert.equal("EBADF", code)
    end)

    it("says when it is closed", function()
        local set <const> = assert(core.poll.set {})
        set:close()
        set:close()
        assert.has_error(function() set:fileno() end,
            "calling 'fileno' on bad self (the set is closed)")
        assert.has_error(function() core.poll.set "r" end)
    end)
end)
