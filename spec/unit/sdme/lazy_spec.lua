local lazy <const> = require "sdme.lazy"

describe("what is made when it is asked for", function()
    it("is made once, and not before", function()
        local made = 0
        local value <const> = lazy.value(function()
            made = made + 1
            return { one = 1 }
        end)
        assert.equal(0, made)
        assert.equal(1, value.one)
        assert.is_nil(value.two)
        assert.equal(1, made)
    end)

    it("is tried again where that failed", function()
        local fails = true
        local value <const> = lazy.value(function()
            return fails and error("not yet", 0) or { one = 1 }
        end)
        assert.has_error(function() return value.one end, "not yet")
        fails = false
        assert.equal(1, value.one)
    end)

    it("can be a module", function()
        package.preload["spec.lazy"] = function() return { name = "lazy" } end
        local module <const> = lazy.module "spec.lazy"
        assert.is_nil(package.loaded["spec.lazy"])
        assert.equal("lazy", module.name)
        assert.is_table(package.loaded["spec.lazy"])
        package.preload["spec.lazy"], package.loaded["spec.lazy"] = nil, nil
    end)
end)
