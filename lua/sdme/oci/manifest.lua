-- Manifests and indexes of images, by the image-spec of the OCI and what Docker had before it
-- (Image Manifest Version 2, Schema 2).

local document <const> = require "sdme.oci.document"
local fault <const> = require "sdme.fault"
local text <const> = require "sdme.text"

local M <const> = {}

-- As many as an overlay takes.
local MAX_LAYERS <const> = 500
local MAX_MANIFESTS <const> = 2000

local MAX_BLOB <const> = 256 << 30

local OCI <const> = "application/vnd.oci.image."
local DOCKER <const> = "application/vnd.docker."

local KINDS <const> = {
    [OCI .. "index.v1+json"] = "index",
    [OCI .. "manifest.v1+json"] = "manifest",
    [DOCKER .. "distribution.manifest.list.v2+json"] = "index",
    [DOCKER .. "distribution.manifest.v2+json"] = "manifest",
}

---What to ask a registry for.
M.MEDIA_TYPES = {
    OCI .. "index.v1+json", OCI .. "manifest.v1+json",
    DOCKER .. "distribution.manifest.list.v2+json", DOCKER .. "distribution.manifest.v2+json",
}

local CONFIGS <const> = {
    [OCI .. "config.v1+json"] = true,
    [DOCKER .. "container.image.v1+json"] = true,
}

local COMPRESSIONS <const> = {
    [OCI .. "layer.v1.tar"] = "none",
    [OCI .. "layer.v1.tar+gzip"] = "gzip",
    [OCI .. "layer.v1.tar+zstd"] = "zstd",
    [DOCKER .. "image.rootfs.diff.tar"] = "none",
    [DOCKER .. "image.rootfs.diff.tar.gzip"] = "gzip",
    [DOCKER .. "image.rootfs.diff.tar.zstd"] = "zstd",
}

-- Layers that their owner wants to be had from elsewhere.
local FOREIGN <const> = { "%.nondistributable%.", "%.foreign%." }

---@class sdme.oci.Descriptor
---@field media_type string
---@field digest string
---@field size integer
---@field annotations table<string, string>?
---@field platform { os: string?, architecture: string?, variant: string? }? in an index
---@field compression string? of a layer: "gzip", "zstd" or "none"

---@class sdme.oci.Manifest
---@field kind "index"|"manifest"
---@field media_type string
---@field manifests sdme.oci.Descriptor[] of an index
---@field config sdme.oci.Descriptor of a manifest
---@field layers sdme.oci.Descriptor[] of a manifest, from the bottom to the top
---@field annotations table<string, string>?

---"index", "manifest", or nil if it is neither's media type.
---@param media_type string
---@return string?
function M.kind_of(media_type)
    return KINDS[media_type]
end

local function read_descriptor(entry, fallback)
    return {
        media_type = entry:line("mediaType", not fallback) or fallback,
        digest = entry:digest "digest",
        size = entry:integer("size", 0, MAX_BLOB, true),
        annotations = entry:map "annotations",
    }
end

local function read_layer(entry)
    local layer <const> = read_descriptor(entry)
    layer.compression = COMPRESSIONS[layer.media_type]
    if layer.compression then
        return layer
    end
    for _, pattern in ipairs(FOREIGN) do
        if layer.media_type:find(pattern) then
            entry:fail("mediaType", "%s: such a layer isn't in a registry, and can't be had",
                layer.media_type)
        end
    end
    return entry:fail("mediaType", "expected a layer in tar, not %s", layer.media_type)
end

local function read_config(root)
    local entry <const> = root:object("config", true)
    local config <const> = read_descriptor(entry)
    if not CONFIGS[config.media_type] then
        entry:fail("mediaType", "expected the config of an image, not %s",
            root:line "artifactType" or config.media_type)
    elseif config.size > document.MAX_SIZE then
        entry:fail("size", "expected at most %d bytes", document.MAX_SIZE)
    end
    return config
end

local function read_manifest(root, manifest)
    manifest.config = read_config(root)
    manifest.layers = {}
    for i, entry in ipairs(root:objects("layers", MAX_LAYERS, true)) do
        manifest.layers[i] = read_layer(entry)
    end
    return manifest
end

local function read_platform(entry)
    local platform <const> = entry:object "platform"
    return platform and {
        os = platform:line "os", architecture = platform:line "architecture",
        variant = platform:line "variant",
    }
end

local function read_index(root, manifest)
    manifest.manifests = {}
    for i, entry in ipairs(root:objects("manifests", MAX_MANIFESTS, true)) do
        local descriptor <const> = read_descriptor(entry)
        descriptor.platform = read_platform(entry)
        manifest.manifests[i] = descriptor
    end
    return manifest
end

-- What it is by its own fields, by what it was announced as, or by what it has; these agree.
local function find_media_type(root, announced)
    local own <const> = root:line "mediaType"
    local found = own or KINDS[announced] and announced
    if not found then
        found = root:has "manifests" and M.MEDIA_TYPES[1] or M.MEDIA_TYPES[2]
    end
    if not KINDS[found] then
        root:fail("mediaType", "expected a manifest or an index of an image, not %s", found)
    elseif own and KINDS[announced] and announced ~= own then
        root:fail("mediaType", "it came as %s, and says that it is %s", announced, own)
    end
    return found
end

-- What is read as one by us and as the other by somebody else is neither: CVE-2021-41190.
local function check_shape(root, kind)
    local other <const> = kind == "index" and { "config", "layers" } or { "manifests" }
    for _, key in ipairs(other) do
        if root:has(key) then
            root:fail(key, "expected no such field in %s",
                kind == "index" and "an index" or "a manifest")
        end
    end
end

---Reads a manifest or an index.
---@param bytes string
---@param what string what it is, for messages
---@param announced string? the media type that it came with
---@return sdme.oci.Manifest
function M.parse(bytes, what, announced)
    local root <const> = document.parse(bytes, what)
    local version <const> = root:integer("schemaVersion", 1, 2, true)
    if version == 1 then
        fault.raise("EUNSUPPORTED", nil,
            "%s: expected a manifest of version 2; version 1 has no checkable config", what)
    end
    local media_type <const> = find_media_type(root, announced)
    local manifest <const> = { kind = KINDS[media_type], media_type = media_type,
        annotations = root:map "annotations" }
    check_shape(root, manifest.kind)
    if manifest.kind == "index" then
        return read_index(root, manifest)
    end
    return read_manifest(root, manifest)
end

-- What descriptors of an index are for, in one line.
---@param descriptors sdme.oci.Descriptor[]
---@return string
function M.list_platforms(descriptors)
    local names <const>, seen <const> = {}, {}
    for _, descriptor in ipairs(descriptors) do
        local platform <const> = descriptor.platform or {}
        local name <const> = table.concat({ platform.os or "unknown",
            platform.architecture or "unknown", platform.variant }, "/")
        if not seen[name] and platform.os ~= "unknown" and #names < 32 then
            seen[name], names[#names + 1] = true, text.printable(name)
        end
    end
    return table.concat(names, ", ")
end

return M
