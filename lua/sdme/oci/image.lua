-- An image: its manifest and config, checked against each other, and the way to its layers.

local config <const> = require "sdme.oci.config"
local fault <const> = require "sdme.fault"
local manifest <const> = require "sdme.oci.manifest"
local platform <const> = require "sdme.oci.platform"
local text <const> = require "sdme.text"

local M <const> = {}

-- Indexes in indexes, and how many there may be in all.
local MAX_DEPTH <const> = 4
local MAX_INDEXES <const> = 64

---@class sdme.oci.ImageLayer
---@field digest string of the blob
---@field media_type string
---@field size integer
---@field diff_id string digest of the tar stream in it
---@field compression "gzip"|"zstd"|"none"
---@field annotations table<string, string>?

---@class sdme.oci.Image
---@field name string canonical, as it is to be remembered
---@field digest string of the manifest
---@field media_type string of the manifest
---@field manifest string its bytes
---@field config_bytes string
---@field config sdme.oci.Config
---@field layers sdme.oci.ImageLayer[] from the bottom to the top
---@field open fun(self: sdme.oci.Image, layer: sdme.oci.ImageLayer): table a closeable blob:
---  `input` to read it from, and nil or `feed` to run meanwhile
local Image <const> = {}
Image.__index = Image

function Image:close()
    if self.on_close then
        self.on_close()
        self.on_close = nil
    end
end
Image.__close = Image.close

-- The layers with the digests of what is in them, which only the config knows.
local function join(name, descriptors, diff_ids)
    if #descriptors ~= #diff_ids then
        fault.raise("EFORMAT", nil,
            "%s: expected as many layers in the manifest as in the config, not %d and %d", name,
            #descriptors, #diff_ids)
    end
    local layers <const> = {}
    for i, descriptor in ipairs(descriptors) do
        layers[i] = {
            digest = descriptor.digest, media_type = descriptor.media_type,
            size = descriptor.size, compression = descriptor.compression,
            annotations = descriptor.annotations, diff_id = diff_ids[i],
        }
    end
    return layers
end

---An image whose manifest is verified.
---@param fields table `name`, `digest`, `manifest` (bytes), `parsed` (the same as manifest.parse
---  gives it), `config_bytes` (verified), `open`, `on_close`
---@return sdme.oci.Image to be closed
function M.new(fields)
    local parsed <const> = config.parse(fields.config_bytes, fields.name .. ": its config")
    return setmetatable({
        name = fields.name, digest = fields.digest, media_type = fields.parsed.media_type,
        manifest = fields.manifest, config_bytes = fields.config_bytes, config = parsed,
        layers = join(fields.name, fields.parsed.layers, parsed.diff_ids), open = fields.open,
        on_close = fields.on_close,
    }, Image)
end

-- Manifests that descriptors lead to, through indexes.
local function collect(leaves, descriptors, wanted, read, state, depth)
    for _, descriptor in ipairs(descriptors) do
        local kind <const> = manifest.kind_of(descriptor.media_type)
        if kind == "manifest" then
            leaves[#leaves + 1] = descriptor
        elseif kind == "index" and #platform.order({ descriptor }, wanted) > 0 then
            state.count = state.count + 1
            if depth >= MAX_DEPTH or state.count > MAX_INDEXES then
                fault.raise("E2BIG", nil,
                    "%s: expected at most %d indexes, one in another at most %d times", state.name,
                    MAX_INDEXES, MAX_DEPTH)
            end
            local index <const> = manifest.parse(read(descriptor, "index"),
                ("%s: index %s"):format(state.name, descriptor.digest), descriptor.media_type)
            collect(leaves, index.manifests, wanted, read, state, depth + 1)
        end
    end
    return leaves
end

-- The manifest for a platform among what an index names.
local function choose(name, descriptors, wanted, read)
    local leaves <const> = collect({}, descriptors, wanted, read, { count = 0, name = name }, 0)
    return platform.choose(leaves, wanted) or fault.raise("ENOENT",
        "--platform says which one is wanted", "%s: there is none for %s, but for %s", name,
        tostring(wanted), #leaves > 0 and manifest.list_platforms(leaves) or "none at all")
end

---Raises if an image is for another platform. One that doesn't say is for any.
---@param image sdme.oci.Image
---@param wanted sdme.oci.Platform
---@return sdme.oci.Image
function M.check_platform(image, wanted)
    local own <const> = platform.of(image.config)
    if own and not platform.runs(own, wanted) then
        fault.raise("ENOENT", "--platform=" .. text.printable(tostring(own)) .. " takes it anyway",
            "%s: it is for %s, not for %s", image.name, text.printable(tostring(own)),
            tostring(wanted))
    end
    return image
end

-- Where an image is found, and how it is read from there.
---@class sdme.oci.ImageSource
---@field name string of the image, for messages and as it is to be remembered
---@field wanted sdme.oci.Platform
---@field read fun(descriptor: sdme.oci.Descriptor, what: "index"|"manifest"|"config"): string gives
---verified bytes
---@field open fun(self: sdme.oci.Image, layer: sdme.oci.ImageLayer)? as in an image
---@field on_close fun()?

---The image of a manifest, if it is for the platform that is wanted.
---@param source sdme.oci.ImageSource
---@param bytes string verified
---@param digest string of them
---@param parsed sdme.oci.Manifest the same
---@return sdme.oci.Image to be closed
function M.of_manifest(source, bytes, digest, parsed)
    return M.check_platform(M.new {
        name = source.name, digest = digest, manifest = bytes, parsed = parsed,
        config_bytes = source.read(parsed.config, "config"), open = source.open,
        on_close = source.on_close,
    }, source.wanted)
end

---The image for the platform that is wanted among what an index names, or indexes in it.
---@param source sdme.oci.ImageSource
---@param descriptors sdme.oci.Descriptor[]
---@return sdme.oci.Image to be closed
function M.of_index(source, descriptors)
    local found <const> = choose(source.name, descriptors, source.wanted, source.read)
    local bytes <const> = source.read(found, "manifest")
    return M.of_manifest(source, bytes, found.digest, manifest.parse(bytes,
        ("%s: manifest %s"):format(source.name, found.digest), found.media_type))
end

return M
