local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

-- What Lua hands over is checked before C counts on it.
describe("a binding", function()
    after_each(scratch.clean)

    ---An array that says it has another length than it has.
    local function liar(array, length)
        return setmetatable(array, { __len = function() return length end })
    end

    ---An array with holes, whose length is 2^61 by the rules of Lua.
    local function sparse(value)
        local array <const> = { value, value }
        for bit = 2, 61 do
            array[1 << bit] = value
        end
        array[5] = value
        return array
    end

    it("takes arrays as long as they are, whatever their metatable says", function()
        for _, length in ipairs { -1, -2, 0, 5, math.maxinteger, 1 << 61 } do
            assert.same({}, core.poll.wait(liar({}, length), 0))
            local child <close> = assert(core.process.spawn { argv = liar({ "true" }, length) })
            assert.is_true(child:pid() > 0)
        end
        collectgarbage()
    end)

    it("refuses arrays that are longer than anything could need", function()
        local array <const> = sparse "true"
        assert.equal(1 << 61, #array)
        assert.error_matches(function() core.process.spawn { argv = array } end, "argv: too many")
        assert.error_matches(function()
            core.process.replace { argv = { "true" }, keep = array }
        end, "keep: too many")
        assert.error_matches(function() core.poll.wait(sparse {}, 0) end, "too many")
        assert.error_matches(function()
            core.process.spawn { argv = { "true" }, uid = 0, gid = 0, groups = sparse(0) }
        end, "groups: too many")
        assert.error_matches(function() core.overlay.mount { lowers = array } end,
            "lowers: too many")
        assert.error_matches(function()
            core.port.forward { netns = 0, ports = sparse {} }
        end, "ports: too many")
    end)

    it("doesn't mistake the part of a path before a NUL byte for the path", function()
        local path <const> = scratch.directory() .. "/x"
        shell.run("touch %s", path)
        for name, call in pairs {
            ["lock.acquire"] = core.lock.acquire,
            ["lock.holder"] = core.lock.holder,
            ["mount.clone"] = core.mount.clone,
            ["mount.attach"] = function(given) return core.mount.attach(0, given) end,
            ["netns.open"] = core.netns.open,
            ["netns.hold"] = function(given) return core.netns.hold(0, given) end,
            ["netns.release"] = core.netns.release,
            ["file.set_attribute"] = function(given)
                return core.file.set_attribute(path, "user." .. given, "")
            end,
            ["bus.open_machine"] = core.bus.open_machine,
            ["bus.open_address"] = core.bus.open_address,
            ["process.signal"] = core.process.signal,
        } do
            assert.error_matches(function() call(path .. "\0y") end, "a NUL byte", 1, false, name)
        end
        assert.is_true(shell.succeeds("test -e %s", path))
    end)

    it("refuses what can't be a descriptor", function()
        assert.error_matches(function() core.poll.wait({ { -1, "r" } }, 0) end, "no descriptor")
        assert.error_matches(function() core.poll.wait({ { 1 << 40, "r" } }, 0) end,
            "no descriptor")
        assert.error_matches(function() core.poll.wait({ { {}, "r" } }, 0) end,
            "descriptor expected, got table")
    end)
end)
