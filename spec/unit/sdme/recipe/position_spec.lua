local position <const> = require "sdme.recipe.position"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"

local HERE <const> = "spec/unit/sdme/recipe/position_spec.lua"

local function line_here()
    return debug.getinfo(2, "l").currentline
end

local function write(text)
    local path <const> = scratch.directory() .. "/part.lua"
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(text))
    return path
end

describe("the position of a call", function()
    after_each(scratch.clean)

    it("is the caller's line", function()
        local where <const> = position.of_caller()
        assert.same({ line_here() - 1, "spec/unit/sdme/recipe" }, { where.line, where.directory })
        local _, caught <const> = pcall(position.of_caller)
        assert.equal(line_here() - 1, caught.line)
    end)

    it("is that of a function, where the call itself leaves no trace", function()
        local path <const> = write [[
            local position, build = ...
            return position.of_caller(build)]]
        local function build() end
        local found <const> = loadfile(path)(position, build)
        assert.same({ line_here() - 2, "spec/unit/sdme/recipe" }, { found.line, found.directory })
    end)

    it("is in the file of a recipe that another one loads", function()
        local path <const> = write [[return require "sdme".recipe {
            name = "a", from = "scratch", color = "red",
            build = function() end,
        }]]
        local why <const> = raised(function()
            local _ = dofile(path)
        end)
        assert.matches("part%.lua:3: ", tostring(why))
    end)

    it("is where a file was loaded that has nothing to go by", function()
        local path <const> = write 'return require "sdme".pod { name = "a", colour = 1 }'
        local line
        local why <const> = raised(function()
            line = line_here() + 1
            local _ = dofile(path)
        end)
        assert.matches(("^%s:%d: "):format(HERE:gsub("%p", "%%%0"), line), why.message)
    end)

    it("is a script's, and nothing more, where even that is unknown", function()
        local function call()
            return position.of_caller()
        end
        assert.equal("a script", position.text((call())))
    end)
end)
