local platform <const> = require "sdme.oci.platform"
local raised <const> = require "spec.support.raised"

local function descriptors(...)
    local list <const> = {}
    for i, name in ipairs { ... } do
        local os <const>, architecture <const>, variant <const> = name:match "^(%w+)/(%w+)/?(%w*)$"
        list[i] = { name = name, platform = os and
            { os = os, architecture = architecture, variant = variant } }
    end
    return list
end

local function choose(wanted, ...)
    local found <const> = platform.choose(descriptors(...), platform.parse(wanted))
    return found and found.name
end

describe("a platform", function()
    it("has one name, whoever writes it", function()
        for name, canonical in pairs {
            ["linux/amd64"] = "linux/amd64", ["linux/x86_64"] = "linux/amd64",
            ["linux/amd64/v1"] = "linux/amd64", ["linux/amd64/v3"] = "linux/amd64/v3",
            ["linux/arm64"] = "linux/arm64", ["linux/aarch64"] = "linux/arm64",
            ["linux/arm64/v8"] = "linux/arm64", ["linux/arm64/8"] = "linux/arm64",
            ["linux/arm"] = "linux/arm/v7", ["linux/armhf"] = "linux/arm/v7",
            ["linux/armel"] = "linux/arm/v6", ["Linux/ARM/V6"] = "linux/arm/v6",
            ["linux/i386"] = "linux/386", ["s390x"] = "linux/s390x",
            ["windows/amd64"] = "windows/amd64",
        } do
            assert.equal(canonical, tostring(platform.parse(name)))
        end
    end)

    it("is refused in one line where it isn't one", function()
        for _, name in ipairs { "", "linux/", "/amd64", "linux/amd64/v1/x", "linux/a b",
            "linux/" .. ("a"):rep(33), "linux/\27" } do
            local why <const> = raised(platform.parse, name)
            assert.equal("EINVAL", why.code)
            assert.matches("expected a platform such as linux/amd64", why.message)
            assert.is_nil(why.message:find "%c")
        end
    end)

    it("of this host is one of Linux", function()
        assert.matches("^linux/%w+", tostring(platform.host()))
    end)

    it("is chosen exactly where it is there", function()
        assert.equal("linux/arm64", choose("linux/arm64", "linux/amd64", "linux/arm/v7",
            "linux/arm64"))
        assert.equal("linux/arm64/v8", choose("linux/arm64", "linux/arm64/v8"))
        assert.equal("linux/amd64", choose("linux/amd64", "linux/386", "linux/amd64",
            "linux/amd64/v2"))
    end)

    it("falls back to what it executes too, the nearest first", function()
        assert.equal("linux/arm/v7", choose("linux/arm64", "linux/arm/v5", "linux/arm/v7",
            "linux/arm/v6"))
        assert.equal("linux/arm/v6", choose("linux/arm/v7", "linux/arm64", "linux/arm/v5",
            "linux/arm/v6"))
        assert.equal("linux/amd64/v2", choose("linux/amd64/v3", "linux/amd64", "linux/amd64/v2",
            "linux/amd64/v4"))
        assert.equal("linux/386", choose("linux/amd64", "linux/386", "linux/arm64"))
    end)

    it("is none of those that it doesn't execute", function()
        assert.is_nil(choose("linux/amd64", "linux/arm64", "windows/amd64", "linux/amd64/v2",
            "unknown/unknown"))
        assert.is_nil(choose("linux/arm/v6", "linux/arm/v7", "linux/arm64"))
        assert.is_nil(choose("linux/s390x"))
    end)

    it("comes before what says nothing of platforms, and the first of equals wins", function()
        assert.equal("linux/amd64", choose("linux/amd64", "anything", "linux/amd64"))
        assert.equal("anything", choose("linux/amd64", "linux/arm64", "anything", "other"))
        local two <const> = descriptors("linux/amd64", "linux/amd64")
        assert.equal(two[1], platform.choose(two, platform.parse "amd64"))
    end)
end)
