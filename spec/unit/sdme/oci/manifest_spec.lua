local json <const> = require "sdme.json"
local manifest <const> = require "sdme.oci.manifest"
local raised <const> = require "spec.support.raised"

local DIGEST <const> = "sha256:" .. ("0123456789abcdef"):rep(4)
local OCI <const> = "application/vnd.oci.image."
local DOCKER <const> = "application/vnd.docker."
local LIST <const> = DOCKER .. "distribution.manifest.list.v2+json"

local function descriptor(media_type, more)
    local made <const> = { mediaType = media_type, digest = DIGEST, size = 7 }
    for key, value in pairs(more or {}) do
        made[key] = value
    end
    return made
end

-- A manifest with what is different.
local function image(changes)
    local made <const> = {
        schemaVersion = 2, mediaType = OCI .. "manifest.v1+json",
        config = descriptor(OCI .. "config.v1+json"),
        layers = { descriptor(OCI .. "layer.v1.tar+gzip") },
    }
    for key, value in pairs(changes or {}) do
        made[key] = value ~= json.null and value or nil
    end
    return made
end

local function index(...)
    return { schemaVersion = 2, mediaType = OCI .. "index.v1+json", manifests = { ... } }
end

local function parse(value, announced)
    return manifest.parse(json.encode(value), "x", announced)
end

