local core <const> = require "sdme.core"
local documentation <const> = require "sdme.documentation"
local sdme <const> = require "sdme"

-- What is said about a value goes by this name.
local function name_of(value)
    local entry <const> = documentation.of(value)
    return entry and entry.name
end

describe("documentation", function()
    it("knows functions of Lua", function()
        assert.equal("sdme.create", name_of(sdme.create))
        assert.equal("sdme.fs.import", name_of(sdme.fs.import))
        assert.equal("sdme.task.await", name_of(sdme.task.await))
    end)

    it("knows functions in C", function()
        assert.equal("sdme.core.file.read", name_of(core.file.read))
        assert.is_table(core.lock) -- which makes the class
        assert.equal("lock:close", name_of(debug.getregistry()["sdme.lock"].__index.close))
    end)

    it("knows modules and objects", function()
        local from, to = core.stream.pipe()
        assert.equal("sdme", name_of(sdme))
        assert.equal("sdme.core.tree", name_of(core.tree))
        assert.same({ "sdme.Descriptor", "sdme.Descriptor" }, { name_of(from), name_of(to) })
        assert.equal("sdme.task.Group", name_of(sdme.task.group()))
        assert.equal("group:interrupt", name_of(sdme.task.group().interrupt))
    end)

    it("knows nothing of what isn't ours", function()
        for _, value in ipairs { print, string, {}, setmetatable({}, { __name = 1 }), io.stdout,
            "sdme.create", 1, coroutine.create(print) } do
            assert.is_nil(name_of(value))
        end
        assert.is_nil(documentation.text "sdme.nothing")
        assert.is_nil(documentation.of(nil))
    end)

    it("tells how a function is called, what it takes and what it gives", function()
        local entry <const> = documentation.entry "container:start"
        assert.equal("container:start([options])", entry.signature)
        assert.matches("^Starts it and returns", entry.text)
        assert.matches("\n    timeout: number%?  seconds", entry.text)
        assert.matches("\nreturns seconds: number%?  it took", entry.text)
        assert.matches("^container:start%(%[options%]%)\n\nStarts",
            documentation.text "container:start")
    end)

    it("tells the fields of what a record is based on", function()
        local text <const> = documentation.text "sdme.core.file.mkdir"
        assert.matches("\n    root: ", text)
        assert.matches("\n    uid: ", text)
        assert.matches("\n    parents: ", text)
    end)

    it("has every setting and every key of the configuration", function()
        local lists <const> = {
            ["sdme.Settings"] = require("sdme.setting").all,
            ["sdme.Configuration"] = sdme.config.keys,
        }
        for name, list in pairs(lists) do
            local fields <const> = documentation.class(name).fields
            assert.equal(#list, #fields)
            for i, one in ipairs(list) do
                assert.equal(one.name, fields[i].name)
            end
        end
    end)

    it("lists names by their beginning", function()
        assert.same({ "sdme.core.lock", "sdme.core.lock.acquire", "sdme.core.lock.holder" },
            documentation.names "sdme.core.lock")
        assert.same({}, documentation.names "no")
        assert.is_true(#documentation.names() > 250)
    end)
end)
