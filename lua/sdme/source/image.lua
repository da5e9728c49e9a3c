-- A disk image as a rootfs: the system's partition, and those that belong into it, as one layer.
--
-- Of a qcow2 image only what is needed is expanded, into a file that has no name any more: the
-- tables of partitions and filesystems first, then the partitions that are mounted.

local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local disk <const> = require "sdme.source.disk"
local fault <const> = require "sdme.fault"
local task <const> = require "sdme.task"

local file <const> = core.file

local M <const> = {}

-- Seconds between two looks at how far it is.
local TICK <const> = 0.2

-- What has been expanded so far: ranges in order, none of which touch.
local Ranges <const> = {}
Ranges.__index = Ranges

-- Takes a range in, and returns what of it was missing.
function Ranges:add(first, last)
    local missing <const>, kept <const>, from = {}, {}, first
    local low, high = first, last
    for _, range in ipairs(self) do
        if range[2] < first or range[1] > last then
            kept[#kept + 1] = range
        else
            if from < range[1] then
                missing[#missing + 1] = { from, range[1] }
            end
            from = math.max(from, range[2])
            low, high = math.min(low, range[1]), math.max(high, range[2])
        end
    end
    if from < last then
        missing[#missing + 1] = { from, last }
    end
    kept[#kept + 1] = { low, high }
    table.sort(kept, function(a, b) return a[1] < b[1] end)
    for i = 1, math.max(#self, #kept) do
        self[i] = kept[i]
    end
    return missing
end

-- What disk.open asks for ranges of the disk.
local Reader <const> = {}
Reader.__index = Reader

function Reader:ensure(offset, size)
    for _, range in ipairs(self.ranges:add(offset, offset + size)) do
        local extract <close> = self.check(self.image:extract {
            output = self.output, offset = range[1], size = range[2] - range[1],
        })
        local done = self.done
        self.check(task.await(task.watch(extract, TICK, function()
            done = self.done + extract:progress()
            self.item:update(done)
        end)))
        self.done = done
    end
end

-- A file beside the store that nobody else can open, and that is gone with its descriptor.
local function nameless(context, size)
    local path <const> = context.transaction.stage.path .. "/disk"
    local output <const> = fault.check(io.open(path, "w+b"))
    fault.check(file.remove(path))
    fault.check(core.disk.resize(output, size))
    return output
end

local function open_qcow2(source, context)
    local directory <const> = context.options.allow_backing
        and fault.check(file.open_directory((source.path:match "^(.*/)" or "./")))
    local image <const> = fault.check(core.qcow2.open {
        file = source.file, name = source.text, backing = directory or nil,
    })
    if directory then
        directory:close()
    end
    return image
end

-- The disk in the image, as `read` takes it.
local function expand(source, context)
    local image <const> = open_qcow2(source, context)
    local output <const> = nameless(context, image:info().size)
    return output, setmetatable({
        image = image, output = output, ranges = setmetatable({}, Ranges), done = 0,
        check = fault.context(source.text),
        item = context.progress:item("expanding " .. source.text),
    }, Reader)
end

local function verify(source, context)
    local wanted <const> = context.options.verify
    if wanted then
        local digest <const> = "sha256:" .. fault.check(digests.file(source.path))
        require("sdme.source.archive").verify(source.text, digest, wanted)
    end
end

local function note_left_out(found, context)
    for _, line in ipairs(found.stale) do
        context.progress:note(line)
    end
    for _, left in ipairs(found.left_out) do
        context.progress:note(("%s in its fstab is left out: %s"):format(left.path, left.why))
    end
end

---@param source sdme.Source
---@param context table
---@return string[] layers
---@return table origin
function M.read(source, context)
    verify(source, context)
    local raw, reader = source.file, nil
    if source.kind == "qcow2" then
        raw, reader = expand(source, context)
    end
    local found <close> = disk.open(raw, { name = source.text, reader = reader })
    note_left_out(found, context)
    if reader then
        reader.item:finish()
        reader.image:close()
    end
    if found:whole() then
        context.look(found:whole())
    end
    local item <close> = context.progress:item("copying the files of " .. source.text)
    local size
    local new <close> = context.transaction:new(function(tree)
        size = found:copy(tree)
    end)
    item:finish(require("sdme.progress").size(size.size))
    return { context.transaction:add(new, {
        size = size.size, entries = size.files + size.directories, comment = source.text,
    }) }, { kind = source.kind, source = source.text }
end

return M
