-- Images in a directory of this host: an OCI image layout (image-layout.md of the image
-- specification). Nothing outside the directory is read, wherever its symlinks point.

local blob <const> = require "sdme.oci.blob"
local core <const> = require "sdme.core"
local document <const> = require "sdme.oci.document"
local fault <const> = require "sdme.fault"
local image <const> = require "sdme.oci.image"
local manifest <const> = require "sdme.oci.manifest"
local platform <const> = require "sdme.oci.platform"
local text <const> = require "sdme.text"

local file <const> = core.file

local M <const> = {}

local REFERENCE_NAME <const> = "org.opencontainers.image.ref.name"
local VERSION_PATTERN <const> = "^1%.0%.%d+$"

---@param path string
---@return boolean
function M.is_layout(path)
    local stat <const> = file.stat(path .. "/oci-layout")
    return stat ~= nil and stat.type == "file"
end

-- A layout that is open.
local Layout <const> = {}
Layout.__index = Layout

function Layout:close()
    self.root:close()
end
Layout.__close = Layout.close

function Layout:read(path)
    local bytes <const>, why <const>, code <const> =
        file.read(path, { root = self.root, max = document.MAX_SIZE })
    return bytes or fault.raise(code, nil, "%s: %s", self.name, why)
end

local function blob_path(digest)
    return "blobs/" .. digest:gsub(":", "/", 1)
end

-- The bytes of a manifest, an index or a config.
function Layout:blob(descriptor, what)
    what = ("%s: %s %s"):format(self.name, what, descriptor.digest)
    if descriptor.size > document.MAX_SIZE then
        fault.raise("EFBIG", nil, "%s: expected at most %d bytes", what, document.MAX_SIZE)
    end
    return blob.verify(self:read(blob_path(descriptor.digest)), descriptor, what)
end

local function check_version(layout)
    local what <const> = layout.name .. ": oci-layout"
    local root <const> = document.parse(layout:read "oci-layout", what)
    local version <const> = root:line("imageLayoutVersion", true)
    if not version:find(VERSION_PATTERN) then
        root:fail("imageLayoutVersion", "expected 1.0.0, not %s", version)
    end
end

local function name_of(descriptor)
    return (descriptor.annotations or {})[REFERENCE_NAME]
end

-- "REPOSITORY:TAG" is found by its tag too.
local function has_tag(descriptor, tag)
    local name <const> = name_of(descriptor)
    return name == tag or name ~= nil and name:sub(-#tag - 1) == ":" .. tag
end

local function tags_of(descriptors)
    local tags <const>, seen <const> = {}, {}
    for _, descriptor in ipairs(descriptors) do
        local name <const> = name_of(descriptor)
        if name and not seen[name] and #tags < 32 then
            seen[name], tags[#tags + 1] = true, text.printable(name)
        end
    end
    return tags
end

-- The descriptors of the image that is meant.
local function select(layout, descriptors, tag)
    local tags <const> = tags_of(descriptors)
    if not tag then
        if #tags > 1 then
            fault.raise("EUSAGE", ("%s:TAG says which: %s"):format(layout.name,
                table.concat(tags, ", ")), "%s has more than one image", layout.name)
        end
        return descriptors
    end
    local found <const> = {}
    for _, descriptor in ipairs(descriptors) do
        found[#found + 1] = has_tag(descriptor, tag) and descriptor or nil
    end
    return #found > 0 and found or fault.raise("ENOENT",
        #tags > 0 and "there are " .. table.concat(tags, ", ") or nil,
        "%s has no image with the tag %s", layout.name, text.printable(tag))
end

local function find(layout, tag)
    local index <const> = manifest.parse(layout:read "index.json", layout.name .. ": index.json",
        manifest.MEDIA_TYPES[1])
    if index.kind ~= "index" then
        fault.raise("EFORMAT", nil, "%s: index.json: expected an index", layout.name)
    end
    return select(layout, index.manifests, tag)
end

local Blob <const> = {}
Blob.__index = Blob

function Blob:close()
    self.input:close()
end
Blob.__close = Blob.close

-- A layer's blob, whose length is already known to be right; its digest is its reader's to check.
local function open_layer(layout, layer)
    local path <const> = blob_path(layer.digest)
    local stat <const>, why <const>, code <const> =
        file.stat(path, { root = layout.root, follow = true })
    if not stat then
        fault.raise(code, nil, "%s: layer %s: %s", layout.name, layer.digest, why)
    elseif stat.size ~= layer.size then
        fault.raise("EDIGEST", nil, "%s: layer %s: expected %d bytes, and it has %d", layout.name,
            layer.digest, layer.size, stat.size)
    end
    return setmetatable({ input = fault.check(file.open(path, { root = layout.root })) }, Blob)
end

local function open(layout, options)
    check_version(layout)
    return image.of_index({
        name = layout.name .. (options.tag and ":" .. options.tag or ""),
        wanted = options.platform and platform.parse(options.platform) or platform.host(),
        read = function(descriptor, what) return layout:blob(descriptor, what) end,
        open = function(_, layer) return open_layer(layout, layer) end,
        on_close = function() layout:close() end,
    }, find(layout, options.tag))
end

---Opens an image of a layout.
---@param path string
---@param options { platform: string?, tag: string?, name: string? }? `name` is what it is called
---  in messages and afterwards, the path without
---@return sdme.oci.Image to be closed
function M.open(path, options)
    options = options or {}
    local layout <const> = setmetatable({
        root = fault.check(file.open_directory(path)),
        name = text.printable(options.name or path),
    }, Layout)
    local fine <const>, found <const> = pcall(open, layout, options)
    if not fine then
        layout:close()
        error(found, 0)
    end
    return found
end

return M
