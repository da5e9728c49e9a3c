-- Images that are nowhere but in memory, as what images come from gives them.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local M <const> = {}

local MEDIA_TYPES <const> = {
    none = "application/vnd.oci.image.layer.v1.tar",
    gzip = "application/vnd.oci.image.layer.v1.tar+gzip",
    zstd = "application/vnd.oci.image.layer.v1.tar+zstd",
}

local PROGRAMS <const> = { gzip = "gzip -n", zstd = "zstd -q" }

---@param bytes string
---@return string
function M.digest(bytes)
    return "sha256:" .. assert(core.digest.new "sha256"):update(bytes):hex()
end

local function compress(bytes, compression)
    if compression == "none" then
        return bytes
    end
    local path <const> = scratch.directory() .. "/layer"
    assert(core.file.write(path, bytes))
    shell.run(PROGRAMS[compression] .. " <%s >%s.packed", path, path)
    return assert(core.file.read(path .. ".packed"))
end

local Image <const> = {}
Image.__index = Image

local Blob <const> = {}
Blob.__index = Blob

function Blob:close()
    self.input:close()
    if self.output then
        self.output:close()
    end
end
Blob.__close = Blob.close

local CHUNK <const> = 1 << 16

-- Writes the bytes, and gives the others a turn before each piece.
local function feed(blob, layer)
    return function()
        local output <close> = blob.output
        for from = 1, #layer.bytes, CHUNK do
            if layer.before then
                layer.before(from)
            end
            task.sleep(0)
            local written <const>, message <const>, code <const> = task.await(core.stream.writer(
                output, layer.bytes:sub(from, from + CHUNK - 1), { close = false }))
            if code == "EPIPE" then
                return
            end
            fault.check(written, message, code)
        end
    end
end

---Gives a layer out.
function Image:open(layer)
    self.opened[#self.opened + 1] = layer.digest
    local input <const>, output <const> = assert(core.stream.pipe())
    local blob <const> = setmetatable({ input = input, output = output }, Blob)
    blob.feed = feed(blob, layer)
    return blob
end

function Image:close()
    self.closed = true
end
Image.__close = Image.close

---A layer of a tar archive.
---@param bytes string of the archive
---@param compression string? "gzip" without
---@return table which may be changed to lie
function M.layer(bytes, compression)
    compression = compression or "gzip"
    local packed <const> = compress(bytes, compression)
    return {
        bytes = packed, digest = M.digest(packed), diff_id = M.digest(bytes), size = #packed,
        compression = compression, media_type = MEDIA_TYPES[compression],
    }
end

---An image of layers, from the bottom to the top.
---@param name string
---@param layers table[]
---@param config table?
---@return sdme.oci.Image
function M.new(name, layers, config)
    local digests <const> = {}
    for i, layer in ipairs(layers) do
        digests[i] = layer.digest
    end
    return setmetatable({
        name = name, layers = layers, opened = {}, digest = M.digest(table.concat(digests)),
        media_type = "application/vnd.oci.image.manifest.v1+json", config = config or {},
    }, Image)
end

return M
