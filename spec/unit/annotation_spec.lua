-- The reader of annotations, which the build works by.

local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local annotation <const> = dofile "src/annotation.lua"

-- The first thing that a source says something about.
local function first(source)
    return annotation.read(source, "x.lua")[1]
end

local function parameter(text)
    local param <const> = first("---@param " .. text .. "\nfunction M.f(a) end").params[1]
    return param.name, param.type, param.text, param.optional
end

describe("an annotation", function()
    it("has a text, parameters and results", function()
        local item <const> = first [[
---Does it.
---
---Raises `ENOENT`.
---@param path string where
---@param options sdme.Options? how
---@return string content of the file,
---  to its end
---@return any ... more of it
function M.read(path, options)]]
        assert.equal("Does it.\n\nRaises `ENOENT`.", item.text)
        assert.same({ "path", "options" }, item.code.parameters)
        assert.same({ "M", "read", false }, { item.code.owner, item.code.name, item.code.method })
        assert.same({
            { type = "string", name = "content", text = "of the file, to its end" },
            { type = "any", name = "...", text = "more of it" },
        }, item.returns)
        assert.equal(9, item.line)
    end)

    it("has types with blanks in them", function()
        for _, case in ipairs {
            { "string", "text" }, { "string?", "text", true }, { "string|nil", "text", true },
            { "table<string, integer[]>", "by name" },
            { "{ a: string, b: integer? }?", "text", true },
            { "fun(a: string, ...): boolean, string?", "asks" }, { '"a b"|"c"', "text" },
            { "string | integer", "text" }, { "(string|sdme.Bind)[]", "text" },
            { "(fun(a: string): string?)?", "asks", true },
            { "[string, integer][]", "text" }, { "file*", "text" }, { "sdme.core.Lock", "" },
        } do
            local name <const>, type_text <const>, text <const>, optional <const> =
                parameter("a " .. case[1] .. " " .. case[2])
            assert.same({ "a", case[1], case[2], case[3] }, { name, type_text, text, optional })
        end
    end)

    it("may say of a parameter that it is optional", function()
        assert.same({ "a", "string", "how", true }, { parameter "a? string how" })
    end)

    it("keeps examples as they are", function()
        assert.equal("Does it.\n\n```lua\nif x then\n    y()\nend\n```", first [[
---Does it.
---
---```lua
---if x then
---    y()
---end
---```
function M.f()]].text)
    end)

    it("names a class, what it is based on, and its fields", function()
        local item <const> = first [[
---A lock.
---@class sdme.Lock: sdme.Handle
---@field path string where it is,
---  absolute
---@field [integer] string and more
local Lock <const> = {}]]
        assert.same({ "sdme.Lock", "sdme.Handle", "A lock.", "Lock" },
            { item.class, item.parent, item.text, item.code.variable })
        assert.same({ "path", "[integer]" }, { item.fields[1].name, item.fields[2].name })
        assert.equal("where it is, absolute", item.fields[1].text)
    end)

    it("is missed where a function has none", function()
        local item <const> = first "function M.f(a, ...) end"
        assert.same({ true, "", { "a", "..." } }, { item.bare, item.text, item.code.parameters })
    end)

    it("is an error with its file and line where it can't be read", function()
        for source, expected in pairs {
            ["---@param a\nfunction M.f(a) end"] = "x.lua:1: 'a' lacks a type",
            ["---@param a <x\nfunction M.f(a) end"] = "x.lua:1: no type in '<x'",
            ["\n---@nonsense x\nlocal a"] = "x.lua:2: there is no annotation '@nonsense' here",
        } do
            assert.equal(expected, select(2, pcall(first, source)))
        end
    end)
end)

describe("what the build gathers", function()
    after_each(scratch.clean)

    local function gather(source)
        needs.program "lua5.4"
        local directory <const> = scratch.directory()
        local file <close> = assert(io.open(directory .. "/init.lua", "w"))
        assert(file:write(source))
        file:close()
        local _, output <const> = pcall(shell.run,
            "lua5.4 src/document.lua %s lua/sdme/setting.lua lua/sdme/config.lua %s 2>&1; true",
            directory .. "/data.lua", directory .. "/init.lua")
        return output
    end

    it("has all types that are named", function()
        assert.matches("init.lua:4: there is no class sdme.Nobody, which is named", gather [[
---@class sdme
local M <const> = {}
---@param a sdme.Nobody who
function M.f(a)]])
    end)

    it("has the fields of each class in one place", function()
        assert.matches("init.lua:6: the fields of sdme are in .*init.lua:3, too", gather [[
---@class sdme
---@field a string
local M <const> = {}
---@class sdme
---@field b string]])
    end)
end)
