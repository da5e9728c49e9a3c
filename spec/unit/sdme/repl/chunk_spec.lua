local chunk <const> = require "sdme.repl.chunk"

local function run(text)
    return assert(chunk.compile(text))()
end

describe("a chunk of the prompt", function()
    after_each(function()
        _G.spec_local, _G.spec_other = nil, nil
    end)

    it("gives the values of an expression", function()
        assert.same({ 3, nil, "x", n = 3 }, table.pack(run '1 + 2, nil, "x"'))
    end)

    it("gives nothing for statements", function()
        assert.same({ n = 0 }, table.pack(run "spec_other = 1"))
    end)

    it("gives what statements return", function()
        assert.equal(7, run "local x = 7 return x")
    end)

    for _, text in ipairs {
        "for i = 1, 2 do", "f(", "x =", "{ 1,", "[[", '"a" ..', "--[[", "if x",
    } do
        it("is incomplete: " .. text, function()
            local body <const>, _, incomplete <const> = chunk.compile(text)
            assert.is_nil(body)
            assert.is_true(incomplete)
        end)
    end

    for _, text in ipairs { "for for", "x = = 1", ")", '"a', "end", "1 +* 2" } do
        it("is wrong, whatever follows: " .. text, function()
            local body <const>, why <const>, incomplete <const> = chunk.compile(text .. "\n")
            assert.is_nil(body)
            assert.matches("^repl:1: ", why)
            assert.is_false(incomplete)
        end)
    end

    it("is text, and no bytecode", function()
        assert.is_nil((chunk.compile(string.dump(function() end))))
    end)

    it("leaves its locals to the next as globals", function()
        run "local spec_local, spec_other = 1, { 2 }"
        assert.equal(1, run "spec_local")
        assert.equal(2, run "spec_other[1]")
    end)

    it("leaves locals that a comment follows", function()
        run "local spec_local = 5 -- five"
        assert.equal(5, run "spec_local")
    end)

    it("leaves no locals of inner blocks", function()
        run "do local spec_local = 1 end for spec_other = 1, 2 do end"
        assert.is_nil(run "spec_local")
        assert.is_nil(run "spec_other")
    end)

    it("closes what is to be closed at its end", function()
        _G.spec_other = {}
        run [[local x <close> = setmetatable({},
            { __close = function() spec_other.closed = true end })]]
        _G.x = nil
        assert.is_true(_G.spec_other.closed)
    end)

    it("may be blank", function()
        assert.is_true(chunk.is_blank " \n\t")
        assert.is_false(chunk.is_blank " x")
    end)
end)
