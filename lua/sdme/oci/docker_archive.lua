-- Images that `docker save` and `podman save` have written, after the archive was unpacked: a
-- manifest.json names each image's config and layers. (Newer ones are an OCI layout as well.)

local blob <const> = require "sdme.oci.blob"
local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local document <const> = require "sdme.oci.document"
local fault <const> = require "sdme.fault"
local image <const> = require "sdme.oci.image"
local json <const> = require "sdme.json"
local manifest <const> = require "sdme.oci.manifest"
local platform <const> = require "sdme.oci.platform"
local text <const> = require "sdme.text"

local file <const> = core.file

local M <const> = {}

local MAX_IMAGES <const> = 1000
local MAX_LAYERS <const> = 500

local DOCKER <const> = "application/vnd.docker."
local MANIFEST <const> = DOCKER .. "distribution.manifest.v2+json"
local CONFIG <const> = DOCKER .. "container.image.v1+json"

-- How compressed layers begin, which `docker save` never writes and others do: compression, bytes.
local MAGIC <const> = { { "gzip", "\x1f\x8b" }, { "zstd", "\x28\xb5\x2f\xfd" } }

local MEDIA_TYPES <const> = {
    none = DOCKER .. "image.rootfs.diff.tar", gzip = DOCKER .. "image.rootfs.diff.tar.gzip",
    zstd = DOCKER .. "image.rootfs.diff.tar.zstd",
}

-- What the root of a system has, and an archive of images hasn't.
local SYSTEM <const> = { "bin", "etc", "usr" }

---Whether a directory is what such an archive holds.
---@param path string
---@return boolean
function M.is_archive(path)
    for _, name in ipairs(SYSTEM) do
        if file.stat(path .. "/" .. name) then
            return false
        end
    end
    return (file.stat(path .. "/manifest.json") or {}).type == "file"
end

local function read(archive, path, what)
    local bytes <const>, why <const>, code <const> =
        file.read(path, { root = archive.root, max = document.MAX_SIZE })
    return bytes or fault.raise(code, nil, "%s: %s: %s", archive.name, what, why)
end

local function has_tag(entry, tag)
    for _, name in ipairs(entry:texts("RepoTags", MAX_IMAGES) or {}) do
        if name == tag or name:sub(-#tag - 1) == ":" .. tag then
            return true
        end
    end
    return false
end

local function all_tags(entries)
    local tags <const> = {}
    for _, entry in ipairs(entries) do
        for _, name in ipairs(entry:texts("RepoTags", MAX_IMAGES) or {}) do
            tags[#tags + 1] = #tags < 32 and text.printable(name) or nil
        end
    end
    return table.concat(tags, ", ")
end

local function select(archive, entries, tag)
    if not tag and #entries > 1 then
        fault.raise("EUSAGE", ("%s:TAG says which: %s"):format(archive.name, all_tags(entries)),
            "%s has more than one image", archive.name)
    end
    for _, entry in ipairs(entries) do
        if not tag or has_tag(entry, tag) then
            return entry
        end
    end
    return fault.raise("ENOENT", #entries > 0 and "there are " .. all_tags(entries) or nil,
        "%s has no image%s", archive.name,
        tag and " with the tag " .. text.printable(tag) or "")
end

-- The file of a config is called by its digest.
local function read_config(archive, entry)
    local path <const> = entry:line("Config", true)
    local bytes <const> = read(archive, path, "the config")
    local digest <const> = blob.digest(bytes)
    local expected <const> = path:match "(%x+)%.json$" or path:match "^blobs/sha256/(%x+)$"
    if expected and #expected == 64 and digest ~= "sha256:" .. expected then
        fault.raise("EDIGEST", nil, "%s: the config %s has the digest %s", archive.name,
            text.printable(path), digest)
    end
    return bytes, { digest = digest, mediaType = CONFIG, size = #bytes }
end

local function compression_of(descriptor)
    local handle <close> = assert(io.open("/proc/self/fd/" .. descriptor:fileno(), "rb"))
    local header <const> = handle:read(4) or ""
    for _, magic in ipairs(MAGIC) do
        if header:sub(1, #magic[2]) == magic[2] then
            return magic[1]
        end
    end
    return "none"
end

-- A layer as a manifest would name it.
local function describe(archive, path, diff_id)
    local what <const> = ("%s: layer %s"):format(archive.name, text.printable(path))
    local check <const> = fault.context(what)
    local stat <const> = check(file.stat(path, { root = archive.root, follow = true }))
    local handle <close> = check(file.open(path, { root = archive.root }))
    local compression <const> = compression_of(handle)
    local digest = diff_id
    if compression ~= "none" then
        digest = "sha256:" .. check(digests.file(handle))
    end
    return { digest = digest, mediaType = MEDIA_TYPES[compression], size = stat.size }
end

local Blob <const> = {}
Blob.__index = Blob

function Blob:close()
    self.input:close()
end
Blob.__close = Blob.close

-- The manifest that such an archive doesn't have.
local function make_manifest(archive, paths, diff_ids, config)
    if #paths ~= #diff_ids then
        fault.raise("EFORMAT", nil,
            "%s: expected as many layers in manifest.json as in the config, not %d and %d",
            archive.name, #paths, #diff_ids)
    end
    local layers <const> = json.array()
    for i, path in ipairs(paths) do
        layers[i] = describe(archive, path, diff_ids[i])
        archive.paths[layers[i].digest] = path
    end
    return json.encode { schemaVersion = 2, mediaType = MANIFEST, config = config,
        layers = layers }
end

local function open(archive, options)
    local what <const> = archive.name .. ": manifest.json"
    local entries <const> = document.parse_objects(read(archive, "manifest.json", "its manifest"),
        what, MAX_IMAGES)
    local entry <const> = select(archive, entries, options.tag)
    local config_bytes <const>, config <const> = read_config(archive, entry)
    local diff_ids <const> = require("sdme.oci.config").parse(config_bytes,
        archive.name .. ": its config").diff_ids
    local bytes <const> = make_manifest(archive, entry:texts("Layers", MAX_LAYERS, true) or {},
        diff_ids, config)
    return image.check_platform(image.new {
        name = archive.name .. (options.tag and ":" .. options.tag or ""),
        digest = blob.digest(bytes), manifest = bytes, parsed = manifest.parse(bytes, what),
        config_bytes = config_bytes,
        open = function(_, layer)
            return setmetatable({ input = fault.check(file.open(archive.paths[layer.digest],
                { root = archive.root })) }, Blob)
        end,
        on_close = function() archive.root:close() end,
    }, options.platform and platform.parse(options.platform) or platform.host())
end

---Opens an image of an archive that was unpacked.
---@param path string
---@param options { platform: string?, tag: string?, name: string? }? as for layout.open
---@return sdme.oci.Image to be closed
function M.open(path, options)
    options = options or {}
    local archive <const> = {
        root = fault.check(file.open_directory(path)), paths = {},
        name = text.printable(options.name or path),
    }
    local fine <const>, found <const> = pcall(open, archive, options)
    if not fine then
        archive.root:close()
        error(found, 0)
    end
    return found
end

return M
