local pattern <const> = require "sdme.recipe.pattern"

local function matches(text, path)
    return pattern.matches(pattern.compile(text), pattern.split(path))
end

describe("sdme.recipe.pattern", function()
    local MATCHES <const> = {
        { "a.c", "a.c" }, { "*.c", "a.c" }, { "*", ".hidden" }, { "a*b*c", "aXbYc" },
        { "?", "x" }, { "?", "é" }, { "[abc]x", "bx" }, { "[!abc]x", "dx" }, { "[^a]x", "bx" },
        { "[a-c]", "b" },
        { "[]x]", "]" }, { "[!]x]", "a" }, { "[a%]", "%" }, { "[[:digit:]]", "7" },
        { "[[:alpha:]_-]", "-" }, { "\\*", "*" }, { "a\\[1]", "a[1]" },
        { "[", "[" }, { "[a", "[a" },
        { "a.b", "a.b" }, { "%d", "%d" }, { "(x)", "(x)" }, { "a/b", "a/b" }, { "*/b", "a/b" },
        { "**/c", "c" }, { "**/c", "a/b/c" }, { "a/**/c", "a/c" }, { "a/**/c", "a/x/y/c" },
        { "a/**", "a/x/y" }, { "**", "x" }, { "**/a/**/b", "x/a/y/b" }, { "a**b", "aXb" },
    }
    for _, one in ipairs(MATCHES) do
        it(("matches %s by %s"):format(one[2], one[1]), function()
            assert.is_true(matches(one[1], one[2]))
        end)
    end

    local MISSES <const> = {
        { "a.c", "abc" }, { "*.c", "a/b.c" }, { "*", "a/b" }, { "?", "ab" }, { "[!a]", "a" },
        { "[a-c]", "d" }, { "\\*", "x" }, { "a/**", "a" }, { "a/**/c", "b/c" }, { "**/c", "c/d" },
        { "*.c", "a.cc" }, { "[[:digit:]]", "x" }, { "a", "A" },
    }
    for _, one in ipairs(MISSES) do
        it(("doesn't match %s by %s"):format(one[2], one[1]), function()
            assert.is_false(matches(one[1], one[2]))
        end)
    end

    it("refuses a class of characters that there isn't", function()
        local fine <const>, raised <const> = pcall(pattern.compile, "[[:nope:]]")
        assert.is_false(fine)
        assert.matches("'%[%[:nope:%]%]' has no class of characters %[:nope:%]", raised.message)
    end)

    it("takes many stars in its stride", function()
        assert.is_false(matches(("*a"):rep(6) .. "b", ("a"):rep(60)))
        assert.is_false(matches(("**/"):rep(8) .. "b", ("a/"):rep(12) .. "c"))
    end)
end)
