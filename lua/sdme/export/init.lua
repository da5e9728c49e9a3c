-- Writing a rootfs out: as a directory, or as one file of some format.
--
-- What is written gets the destination's name when it is complete: so it is there whole or not at
-- all, and what it replaces stays until then. Before that a file has none, and nothing is left of
-- it if we are killed; a directory has another name beside the destination, and so has a file where
-- the filesystem can't do without.

local core <const> = require "sdme.core"
local directory <const> = require "sdme.export.directory"
local disk <const> = require "sdme.export.disk"
local fault <const> = require "sdme.fault"
local image <const> = require "sdme.export.image"
local listing <const> = require "sdme.listing"
local progress <const> = require "sdme.progress"
local tar <const> = require "sdme.export.tar"

local file <const> = core.file

local M <const> = {}

local FULL <const> = 1 << 20 -- bytes: a filesystem with less is taken for full

---@class sdme.export.Format
---@field name string as `--fmt` takes it
---@field suffixes string[] of names that mean it
---@field directory boolean? `write` makes a directory at a path; else it fills a file
---@field stream boolean? the file may be a pipe
---@field image boolean? it is made of layers: `write` gets a composition instead of a view
---@field takes string[]? options of OPTIONS that mean something for it
---@field write fun(view: any, output: any, options: table): table

---@class sdme.ExportOptions
---@field format string? `"dir"`, `"tar"`, `"tar.gz"`, `"tar.bz2"`, `"tar.xz"`, `"tar.zst"`,
---  `"tar.lz4"`,
---  `"raw"`, `"qcow2"`, `"oci"` (an image layout), `"oci-archive"`, `"docker-archive"`; the
---  destination's suffix tells of all but the last three
---@field force boolean? whether what is there is replaced
---@field level integer? how hard to compress
---@field filesystem "ext4"|"btrfs"|nil of raw and qcow2
---@field compression "gzip"|"zstd"|"zlib"|"none"|nil of qcow2: zstd, zlib or none; of the layers of
---  oci
---  and oci-archive: gzip, zstd or none
---@field tag string? what an image is called in there: `"latest"`, of docker-archive
---  `"NAME:latest"`
---@field app string? the application in it whose image it is
---@field quiet boolean? whether to show no progress

---@class sdme.Exported
---@field path string where it is
---@field size integer in bytes

