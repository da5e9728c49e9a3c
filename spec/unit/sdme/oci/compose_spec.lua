local compose <const> = require "sdme.oci.compose"
local config <const> = require "sdme.oci.config"
local json <const> = require "sdme.json"
local raised <const> = require "spec.support.raised"

local function digest(character)
    return "sha256:" .. character:rep(64)
end

local function part(character, more)
    local made <const> = { diff_id = digest(character), blobs = {}, comment = "from " .. character }
    for key, value in pairs(more or {}) do
        made[key] = value
    end
    return made
end

-- The config of an image as its registry has it.
local ORIGINAL <const> = json.encode {
    architecture = "arm64", variant = "v8", os = "linux", created = "2020-01-01T00:00:00Z",
    config = {
        User = "a:b", Env = { "PATH=/bin", "LINES=a\nb" }, Entrypoint = { "/e" }, Cmd = { "c" },
        WorkingDir = "/w", StopSignal = "SIGINT", Labels = { x = "y" },
        ExposedPorts = { ["80/tcp"] = {}, ["53/udp"] = {} }, Volumes = { ["/v"] = {} },
        Healthcheck = { Test = { "CMD", "true" }, Interval = 1500000000, Timeout = 2000000000,
            StartPeriod = 3000000000, StartInterval = 500000000, Retries = 4 },
        Shell = { "/bin/sh", "-c" },
    },
    rootfs = { type = "layers", diff_ids = { digest "a", digest "b" } },
    history = json.array {
        { created_by = "one" }, { created_by = "none", empty_layer = true },
        { created_by = "two" },
    },
}

describe("the config of an image that goes out", function()
    -- What is written for an image with these layers, read again.
    local function written(parts, original)
        local diff_ids <const> = {}
        for i in ipairs(parts) do
            diff_ids[i] = digest(tostring(i))
        end
        local bytes <const> = compose.config({
            parts = parts, created = "2026-01-01T00:00:00Z", name = "some",
            config = original and config.parse(original, "it"),
        }, diff_ids)
        return json.decode(bytes, "it"), bytes
    end

    it("says what the original said of how its program runs", function()
        local parts <const> = { part "a", part "b" }
        local found <const> = written(parts, ORIGINAL)
        assert.same(json.decode(ORIGINAL, "it").config, found.config)
        assert.equal("arm64", found.architecture)
        assert.equal("v8", found.variant)
        assert.same({ digest "1", digest "2" }, found.rootfs.diff_ids)
    end)

    it("has the original's history, and an entry for each layer above", function()
        local history <const> = written({ part "a", part "b", part "c" }, ORIGINAL).history
        assert.equal(4, #history)
        assert.is_true(history[2].empty_layer)
        assert.equal("from c", history[4].comment)
    end)

    it("has a history of its own where the layers are others", function()
        for _, parts in ipairs {
            { part "b" }, { part "b", part "a" }, { part "a" }, { part "c", part "b", part "a" },
        } do
            local history <const> = written(parts, ORIGINAL).history
            assert.equal(#parts, #history)
            assert.equal(parts[1].comment, history[1].comment)
        end
    end)

    it("has a shell to run where nothing is known", function()
        local found <const> = written { part "a" }
        assert.same({ "/bin/sh" }, found.config.Cmd)
        assert.equal("linux", found.os)
        assert.equal(1, #found.history)
    end)

    it("has the same bytes each time", function()
        local parts <const> = { part "a", part "b" }
        local _, first <const> = written(parts, ORIGINAL)
        local _, second <const> = written(parts, ORIGINAL)
        assert.equal(first, second)
    end)
end)

describe("the blobs that a layer is known to be", function()
    local DOCKER <const> = "application/vnd.docker.image.rootfs.diff.tar"

    it("have media types of OCI, and the digests of what is in them", function()
        local known <const> = compose.known(part("a", { blobs = {
            { digest = digest "1", size = 1, media_type = DOCKER .. ".gzip" },
            { digest = digest "2", size = 2, media_type = DOCKER, diff_id = digest "c" },
        } }))
        assert.equal(compose.MEDIA_TYPES.gzip, known[1].media_type)
        assert.equal(digest "a", known[1].diff_id)
        assert.equal(compose.MEDIA_TYPES.none, known[2].media_type)
        assert.equal(digest "c", known[2].diff_id)
    end)

    it("are those of a compression, and none that aren't digests", function()
        local one <const> = part("a", { blobs = {
            { digest = "../x", size = 1, media_type = DOCKER },
            { digest = digest "1", size = 1, media_type = compose.MEDIA_TYPES.zstd },
        } })
        assert.equal(1, #compose.known(one))
        assert.equal(1, #compose.known(one, "zstd"))
        assert.equal(0, #compose.known(one, "gzip"))
        assert.matches("^layers are compressed by gzip, zstd, none, not by xz$",
            raised(compose.check_compression, "xz").message)
    end)
end)
