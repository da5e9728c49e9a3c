-- Where a rootfs comes from: tells what a source is, and has it made into layers.

local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"

local file <const> = core.file
local printable <const> = require("sdme.text").printable

local M <const> = {}

-- How files begin: kind, offset, and the bytes there. Compressed ones are taken for archives; what
-- is in them will tell. A file that begins like none of these may be a disk.
local MAGIC <const> = {
    { "qcow2", 0, "QFI\xfb" },
    { "archive", 0, "\x1f\x8b" }, -- gzip, RFC 1952
    { "archive", 0, "BZh" },
    { "archive", 0, "\xfd7zXZ\0" },
    { "archive", 0, "\x28\xb5\x2f\xfd" }, -- Zstandard, RFC 8878
    { "archive", 0, "\x04\x22\x4d\x18" }, -- LZ4 frame
    { "archive", 257, "ustar" }, -- tar(5)
}

-- How far into a file its beginning has to be read for that, and for a tar header of before POSIX.
local HEADER <const> = 512

-- The sum of a tar header's bytes, with blanks for the sum itself (tar(5), "checksum").
local function is_old_tar(header)
    local written <const> = tonumber(header:sub(149, 156):match "^ *([0-7]+)[ \0]*$" or "", 8)
    if #header < HEADER or not written then
        return false
    end
    local sum = 8 * (" "):byte()
    for i = 1, HEADER do
        sum = sum + ((i < 149 or i > 156) and header:byte(i) or 0)
    end
    return sum == written
end

---What a file's first bytes say that it is.
---@param header string
---@return "archive"|"qcow2"|"disk"
function M.recognize(header)
    for _, magic in ipairs(MAGIC) do
        if header:sub(magic[2] + 1, magic[2] + #magic[3]) == magic[3] then
            return magic[1]
        end
    end
    return is_old_tar(header) and "archive" or "disk"
end

---@class sdme.Source
---@field kind "archive"|"directory"|"disk"|"qcow2"|"remote"|"registry"|"layout"
---|"docker_archive"
---@field text string as the user named it
---@field path string? a file or directory of this host
---@field file file*? that file, open
---@field reference sdme.oci.Reference? of an image in a registry
---@field tag string? of an image in an OCI layout or an archive
---@field suggested string what a rootfs made of it may be called like

local Source <const> = {}
Source.__index = Source

function Source:close()
    if self.file then
        self.file:close()
        self.file = nil
    end
end
Source.__close = Source.close

local function base_name(path)
    return path:gsub("/+$", ""):match "[^/]*$"
end

-- Without a suggestion its text is one.
local function make(fields)
    fields.suggested = fields.suggested or fields.text
    return setmetatable(fields, Source)
end

---A file whose first bytes tell what it is. It is opened once: what is looked at is what is read.
---@param path string
---@param text string as the user named it
---@return sdme.Source to be closed
function M.open_file(path, text)
    local handle <const>, why <const>, number <const> = io.open(path, "rb")
    if not handle then
        fault.raise(number == 2 and "ENOENT" or "EIO", nil, "%s", why)
    end
    local kind <const> = M.recognize(handle:read(HEADER) or "")
    handle:seek "set"
    return make { kind = kind, text = text, path = path, file = handle }
end

---What a directory is: an image layout, an unpacked archive of images, or a system.
---@param path string
---@return "layout"|"docker_archive"|"directory"
function M.recognize_tree(path)
    if require("sdme.oci.layout").is_layout(path) then
        return "layout"
    end
    return require("sdme.oci.docker_archive").is_archive(path) and "docker_archive" or "directory"
end

-- A tag in an OCI layout or in an archive of images, or nil.
local function open_tagged(text)
    local path <const>, tag <const> = text:match "^(.+):([%w_][%w_.-]*)$"
    local stat <const> = path and file.stat(path, { follow = true })
    if stat and stat.type == "directory" and M.recognize_tree(path) ~= "directory" then
        return make { kind = M.recognize_tree(path), text = text, path = path, tag = tag,
            suggested = base_name(path) }
    elseif stat and stat.type == "file" then
        local source <const> = M.open_file(path, text)
        source.tag, source.suggested = tag, base_name(path)
        return source
    end
    return nil
end

-- What is no file: an image in one, or the name of an image.
local function open_other(text)
    local tagged <const> = open_tagged(text)
    if tagged then
        return tagged
    end
    local reference <const> = require "sdme.oci.reference"
    if not reference.looks_like(text) then
        fault.raise("ENOENT", "a directory, an archive, a disk image, a URL or an image is wanted",
            "there is no %s", printable(text))
    end
    local parsed <const> = reference.parse(text)
    return make { kind = "registry", text = tostring(parsed), reference = parsed,
        suggested = base_name(parsed.repository) }
end

local function open_directory(text)
    return make { kind = M.recognize_tree(text), text = text, path = text }
end

---Tells what a source is.
---@param text string
---@return sdme.Source to be closed
function M.open(text)
    if text:find "^%a[%w+.-]*://" then
        return make { kind = "remote", text = text }
    end
    local stat <const> = file.stat(text, { follow = true })
    if not stat then
        return open_other(text)
    elseif stat.type == "directory" then
        return open_directory(text)
    elseif stat.type ~= "file" and stat.type ~= "block" then
        fault.raise("EFORMAT", nil, "%s is a %s: a directory, an archive or a disk image is wanted",
            text, stat.type)
    end
    return M.open_file(text, text)
end

-- Suffixes that say how a file is packed, and nothing of what it is called.
local SUFFIXES <const> = {
    tar = true, tgz = true, tbz = true, tbz2 = true, txz = true, tzst = true, gz = true,
    bz2 = true, xz = true, zst = true, lz4 = true, qcow2 = true, raw = true, img = true,
    rootfs = true,
}

---The name that a source suggests.
---@param text string
---@return string
function M.name(text)
    local name = base_name(text:gsub("[?#].*$", ""))
    while SUFFIXES[name:match "%.(%w+)$"] do
        name = name:gsub("%.%w+$", "")
    end
    name = name:lower():gsub("[^a-z0-9]+", "-"):gsub("^[-0-9]+", ""):sub(1, 64):gsub("-+$", "")
    return name ~= "" and name or "rootfs"
end

local READERS <const> = {
    archive = "archive", directory = "directory", disk = "image", qcow2 = "image",
    remote = "remote", registry = "oci", layout = "oci", docker_archive = "oci",
}

---Makes a source into layers, from the bottom to the top.
---@param source sdme.Source
---@param context table `transaction`, `options`, `progress`
---@return string[] layers
---@return table origin what is to be remembered of where they came from
---@return table? more what else is known of a rootfs that is an image
function M.read(source, context)
    return require("sdme.source." .. READERS[source.kind]).read(source, context)
end

return M
