-- The memory of the interpreter's Lua state.

local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local SDME <const> = (os.getenv "BUILD" or "build") .. "/bin/sdme"

-- Strings, tables and their arrays come, grow, shrink and go, of all sizes around those at which
-- blocks are rounded, more than are kept in one place; and each still is what it was made as.
local PROGRAM <const> = [[
    local kept, state = {}, 1
    local function random(most)
        state = state * 1103515245 + 12345 & 0x7fffffff
        return (state >> 8) % most + 1
    end
    local function make(size)
        local list = {}
        for i = 1, size do
            list[i] = size + i
        end
        for i = size // 2, size do
            list[i] = nil
        end
        list[size] = size
        return { text = string.char(size % 95 + 32):rep(size), list = list, size = size }
    end
    local function check(one)
        assert(one.text == string.char(one.size % 95 + 32):rep(one.size))
        assert(one.list[one.size] == one.size)
        for i = 1, one.size // 2 - 1 do
            assert(one.list[i] == one.size + i)
        end
    end
    for mode = 1, 2 do
        for i = 1, 30000 do
            local slot = random(1000)
            if kept[slot] then
                check(kept[slot])
            end
            kept[slot] = make(i % 100 == 0 and random(3000) or random(150))
        end
        collectgarbage "generational"
    end
    for _, one in pairs(kept) do
        check(one)
    end
    print(collectgarbage "count" > 1024)]]

describe("the memory of the interpreter", function()
    after_each(scratch.clean)

    it("keeps what is in it, whatever else comes and goes", function()
        local path <const> = scratch.directory() .. "/program.lua"
        assert(core.file.write(path, PROGRAM))
        assert.equal("true", shell.run("%s run %s", SDME, path))
    end)
end)
