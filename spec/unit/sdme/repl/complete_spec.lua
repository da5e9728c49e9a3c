local complete <const> = require "sdme.repl.complete"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"

local function candidates(before)
    return (complete.candidates(before))
end

describe("completion at the prompt", function()
    before_each(function()
        local class <const> = { __name = "class", go = function() end, height = 7 }
        class.__index = class
        _G.spec_object = setmetatable({ name = "o", list = { { inner = 1 } } }, class)
        _G.spec_odd = { ["a b"] = 1, [1] = 2, _hidden = 3, ["end"] = 4, fine = 5 }
    end)

    after_each(function()
        _G.spec_object, _G.spec_odd = nil, nil
        config.select {}
        scratch.clean()
    end)

    it("knows globals", function()
        assert.same({ "spec_object", "spec_odd" }, candidates "print(spec_o")
        assert.same({ "string" }, candidates "strin")
    end)

    it("knows the words of Lua", function()
        assert.same({ "repeat", "require", "return" }, candidates "re")
    end)

    it("knows fields, and those of classes", function()
        assert.same({ "go", "height", "list", "name" }, candidates "spec_object.")
        assert.same({ "height" }, candidates "x = 1 + spec_object.he")
    end)

    it("knows methods after a colon", function()
        assert.same({ "go" }, candidates "spec_object:")
        assert.same({}, candidates "spec_object:na")
    end)

    it("knows what is deeper", function()
        assert.same({ "inner" }, candidates "spec_object.list[1].in")
        assert.same({ "inner" }, candidates 'spec_object["list"][ 1 ] . in')
    end)

    it("knows the methods of strings", function()
        assert.same({ "upper" }, candidates "spec_object.name:up")
    end)

    it("offers what can be written as a name, and what is hidden if that was begun", function()
        assert.same({ "fine" }, candidates "spec_odd.")
        assert.same({ "_hidden" }, candidates "spec_odd._")
    end)

    it("knows the parts of sdme that are loaded when they are needed", function()
        _G.sdme = require "sdme"
        assert.same({ "sleep" }, candidates "sdme.task.sl")
        assert.same({ "task" }, candidates "sdme.ta")
        assert.same({ "config" }, candidates "sdme.conf")
        _G.sdme = nil
    end)

    for _, before in ipairs {
        "", "x = ", '"spec_o', "'spec_object.", "-- spec_o", "--[[ spec_o", "[[spec_o", "f().na",
        "nothing.x", "spec_object.name.x.y", "spec_object[i].", "1.", "a..", ").x",
        "(spec_object).n", "spec_object[[", "]].", "].x", "'x'].a",
    } do
        it("has nothing for: " .. before, function()
            assert.same({}, candidates(before))
        end)
    end

    describe("of a table that is an argument", function()
        setup(function()
            _G.sdme = require "sdme"
            local datadir <const> = scratch.directory()
            assert(core.file.mkdir(datadir .. "/containers/web", { parents = true }))
            config.select { datadir = datadir }
            _G.spec_web = _G.sdme.container "web"
        end)
        teardown(function()
            _G.sdme, _G.spec_web = nil, nil
        end)

        for before, expected in pairs {
            ["sdme.new { mem"] = "memory",
            ['sdme.create({ name = "a", bind = { "/srv" }, mem'] = "memory",
            ["spec_web:set {\n    memo"] = "memory",
            ['sdme.create_pod("shop", { po'] = "ports",
            ['sdme.pod { name = "shop", contai'] = "containers",
            ["sdme.pod { containers = { db = { vol"] = "volumes",
            ['sdme.pod { containers = { ["db"] = { ready = { ht'] = "http",
            ["sdme.new { port = { { proto"] = "protocol",
            ["spec_web:exec { 'ls', che"] = "check",
        } do
            it("are its keys: " .. before, function()
                assert.same({ expected }, candidates(before))
            end)
        end

        it("are all of them where none has begun", function()
            assert.same({ "exec", "http", "tcp", "timeout", "unit" },
                candidates "sdme.pod { containers = { a = { ready = {")
        end)

        for _, before in ipairs {
            "sdme.pod { containers = { d", "sdme.new { memory = sdm", "{ mem", "print { mem",
            "sdme.new({}, { mem", "spec_web:nothing { mem", "(f) { mem",
            "sdme.new { nothing = { mem",
        } do
            it("aren't known here: " .. before, function()
                for _, name in ipairs(candidates(before)) do
                    assert.is_falsy(name == "memory" or name == "db")
                end
            end)
        end
    end)

    it("goes on behind strings and comments", function()
        assert.same({ "spec_object" }, candidates '"a\\"b" --[[ c ]] .. spec_ob')
        assert.same({ "spec_object" }, candidates "-- a comment\nspec_ob")
    end)

    it("runs nothing of the user's", function()
        local function no() error "ran" end
        _G.spec_object = setmetatable({ field = 1 }, { __index = no, __pairs = no, __len = no,
            __call = no, __tostring = no })
        assert.same({ "field" }, candidates "spec_object.")
        assert.same({}, candidates "spec_object.missing.")
        setmetatable(_G, { __index = no })
        local names <const> = candidates "spec_nothing.x"
        setmetatable(_G, nil)
        assert.same({}, names)
    end)

    it("ends where classes go round", function()
        local a <const>, b <const> = {}, {}
        setmetatable(a, { __index = b })
        setmetatable(b, { __index = a })
        _G.spec_object = a
        assert.same({}, candidates "spec_object.x")
    end)

    it("knows containers and root filesystems by their names", function()
        local datadir <const> = scratch.directory()
        assert(core.file.mkdir(datadir .. "/containers/web-1", { parents = true }))
        assert(core.file.mkdir(datadir .. "/containers/web-2", { parents = true }))
        assert(core.file.mkdir(datadir .. "/fs", { parents = true }))
        assert(core.file.write(datadir .. "/fs/debian.json", "{}"))
        config.select { datadir = datadir }
        assert.same({ "web-1", "web-2" }, candidates 'c = sdme.container "w')
        assert.same({ "web-1" }, candidates "sdme.container('web-1")
        assert.same({ "debian" }, candidates 'sdme.new { fs = "')
        assert.same({ "debian" }, candidates 'sdme.fs.get("de')
        assert.same({}, candidates 'print("w')
    end)
end)

describe("Tab at the prompt", function()
    before_each(function()
        _G.spec_alpha_one, _G.spec_alpha_two, _G.spec_beta = 1, 2, 3
    end)

    after_each(function()
        _G.spec_alpha_one, _G.spec_alpha_two, _G.spec_beta = nil, nil, nil
    end)

    it("inserts what all have in common", function()
        assert.same({ "ha_" }, { complete.complete("spec_alp", 80) })
    end)

    it("inserts the rest of the only one", function()
        assert.same({ "eta" }, { complete.complete("spec_b", 80) })
        assert.same({ "" }, { complete.complete("spec_beta", 80) })
    end)

    it("lists what there is to choose from", function()
        assert.same({ nil, "spec_alpha_one  spec_alpha_two" },
            { complete.complete("spec_alpha_", 80) })
        assert.same({ nil, "spec_alpha_one\nspec_alpha_two" },
            { complete.complete("spec_alpha_", 20) })
    end)

    it("does nothing where there is nothing", function()
        assert.is_nil((complete.complete("spec_gamma", 80)))
    end)
end)
