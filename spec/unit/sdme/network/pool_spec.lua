local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local needs <const> = require "spec.support.needs"
local pool <const> = require "sdme.network.pool"
local scratch <const> = require "spec.support.scratch"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"

-- With a pool of its own, in a data directory of its own.
local function select(networks)
    local directory <const> = scratch.directory()
    assert(core.file.write(directory .. "/sdme.conf",
        ("address_pool = { %s }\n"):format(networks), { sync = false }))
    config.load { file = directory .. "/sdme.conf", datadir = directory .. "/data" }
    store.prepare()
end

local function note(name, address)
    state.write(store.path("pods", name .. ".json"),
        { networks = { { kind = "veth", link = name, address = { address } } } }, { sync = false })
end

local function take(size, seed)
    local texts <const> = {}
    for i, network in ipairs(pool.take(size, seed, "spec")) do
        texts[i] = tostring(network)
    end
    return table.concat(texts, " ")
end

describe("the pool of addresses", function()
    before_each(needs.root)
    after_each(function()
        scratch.clean()
        config.load {}
    end)

    it("gives the same network to who comes again, and none twice", function()
        select '"198.18.0.0/27"'
        local seen <const> = {}
        for i = 1, 4 do
            local name <const> = "pod" .. i
            local network <const> = take("link", name)
            assert.equal(network, take("link", name))
            assert.is_nil(seen[network])
            seen[network] = true
            note(name, network)
        end
        local fine <const>, why <const> = pcall(take, "link", "late")
        assert.is_false(fine)
        assert.is_true(fault.is(why, "ENOSPC"))
        assert.equal("spec: address_pool (198.18.0.0/27) has no free network", why.message)
        assert.equal("sdme config set address_pool NETWORK,...", why.hint)
    end)

    it("has networks of several sizes beside each other, and goes on in its next part", function()
        select '"198.18.0.0/24", "198.19.0.0/24"'
        note("one", "198.18.0.77/29")
        assert.equal("198.19.0.0/24", take("zone", "lab"))
        assert.matches("^198%.18%.0%.%d+/29$", take("link", "two"))
    end)

    it("passes over what is taken as a whole", function()
        select '"198.18.0.0/16"'
        note("one", "198.18.1.1/17")
        for i = 1, 50 do
            local third <const> = tonumber(take("link", "pod" .. i):match "^198%.18%.(%d+)%.")
            assert.is_true(third >= 128)
        end
        note("other", "198.0.0.1/8")
        assert.is_false((pcall(take, "link", "pod")))
    end)

    it("has a network of each family", function()
        select '"198.18.0.0/16", "fd00:9::/48"'
        if pool.has_ipv6() then
            assert.matches("^198%.18%.%d+%.%d+/29 fd00:9:%x*:?%x*:?:/64$", take("link", "pod"))
        end
    end)

    it("takes no account of what is damaged", function()
        select '"198.18.0.0/29"'
        assert(core.file.write(store.path("pods", "bad.json"), "{", { sync = false }))
        assert.equal("198.18.0.0/29", take("link", "pod"))
    end)

    it("is made of networks that can be divided", function()
        for _, text in ipairs {
            "10.0.0.1/8", "10.0.0.0/30", "10.0.0.0/7", "fd00::/65", "10.0.0.0", "x/8",
        } do
            assert.is_false((pcall(select, ("%q"):format(text))), text)
        end
    end)
end)
