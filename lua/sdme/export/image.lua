-- A rootfs as an image: an OCI layout, the same in an archive, or what `docker load` takes. What is
-- written out here is a composition (sdme.oci.compose) rather than a tree.

local compose <const> = require "sdme.oci.compose"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local kept <const> = require "sdme.oci.kept"
local store <const> = require "sdme.store"
local tar <const> = require "sdme.export.tar"

local file <const> = core.file

local M <const> = {}

local REFERENCE_NAME <const> = "org.opencontainers.image.ref.name"
local DEFAULT_TAG <const> = "latest"

-- annotations.md of the image specification, "org.opencontainers.image.ref.name"
local TAG_PATTERN <const> = "^%w[%w._:@/+-]*$"

-- A directory that an image is being put into.
local Sink <const> = {}
Sink.__index = Sink

local function new_sink(directory, options)
    fault.check(file.mkdir(directory))
    return setmetatable({ directory = directory, options = options, done = 0, size = 0 }, Sink)
end

function Sink:write(name, bytes)
    fault.check(file.write(("%s/%s"):format(self.directory, name), bytes, { sync = false }))
    self.size = self.size + #bytes
end

-- Packs a layer into a file that gets its name when that is known.
function Sink:pack(part, compression, name_of)
    local path <const>, tell <const> = self.directory .. "/new", self.options.progress
    fault.check(file.write(path, "", { sync = false }))
    local descriptor, last
    do
        local output <close> = fault.check(io.open(path, "r+b"))
        descriptor = compose.pack(part, output, {
            compression = compression, level = self.options.level,
            progress = tell and function(done)
                last = done
                tell(self.done + done)
            end,
        })
    end
    self.done = self.done + (last or 0)
    self.size = self.size + descriptor.size
    fault.check(file.rename(path, ("%s/%s"):format(self.directory, name_of(descriptor))))
    return descriptor
end

local function blob_path(descriptor)
    return "blobs/" .. descriptor.digest:gsub(":", "/", 1)
end

-- ---- an OCI layout

local Layout <const> = setmetatable({}, { __index = Sink })
Layout.__index = Layout

function Layout:layer(part)
    local compression <const> = self.options.compression
    for _, descriptor in ipairs(compose.known(part, compression)) do
        local path <const> = ("%s/%s"):format(self.directory, blob_path(descriptor))
        if kept.copy(descriptor, path) then
            self.size = self.size + descriptor.size
            return descriptor
        end
    end
    return self:pack(part, compression, blob_path)
end

function Layout:blob(descriptor, bytes)
    self:write(blob_path(descriptor), bytes)
end

-- Writes a layout into a directory that it makes.
local function write_layout(composition, directory, options)
    local sink <const> = setmetatable(new_sink(directory, options), Layout)
    fault.check(file.mkdir(directory .. "/blobs/sha256", { parents = true }))
    local descriptor <const>, manifest <const> = compose.assemble(composition, sink)
    sink:blob(descriptor, manifest)
    local entry <const> = compose.plain(descriptor)
    entry.annotations = { [REFERENCE_NAME] = options.tag or DEFAULT_TAG }
    sink:write("index.json", json.encode {
        schemaVersion = 2, mediaType = compose.MEDIA_TYPES.index, manifests = json.array { entry },
    })
    sink:write("oci-layout", '{"imageLayoutVersion":"1.0.0"}')
    return { size = sink.size, digest = descriptor.digest }
end

-- ---- what `docker load` takes: Docker Image Specification 1.2, "Combined Image JSON"

local Docker <const> = setmetatable({}, { __index = Sink })
Docker.__index = Docker

function Docker:layer(part)
    local descriptor <const> = self:pack(part, "none", function(descriptor)
        return descriptor.diff_id:match ":(.*)$" .. ".tar"
    end)
    self.layers[#self.layers + 1] = descriptor.diff_id:match ":(.*)$" .. ".tar"
    return descriptor
end

function Docker:blob(descriptor, bytes)
    self.config = descriptor.digest:match ":(.*)$" .. ".json"
    self:write(self.config, bytes)
end

local function write_docker(composition, directory, options)
    local sink <const> = setmetatable(new_sink(directory, options), Docker)
    sink.layers = json.array()
    compose.assemble(composition, sink)
    local tag <const> = options.tag or composition.name .. ":" .. DEFAULT_TAG
    sink:write("manifest.json", json.encode(json.array { {
        Config = sink.config, Layers = sink.layers, RepoTags = json.array { tag },
    } }))
    return { size = sink.size }
end

-- An archive of what `write` makes.
local function archived(write)
    return function(composition, output, options)
        local stage <close> = store.stage()
        local directory <const> = stage.path .. "/image"
        write(composition, directory, options)
        local root <close> = fault.check(file.open_directory(directory))
        return tar.write(root, output, { modified = 0, sync = options.sync })
    end
end

-- The same, once what only images have is right.
local function checked(write)
    return function(composition, output, options)
        compose.check_compression(options.compression)
        if options.tag and not options.tag:find(TAG_PATTERN) then
            fault.usage("'%s' is no tag: expected letters, digits and . _ : @ / + -", options.tag)
        end
        return write(composition, output, options)
    end
end

local function write_directory(composition, path, options)
    local result <const> = write_layout(composition, path, options)
    fault.check(file.sync(path))
    return result
end

---Formats whose `write` gets a composition.
M.formats = {
    { name = "oci", suffixes = {}, directory = true, image = true,
        takes = { "compression", "level", "tag", "app" },
        write = checked(write_directory) },
    { name = "oci-archive", suffixes = {}, stream = true, image = true,
        takes = { "compression", "level", "tag", "app" },
        write = checked(archived(write_layout)) },
    { name = "docker-archive", suffixes = {}, stream = true, image = true,
        takes = { "tag", "app" }, write = checked(archived(write_docker)) },
}

return M
