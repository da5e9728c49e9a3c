local core <const> = require "sdme.core"
local task <const> = require "sdme.task"

local function own_cgroups()
    return assert(core.file.read "/proc/self/cgroup")
end

local function threads()
    return #assert(core.file.list "/proc/self/task")
end

describe("expecting a move between cgroups", function()
    it("leaves the process where it is", function()
        local before <const> = own_cgroups()
        local move <close> = assert(core.cgroup.expect_move())
        task.await(move)
        assert.equal(before, own_cgroups())
    end)

    it("succeeds where cgroups are of version 2, and says what is missing elsewhere", function()
        local move <close> = assert(core.cgroup.expect_move())
        local done <const>, message <const> = task.await(move)
        if core.file.statfs("/sys/fs/cgroup").type == "cgroup2" then
            assert.equal(true, done, message)
        else
            assert.matches("cgroup", message)
        end
    end)

    it("leaves no thread when it is closed before its end", function()
        local before <const> = threads()
        for _ = 1, 20 do
            local _ <close> = assert(core.cgroup.expect_move())
        end
        assert.equal(before, threads())
    end)
end)
