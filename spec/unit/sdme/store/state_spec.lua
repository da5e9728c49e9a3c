local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"

local PORTS <const> = { { protocol = "tcp", host = 8080, container = 80 } }

local function prepare()
    needs.root()
    config.load { datadir = scratch.directory() .. "/data" }
    store.prepare()
end

describe("the state of a pod", function()
    before_each(prepare)
    after_each(function()
        scratch.clean()
        config.load {}
    end)

    it("is an empty file as long as it has nothing but its name", function()
        state.make_pod "shop"
        assert.equal("", core.file.read(state.pod_path "shop"))
        local made <const> = state.pod "shop"
        assert.matches("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", made.created)
        assert.same({ version = 1, created = made.created }, made)
        assert.is_true((state.is_new_pod "shop"))
    end)

    it("is written down with ports", function()
        state.make_pod("shop", PORTS)
        assert.is_false((state.is_new_pod "shop"))
        assert.same(PORTS, state.pod("shop").ports)
    end)

    it("is written down for whoever refers to it, and says the same", function()
        state.make_pod "shop"
        local before <const> = state.pod "shop"
        state.keep_pod "shop"
        assert.is_false((state.is_new_pod "shop"))
        assert.same(before, state.pod "shop")
    end)

    it("is no pod's where there is no file, and damaged where it isn't JSON", function()
        assert.is_false((state.is_new_pod "shop"))
        assert.has_error(function() state.pod "shop" end)
        assert(core.file.write(state.pod_path "shop", "{", { sync = false }))
        assert.has_error(function() state.pod "shop" end)
    end)

    it("is the only one that may be empty", function()
        local path <const> = store.path("fs", "debian.json")
        assert(core.file.write(path, "", { sync = false }))
        assert.error_matches(function() state.read(path) end, "is damaged")
    end)
end)

describe("the data directory", function()
    before_each(prepare)
    after_each(function()
        scratch.clean()
        config.load {}
    end)

    it("is made again for a lock, where it went away", function()
        store.lock("pod", "shop"):close()
        assert(core.tree.remove(store.path()))
        store.lock("pod", "shop"):close()
        assert.is_true(core.file.exists(store.path "pods"))
    end)
end)
