local escape <const> = require "spec.support.escape"
local page <const> = require "spec.support.security_page"

local function read(path)
    local file <close> = assert(io.open(path))
    return file:read "a"
end

describe("doc/security.md", function()
    it("has the tables that the specs and the directives are made of", function()
        assert.equal(page.fill(page.read()), page.read())
    end)

    it("names specs that there are", function()
        local named <const> = page.specs(page.read())
        assert.is_true(#named > 20)
        for _, spec in ipairs(named) do
            local source <const> = read(spec.path):gsub('"%s*%.%.%s*"', "")
            assert.is_truthy(source:find(spec.words or "describe", 1, true), spec.words)
        end
    end)

    it("has every attempt that the prober knows, once", function()
        local known <const>, source <const> = {}, read "spec/support/escape.c"
        for name, last in source:gmatch '\n    {"([%w-]+)", [%w_]+, [%w_.&]+, (%l+)},' do
            known[name] = last == "false" or nil
        end
        local listed <const> = {}
        for _, attempt in ipairs(escape.attempts) do
            assert.is_nil(listed[attempt[1]], attempt[1])
            listed[attempt[1]] = true
            for _, signs in ipairs { attempt[3], attempt[4] } do
                assert.matches("^[+?~-][+?~-][+?~-][+?~-]$", signs)
            end
        end
        assert.same(known, listed)
    end)

    it("has no application get what its container doesn't", function()
        for _, attempt in ipairs(escape.attempts) do
            for level = 1, 4 do
                local guest <const>, own <const> =
                    attempt[3]:sub(level, level), attempt[4]:sub(level, level)
                assert.is_true(own == "-" or guest == "+", attempt[1])
            end
        end
    end)
end)
