local cache <const> = require "sdme.cache"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local garbage <const> = require "sdme.garbage"
local layer <const> = require "sdme.store.layer"
local needs <const> = require "spec.support.needs"
local prune <const> = require "sdme.prune"
local pull <const> = require "sdme.store.pull"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local store <const> = require "sdme.store"

local DIGEST <const> = "sha256:" .. ("ab"):rep(32)

describe("the cache", function()
    setup(needs.root)
    before_each(function()
        config.select { datadir = scratch.directory() }
        store.prepare()
    end)
    after_each(scratch.clean)

    -- A pull of three layers that has come to its first one.
    local function begin()
        local transaction <close> = layer.begin()
        local id <const> = layer.id_of(DIGEST)
        local one <const> = pull.begin(DIGEST, "some/image",
            { id, "sha256-" .. ("0"):rep(64), "sha256-" .. ("1"):rep(64) })
        local new <close> = transaction:new()
        transaction:add(new, { id = id, size = 1234 })
        return one
    end

    local function age(days)
        shell.run("touch -d %s %s/*.json", days .. " days ago", store.path("cache", "pulls"))
    end

    it("shows what came of an image", function()
        begin():close()
        assert.same({ {
            kind = "image", key = ("ab"):rep(32), source = "some/image", size = 1234, layers = 3,
            present = 1, complete = false,
        } }, cache.list())
        assert.same({ { kind = "image", name = "some/image", size = 1234 } }, prune.find())
    end)

    it("is emptied of it, and of its layers", function()
        begin():close()
        assert.equal(1234, cache.clean())
        assert.same({ {}, {} }, { cache.list(), layer.list() })
    end)

    it("keeps what is being pulled", function()
        local _ <close> = begin()
        age(30)
        assert.equal(0, cache.clean())
        garbage.collect()
        assert.same({ 1, 1 }, { #cache.list(), #layer.list() })
    end)

    it("keeps what may be gone on with for a week, and then not", function()
        begin():close()
        age(6)
        garbage.collect()
        assert.equal(1, #layer.list())
        age(8)
        assert.same({ { kind = "layer", name = layer.id_of(DIGEST) } }, garbage.collect())
        assert.same({ {}, {} }, { cache.list(), layer.list() })
    end)

    it("is emptied of damaged notes too, which hide what is garbage until then", function()
        begin():close()
        assert(core.file.write(store.path("cache", "pulls", ("ab"):rep(32) .. ".json"), "{"))
        assert.error_matches(garbage.collect, "is damaged")
        assert.equal("damaged", cache.list()[1].source)
        cache.clean()
        assert.equal(1, #garbage.collect())
    end)
end)