---All formats; the first one with a suffix is what a name with that suffix means.
---@type sdme.export.Format[]
M.formats = {
    { name = "dir", suffixes = {}, directory = true, write = directory.write },
}
for _, formats in ipairs { tar.formats, disk.formats, image.formats } do
    table.move(formats, 1, #formats, #M.formats + 1, M.formats)
end

---Their names.
---@type string[]
M.names = {}
for i, format in ipairs(M.formats) do
    M.names[i] = format.name
end

local function all_names()
    return table.concat(M.names, ", ")
end

local function by_name(name)
    for _, format in ipairs(M.formats) do
        if format.name == name then
            return format
        end
    end
    return fault.raise("EUSAGE", "there are " .. all_names(), "no such format: %s", name)
end

local function by_suffix(path)
    for _, format in ipairs(M.formats) do
        for _, suffix in ipairs(format.suffixes) do
            if #path > #suffix and path:sub(-#suffix) == suffix then
                return format
            end
        end
    end
end

-- "out", "out/", "." and "/a/..": nothing that could be a suffix.
local function has_no_suffix(path)
    local name <const> = path:match "([^/]*)/*$"
    return path:find "/$" or name == ".." or not name:find(".", 2, true)
end

---The format that a destination is written in.
---@param destination string "-" is the standard output
---@param name string? of the format; else the destination's suffix tells, or its lack of one
---@return sdme.export.Format
function M.format(destination, name)
    if name then
        return by_name(name)
    elseif destination == "-" then
        return by_name "tar"
    end
    local format <const> = by_suffix(destination) or has_no_suffix(destination) and by_name "dir"
    return format or fault.raise("EUSAGE", "say it with --fmt: " .. all_names(),
        "the name %s doesn't tell the format", destination)
end

---Whether a destination is to be an image, so that layers are wanted and not a view of them.
---@param destination string
---@param options sdme.ExportOptions?
---@return boolean
function M.wants_layers(destination, options)
    return M.format(destination, (options or {}).format).image == true
end

---How what is exported can be compressed inside, whatever the format.
---@type string[]
M.compressions = { "zstd", "gzip", "zlib", "none" }

-- What only some of the formats have.
local OPTIONS <const> = { "level", "filesystem", "compression", "tag", "app" }

local function check_options(format, options)
    local takes <const> = {}
    for _, name in ipairs(format.takes or {}) do
        takes[name] = true
    end
    for _, name in ipairs(OPTIONS) do
        if options[name] and not takes[name] then
            fault.usage("the format %s has no %s", format.name, name)
        end
    end
end

local function check_standard_output(format)
    if not format.stream then
        fault.usage("%s can't be written to the standard output", format.name)
    elseif listing.is_terminal(1) then
        fault.raise("EUSAGE", "redirect it: > FILE", "the standard output is a terminal")
    end
end

-- What may be replaced by a file, or by a directory.
local REPLACED <const> = { file = true, symlink = true }

local function check_destination(path, format, force)
    local stat <const> = file.stat(path)
    if not stat then
        return
    elseif not force then
        fault.raise("EEXIST", "--force replaces it", "%s exists", path)
    elseif not (REPLACED[stat.type] or format.directory and stat.type == "directory") then
        fault.raise("EEXIST", nil, "%s is a %s, and not replaced", path, stat.type)
    end
end

---@class sdme.export.Target something unfinished beside the destination
---@field path string
---@field parent string the directory of it
---@field temporary string a name in that
---@field output any? a descriptor of the file, if it is one
local Target <const> = {}
Target.__index = Target

function Target.new(path)
    local parent <const> = path:match "^(.*/)[^/]*$" or ""
    local random <const> = fault.check(core.digest.random(8)):gsub(".", function(byte)
        return ("%02x"):format(byte:byte())
    end)
    return setmetatable({
        path = path, parent = parent == "" and "." or parent,
        temporary = parent .. ".sdme-" .. random,
    }, Target)
end

-- A file has the guest's secrets in it, so that it is for its owner alone.
local function open_named(path)
    fault.check(file.write(path, "", { mode = "0600", exclusive = true, sync = false }))
    return fault.check(io.open(path, "r+b"))
end

function Target:open()
    local output <const>, message <const>, code <const> = file.nameless(self.path)
    if output then
        self.output = output
    elseif code == "EOPNOTSUPP" then
        self.output = open_named(self.temporary)
    else
        fault.raise(code, nil, "%s", message)
    end
    self.named = output == nil
    return self.output
end

-- A file beside the destination that is gone with its descriptor.
function Target:nameless()
    local other <close> = Target.new(self.path)
    local output <const> = other:open()
    other.output = nil
    return output
end

-- What the destination was before has the temporary name afterwards, until it is closed.
function Target:commit(force)
    local exchange <const> = force and file.stat(self.path) ~= nil
    if self.output and not self.named then
        fault.check(file.link(self.output, self.path, { replace = exchange, sync = true }))
    else
        fault.check(file.rename(self.temporary, self.path,
            { replace = exchange, exchange = exchange, sync = true }))
    end
end

function Target:close()
    if self.output then
        self.output:close()
    end
    if file.stat(self.temporary) then
        core.tree.remove(self.temporary)
    end
end
Target.__close = Target.close

-- A loop device whose file can't grow says no more than that a write failed. Looks while all that
-- was written is still there: a handler is called before anything is closed.
local function catch_full(target)
    return function(raised)
        local room <const> = file.statfs(target.parent)
        if fault.is(raised, "EIO") and room and room.free < FULL then
            raised = fault.new { code = "ENOSPC", message = "no space left for " .. target.path }
        end
        return fault.catch(raised)
    end
end

local function write_file(view, target, format, options)
    local ok <const>, result <const> = xpcall(format.write, catch_full(target), view,
        target:open(), setmetatable({
            sync = true, nameless = function() return target:nameless() end,
        }, { __index = options }))
    return ok and result or error(result, 0)
end

---Writes a tree to a destination.
---@param view any descriptor of the directory, or for an image a composition
---@param destination string a path, or "-" for the standard output
---@param options table? `format` is a name of one, `force` replaces what is there; the others are
---  those of the format
---@return table result of the format; `size` in bytes, and `path`
function M.write(view, destination, options)
    options = options or {}
    local format <const> = M.format(destination, options.format)
    check_options(format, options)
    if destination == "-" then
        check_standard_output(format)
        return format.write(view, io.stdout, options)
    end
    local path <const> = #destination > 1 and destination:gsub("/+$", "") or destination
    check_destination(path, format, options.force)
    local target <close> = Target.new(path)
    local result <const> = format.directory and format.write(view, target.temporary, options)
        or write_file(view, target, format, options)
    target:commit(options.force)
    result.path = path
    return result
end

---The same, and tells on stderr how far it is.
---@param view any
---@param destination string
---@param options table? `quiet` tells nothing
---@return table
function M.write_with_progress(view, destination, options)
    local all <const> = {}
    for key, value in pairs(options or {}) do
        all[key] = value
    end
    local shown <close> = progress.new { quiet = all.quiet }
    all.quiet = nil
    local item <close> = shown:item("writing " .. (destination == "-" and "it" or destination))
    all.progress = function(done, total)
        item:update(done, total)
    end
    local result <const> = M.write(view, destination, all)
    item:finish(result.size and progress.size(result.size))
    return result
end

return M
