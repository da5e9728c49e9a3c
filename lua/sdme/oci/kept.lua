-- Blobs of layers that are kept as they came (`keep_blobs`), in cache/blobs: what is pushed or
-- exported then is what was pulled, to the last bit. Those that no layer names any more may go.

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local fault <const> = require "sdme.fault"
local layer <const> = require "sdme.store.layer"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"

local file <const> = core.file

local M <const> = {}

-- Seconds between two looks at how far it is.
local TICK <const> = 0.2

local function path_of(digest)
    return store.path("cache", "blobs", (digest:gsub(":", "-", 1)))
end

---Opens a blob that is kept.
---@param descriptor { digest: string, size: integer }
---@return userdata? descriptor of a file, nil if it isn't there as a whole
function M.open(descriptor)
    local path <const> = path_of(descriptor.digest)
    local stat <const> = file.stat(path)
    if not stat or stat.type ~= "file" or stat.size ~= descriptor.size then
        return nil
    end
    return (file.open(path, { follow = false }))
end

---Whether a blob is kept, and is still what it was. One that was damaged is removed.
---@param descriptor { digest: string, size: integer }
---@return boolean
function M.check(descriptor)
    local input <close> = M.open(descriptor)
    local algorithm <const>, hex <const> = descriptor.digest:match "^(.-):(.*)$"
    if input and digests.file(input, algorithm) ~= hex then
        file.remove(path_of(descriptor.digest))
        return false
    end
    return input ~= nil
end

---Copies a blob that is kept to where nothing is.
---@param descriptor { digest: string, size: integer }
---@param path string
---@return boolean there
function M.copy(descriptor, path)
    if not M.check(descriptor) then
        return false
    end
    local input <close> = fault.check(M.open(descriptor))
    fault.check(file.write(path, "", { sync = false }))
    local output <close> = fault.check(io.open(path, "r+b"))
    fault.check(task.await(core.stream.relay { from = input, to = output }))
    return true
end

-- A blob that comes out of a file of its own, which is kept if it was right.
local Spooled <const> = {}
Spooled.__index = Spooled

---Keeps it. The caller has checked its digest.
function Spooled:keep()
    fault.check(file.mkdir(store.path("cache", "blobs"), { mode = "0700", parents = true }))
    fault.check(file.rename(self.path, path_of(self.digest)))
end

function Spooled:close()
    self.input:close()
    file.remove(self.path)
end
Spooled.__close = Spooled.close

---Has a blob in a file before it is read, if blobs are to be kept.
---@param source table of image:open
---@param digest string
---@param directory string where the file may be meanwhile
---@param tell fun(done: integer) how many bytes there are
---@return table blob the same, or one that is like it and has `keep`
function M.spool(source, digest, directory, tell)
    if not config.get "keep_blobs" then
        return source
    end
    local path <const> = ("%s/blob"):format(directory)
    fault.check(file.write(path, "", { mode = "0600", sync = false }))
    local output <close> = fault.check(io.open(path, "r+b"))
    local relay <const> = core.stream.relay { from = source.input, to = output }
    source.input:close()
    local function receive()
        fault.check(task.await(task.watch(relay, TICK, function()
            tell((file.stat(path) or {}).size or 0)
        end)))
    end
    if source.feed then
        task.together(source.feed, receive)
    else
        receive()
    end
    return setmetatable({ input = fault.check(file.open(path)), path = path, digest = digest },
        Spooled)
end

---Those that no layer names.
---@return { name: string, path: string, size: integer }[]
function M.garbage()
    local named <const>, found <const> = {}, {}
    for _, id in ipairs(layer.list()) do
        local fine <const>, read <const> = pcall(layer.read, id)
        for _, one in ipairs(fine and read.blobs or {}) do
            if type(one) == "table" and type(one.digest) == "string" then
                named[path_of(one.digest)] = true
            end
        end
    end
    for _, name in ipairs(file.list(store.path("cache", "blobs")) or {}) do
        local path <const> = store.path("cache", "blobs", name)
        if not named[path] then
            found[#found + 1] = { name = name, path = path,
                size = (file.stat(path) or {}).size or 0 }
        end
    end
    return found
end

return M
