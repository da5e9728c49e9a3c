local generate <const> = require "sdme.generate"
local kind <const> = require "sdme.kind"

local function free()
    return false
end

describe("sdme.generate", function()
    it("gives names that a container can have", function()
        for _ = 1, 500 do
            local name <const> = generate.name(free)
            assert.equal(name, kind.name.parse(name))
            assert.matches("^%l+%-%l+$", name)
        end
    end)

    it("gives different names", function()
        local seen, count = {}, 0
        for _ = 1, 200 do
            local name <const> = generate.name(free)
            count = count + (seen[name] and 0 or 1)
            seen[name] = true
        end
        assert.is_true(count > 150)
    end)

    it("doesn't give a name that is taken", function()
        local asked <const> = {}
        local name <const> = generate.name(function(candidate)
            asked[#asked + 1] = candidate
            return #asked < 10
        end)
        assert.equal(10, #asked)
        assert.equal(asked[10], name)
    end)

    it("makes names longer when there are no short ones left", function()
        local name <const> = generate.name(function(candidate)
            return not candidate:find "%-3$"
        end)
        assert.matches("^%l+%-%l+%-3$", name)
        assert.equal(name, kind.name.parse(name))
    end)
end)