describe("a manifest", function()
    local function refused(expected, value, announced)
        local bytes <const> = type(value) == "string" and value or json.encode(value)
        local why <const> = raised(manifest.parse, bytes, "x", announced)
        assert.matches(expected, why.message)
        assert.matches("^x: ", why.message)
        assert.is_nil(why.message:find "%c")
        return why.code
    end

    it("has a config, and layers of each compression", function()
        local parsed <const> = parse(image { layers = {
            descriptor(OCI .. "layer.v1.tar"), descriptor(OCI .. "layer.v1.tar+gzip"),
            descriptor(OCI .. "layer.v1.tar+zstd", { annotations = { a = "b" } }),
            descriptor(DOCKER .. "image.rootfs.diff.tar"),
            descriptor(DOCKER .. "image.rootfs.diff.tar.gzip"),
            descriptor(DOCKER .. "image.rootfs.diff.tar.zstd"),
        } })
        assert.equal("manifest", parsed.kind)
        assert.same({ media_type = OCI .. "config.v1+json", digest = DIGEST, size = 7 },
            parsed.config)
        local compressions <const> = {}
        for i, layer in ipairs(parsed.layers) do
            compressions[i] = layer.compression
        end
        assert.same({ "none", "gzip", "zstd", "none", "gzip", "zstd" }, compressions)
        assert.same({ a = "b" }, parsed.layers[3].annotations)
    end)

    it("may be Docker's", function()
        assert.equal("manifest", parse(image {
            mediaType = DOCKER .. "distribution.manifest.v2+json",
            config = descriptor(DOCKER .. "container.image.v1+json"),
        }).kind)
    end)

    it("may be an index with platforms", function()
        for _, media_type in ipairs { OCI .. "index.v1+json", LIST } do
            local value <const> = index(descriptor(OCI .. "manifest.v1+json", { platform =
                { os = "linux", architecture = "arm", variant = "v7" } }),
                descriptor(OCI .. "index.v1+json"))
            value.mediaType = media_type
            local parsed <const> = parse(value)
            assert.equal("index", parsed.kind)
            assert.equal(media_type, parsed.media_type)
            assert.same({ os = "linux", architecture = "arm", variant = "v7" },
                parsed.manifests[1].platform)
            assert.is_nil(parsed.manifests[2].platform)
            assert.equal("linux/arm/v7, unknown/unknown",
                manifest.list_platforms(parsed.manifests))
        end
    end)

    it("is what it came as, or what it looks like, if it doesn't say", function()
        assert.equal(OCI .. "manifest.v1+json", parse(image { mediaType = json.null }).media_type)
        local value <const> = index()
        value.mediaType = nil
        assert.equal(LIST, parse(value, LIST).media_type)
        assert.equal(OCI .. "index.v1+json", parse(value, "text/plain").media_type)
    end)

    it("is refused if it lies about what it is", function()
        refused("it came as .*list.* and says that it is .*manifest.v1", image(), LIST)
        refused("manifests: expected no such field in a manifest",
            image { manifests = json.array { descriptor(OCI .. "manifest.v1+json") } })
        refused("layers: expected no such field in an index", image { mediaType = LIST,
            config = json.null, manifests = json.array() })
        refused("mediaType: expected a manifest or an index", image { mediaType = "text/html" })
        refused("mediaType: expected a text", image { mediaType = 3 })
        assert.equal("EUNSUPPORTED", refused("version 1", { schemaVersion = 1, fsLayers = {} }))
    end)

    it("is refused with layers that aren't tar, or aren't there", function()
        refused("layers%[0%].mediaType: expected a layer in tar, not application/x%-lzma",
            image { layers = { descriptor "application/x-lzma" } })
        refused("can't be had", image { layers =
            { descriptor(DOCKER .. "image.rootfs.foreign.diff.tar.gzip") } })
        refused("can't be had", image { layers =
            { descriptor(OCI .. "layer.nondistributable.v1.tar+zstd") } })
    end)

    it("is refused if it is something else than an image", function()
        refused("config.mediaType: expected the config of an image, not .*helm",
            image { config = descriptor "application/vnd.cncf.helm.config.v1+json" })
        refused("not application/x%-signature", image { artifactType = "application/x-signature",
            config = descriptor "application/vnd.oci.empty.v1+json" })
    end)

    it("is refused with fields of another type, or out of bounds", function()
        local function layer(changes)
            return image { layers = { descriptor(OCI .. "layer.v1.tar", changes) } }
        end
        refused("layers%[0%].size: expected a whole number from 0", layer { size = -1 })
        refused("layers%[0%].size: expected a whole number from 0", layer { size = 1.5 })
        refused("layers%[0%].size: expected a whole number from 0", layer { size = 1 << 50 })
        refused("layers%[0%].size: expected a whole number, not a text", layer { size = "7" })
        refused("layers%[0%].digest: expected a digest", layer { digest = "sha256:../../x" })
        refused("layers%[0%].digest: expected a digest", layer { digest = "md5:" .. DIGEST })
        refused("layers%[0%].digest: .*control characters, not 'a\\nb'", layer { digest = "a\nb" })
        refused("layers%[0%].annotations: expected an object, not a list",
            layer { annotations = { "a" } })
        refused("layers%[0%].annotations.a: expected a text", layer { annotations = { a = 1 } })
        refused("config.size: expected at most 4194304 bytes", image { config =
            descriptor(OCI .. "config.v1+json", { size = 1 << 23 }) })
        refused("config: expected an object, and there is none", image { config = json.null })
        refused("layers: expected a list, and there is none", image { layers = json.null })
        refused("layers: expected a list, not an object", image { layers = { a = 1 } })
        refused("layers%[0%]: expected an object, not a number", image { layers = { 1 } })
        refused("schemaVersion: expected", image { schemaVersion = json.null })
        refused("schemaVersion: expected", image { schemaVersion = 3 })
        refused("platform.os: expected a text", index(descriptor(OCI .. "manifest.v1+json",
            { platform = { os = 1 } })))
    end)

    it("is refused before it fills the memory", function()
        local one <const> = '{"mediaType":"a","digest":"b","size":1},'
        local head <const> = '{"schemaVersion":2,"layers":['
        assert.equal("EFBIG", refused("expected at most 4194304 bytes",
            head .. one:rep(1000000) .. "{}]}"))
        assert.equal("EFBIG", refused("expected at most 131072 values",
            head .. ("{},"):rep(200000) .. "{}]}"))
        refused("layers: expected a list of at most 500, not of 501", image { layers =
            (function()
                local layers <const> = {}
                for i = 1, 501 do
                    layers[i] = descriptor(OCI .. "layer.v1.tar")
                end
                return layers
            end)() })
        assert.equal("EJSON", refused("nest", ("["):rep(100000) .. ("]"):rep(100000)))
    end)

    it("is refused if it is no JSON, or cut", function()
        local whole <const> = json.encode(image())
        assert.equal("EJSON", refused("line 1", whole:sub(1, -2)))
        assert.equal("EJSON", refused("line 1", ""))
        assert.equal("EJSON", refused("not UTF%-8", '{"a":"\255"}'))
        refused("expected an object, not a list", "[1]")
        refused("expected an object, not null", "null")
    end)
end)
