-- Writes OCI image layouts (image-layout.md of the image specification), good ones and bad ones:
-- what it is given goes out as it is. Needs nothing of sdme, so that its digests are another's.

local cjson <const> = require "cjson"

local M <const> = {}

-- Media types of the image specification, and of Docker's image manifest version 2, schema 2.
local OCI <const> = {
    index = "application/vnd.oci.image.index.v1+json",
    manifest = "application/vnd.oci.image.manifest.v1+json",
    config = "application/vnd.oci.image.config.v1+json",
    none = "application/vnd.oci.image.layer.v1.tar",
    gzip = "application/vnd.oci.image.layer.v1.tar+gzip",
    zstd = "application/vnd.oci.image.layer.v1.tar+zstd",
}
local DOCKER <const> = {
    index = "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest = "application/vnd.docker.distribution.manifest.v2+json",
    config = "application/vnd.docker.container.image.v1+json",
    none = "application/vnd.docker.image.rootfs.diff.tar",
    gzip = "application/vnd.docker.image.rootfs.diff.tar.gzip",
    zstd = "application/vnd.docker.image.rootfs.diff.tar.zstd",
}
M.media_types = { oci = OCI, docker = DOCKER }

-- A layer's time is the same whenever it is made.
local CREATED <const> = "2026-01-01T00:00:00Z"

local COMMANDS <const> = {
    none = "cat <%s >%s", gzip = "gzip -n -6 <%s >%s", zstd = "zstd -q -T2 -6 <%s >%s",
}

local function quote(word)
    return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function run(format, ...)
    local words <const> = { ... }
    for i, word in ipairs(words) do
        words[i] = quote(word)
    end
    local pipe <const> = assert(io.popen(format:format(table.unpack(words))))
    local output <const> = pipe:read "a"
    assert(pipe:close(), format)
    return (output:gsub("\n$", ""))
end

local function write(path, bytes)
    local file <close> = assert(io.open(path, "wb"))
    assert(file:write(bytes))
end

local function sha256(path)
    return run("sha256sum <%s", path):sub(1, 64)
end

local function size(path)
    local file <close> = assert(io.open(path, "rb"))
    return file:seek "end"
end

local Layout <const> = {}
Layout.__index = Layout

---@param directory string is made
---@return table layout
function M.new(directory)
    run("mkdir -p %s", directory .. "/blobs/sha256")
    write(directory .. "/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
    return setmetatable({ directory = directory, images = {} }, Layout)
end

-- Takes a file away from where it is.
local function adopt(layout, path, media_type)
    local digest <const>, length <const> = sha256(path), size(path)
    os.rename(path, layout:path("sha256:" .. digest))
    return { mediaType = media_type, digest = "sha256:" .. digest, size = length }
end

---The file of a blob.
---@param digest string
---@return string path
function Layout:path(digest)
    return self.directory .. "/blobs/" .. digest:gsub(":", "/")
end

---@param bytes string
---@param media_type string
---@return table descriptor
function Layout:blob(bytes, media_type)
    local path <const> = self.directory .. "/new"
    write(path, bytes)
    return adopt(self, path, media_type)
end

---@param value table
---@param media_type string
---@return table descriptor
function Layout:json(value, media_type)
    return self:blob(cjson.encode(value), media_type)
end

---@param tar string the path of a tar archive, or with `bytes` the archive
---@param options { compression: string?, bytes: boolean?, docker: boolean? }?
---@return table layer `descriptor`, `diff_id`
function Layout:layer(tar, options)
    options = options or {}
    local plain <const>, packed <const> = self.directory .. "/plain", self.directory .. "/packed"
    if options.bytes then
        write(plain, tar)
    end
    local compression <const> = options.compression or "gzip"
    local source <const> = options.bytes and plain or tar
    run(COMMANDS[compression], source, packed)
    local diff_id <const> = "sha256:" .. sha256(source)
    os.remove(plain)
    return {
        descriptor = adopt(self, packed, (options.docker and DOCKER or OCI)[compression]),
        diff_id = diff_id,
    }
end

---A layer that another layout has, or a descriptor of it with another media type.
---@param other table
---@param layer table
---@param media_type string?
---@return table layer
function Layout:share(other, layer, media_type)
    local descriptor <const> = layer.descriptor
    run("ln -f %s %s", other:path(descriptor.digest), self:path(descriptor.digest))
    return { diff_id = layer.diff_id, descriptor = { digest = descriptor.digest,
        size = descriptor.size, mediaType = media_type or descriptor.mediaType } }
end

-- Of a platform such as "linux/arm/v7".
local function platform(text)
    local os_name <const>, architecture <const>, variant <const> =
        text:match "^([^/]+)/([^/]+)/?(.*)$"
    return { os = os_name, architecture = architecture,
        variant = variant ~= "" and variant or nil }
end

---@param layers table[]
---@param options table? `config`, that of an image configuration; `platform`; `docker`; `change`, a
---  function of the configuration and the manifest before they are written
---@return table descriptor of its manifest, with the platform
function Layout:image(layers, options)
    options = options or {}
    local types <const> = options.docker and DOCKER or OCI
    local where <const> = platform(options.platform or "linux/amd64")
    local diff_ids <const>, descriptors <const>, history <const> = {}, {}, {}
    for i, layer in ipairs(layers) do
        diff_ids[i], descriptors[i] = layer.diff_id, layer.descriptor
        history[i] = { created = CREATED, created_by = "layer " .. i }
    end
    local config <const> = {
        created = CREATED, os = where.os, architecture = where.architecture,
        variant = where.variant, config = options.config or { Cmd = { "/bin/sh" } },
        rootfs = { type = "layers", diff_ids = diff_ids }, history = history,
    }
    local manifest <const> = { schemaVersion = 2, mediaType = types.manifest, layers = descriptors }
    if options.change then
        options.change(config, manifest)
    end
    manifest.config = manifest.config or self:json(config, types.config)
    local descriptor <const> = self:json(manifest, types.manifest)
    descriptor.platform = where
    return descriptor
end

---@param manifests table[] descriptors
---@param options { docker: boolean? }?
---@return table descriptor
function Layout:index(manifests, options)
    local media_type <const> = (options and options.docker and DOCKER or OCI).index
    return self:json({ schemaVersion = 2, mediaType = media_type, manifests = manifests },
        media_type)
end

---Adds it to the layout's index.json.
---@param descriptor table
---@param name string? its tag
function Layout:tag(descriptor, name)
    local entry <const> = {}
    for key, value in pairs(descriptor) do
        entry[key] = value
    end
    entry.annotations = name and { ["org.opencontainers.image.ref.name"] = name } or nil
    self.images[#self.images + 1] = entry
    write(self.directory .. "/index.json", cjson.encode {
        schemaVersion = 2, mediaType = OCI.index, manifests = self.images,
    })
end

return M
