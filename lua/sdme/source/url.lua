-- Files from the web, kept in the data directory: what was cut off is resumed by the next command,
-- and what hasn't changed is not fetched again.
--
-- An entry of the cache is named by the SHA-256 of its URL: `KEY` is the file and `KEY.json` says
-- what the server told of it; `KEY.part` and `KEY.part.json` are the same of what isn't complete
-- yet. A length that isn't the one in the JSON, as after a power failure, makes it void.

local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local retry <const> = require "sdme.retry"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"
local text <const> = require "sdme.text"

local file <const> = core.file

local M <const> = {}

local REDIRECTS <const> = 10

-- More than any image of a system has; an endless body ends there.
local MAX_SIZE <const> = 256 << 30

local DIGEST_LENGTHS <const> = { sha256 = 64, sha512 = 128 }

-- After these nothing of what came is worth keeping.
local HOPELESS <const> = { EFBIG = true, ENOSPC = true, EDQUOT = true }

---A URL as the user wrote it, with a scheme: a bare host name means https.
---@param url string
---@return string
function M.normalize(url)
    local scheme <const> = url:match "^(%a[%w+.-]*)://"
    if not scheme then
        return "https://" .. url
    elseif not scheme:lower():find "^https?$" then
        fault.usage("%s: a URL begins with https:// or http://", url)
    end
    return url
end

-- For messages: neither a password nor a signature.
local function shown(url)
    return text.printable((url:gsub("^(%a+://)[^/?#]*@", "%1"):gsub("[?#].*", "")))
end

local function parse_digest(digest)
    local algorithm, hex = digest:match "^(%l+%d+):(%x+)$"
    if not algorithm or DIGEST_LENGTHS[algorithm] ~= #hex then
        fault.usage("'%s' is no digest such as sha256:HEX", digest)
    end
    return algorithm, hex:lower()
end

local function directory()
    return store.path("cache", "url")
end

local function key_of(url)
    local digest <close> = fault.check(core.digest.new "sha256")
    return digest:update((url:gsub("#.*", ""))):hex()
end

local function lock(key)
    local path <const> = store.path("locks", "url-" .. key)
    while true do
        local held, message, code = core.lock.acquire(path)
        if held then
            return held
        elseif code ~= "EAGAIN" then
            fault.raise(code, nil, "%s", message)
        end
        task.sleep(0.2)
    end
end

---@class sdme.url.Entry where a URL's files are, as long as it isn't closed
local Entry <const> = {}
Entry.__index = Entry

-- A command was killed when all was there, and before it could say so.
local function recover(entry)
    local partial <const> = entry:partial()
    if partial and partial.size == partial.length then
        entry:finish(partial)
    end
    return entry
end

local function open_entry(url, cached)
    store.prepare()
    if not cached then
        local stage <const> = store.stage()
        return setmetatable({ path = stage.path .. "/data", holds = stage }, Entry)
    end
    fault.check(file.mkdir(directory(), { mode = "0700", parents = true }))
    local key <const> = key_of(url)
    return recover(setmetatable({ path = directory() .. "/" .. key, holds = lock(key) }, Entry))
end

function Entry:close()
    if self.holds then
        if file.stat(self.path .. ".part") and self:received() == 0 then
            self:drop_partial()
        end
        self.holds:close()
        self.holds = nil
    end
end
Entry.__close = Entry.close

-- Files of the cache that can't be read are as good as none.
local function read_metadata(path)
    local source <const> = file.read(path .. ".json", { follow = false })
    local ok <const>, metadata <const> = pcall(json.decode, source or "", path)
    return ok and type(metadata) == "table" and metadata or nil
end

local function size_of(path)
    local found <const> = file.stat(path)
    return found and found.type == "file" and found.size or nil
end

local function remove(path)
    file.remove(path .. ".json")
    file.remove(path)
end

-- What is there as a whole, with what the server said about it.
function Entry:complete()
    local metadata <const> = read_metadata(self.path)
    return metadata and metadata.length == size_of(self.path) and metadata or nil
end

-- The part that is there, if the server will know whether the rest still belongs to it.
function Entry:partial()
    local metadata <const>, size <const> = read_metadata(self.path .. ".part"), self:received()
    if metadata and metadata.validator and size > 0 then
        metadata.size = size
        return metadata
    end
    return nil
end

-- How much is there that isn't complete.
function Entry:received()
    return size_of(self.path .. ".part") or 0
end

function Entry:drop_partial()
    remove(self.path .. ".part")
end

local function write_metadata(path, metadata)
    local source <const> = json.encode(metadata, { indent = 2 }) .. "\n"
    fault.check(file.write(path .. ".json", source, { mode = "0600" }))
end

-- Makes the part the whole.
function Entry:finish(metadata)
    local part <const> = self.path .. ".part"
    metadata.size, metadata.length = nil, self:received()
    file.remove(self.path .. ".json")
    fault.check(file.rename(part, self.path))
    write_metadata(self.path, metadata)
    file.remove(part .. ".json")
end

-- A header that came once.
local function header(head, name)
    local value <const> = head.headers[name]
    return type(value) == "string" and utf8.len(value) and value or nil
end

local function whole_number(digits)
    return digits and #digits <= 18 and digits:find "^%d+$" and math.tointeger(tonumber(digits))
        or nil
end

-- A date of change tells one content from another unless there were two in that second: RFC 9110,
-- 8.8.2.2.
local function is_settled(modified, date)
    local then_ <const>, now <const> = retry.http_date(modified), retry.http_date(date or "")
    return then_ and now and now > then_
end

-- What a later request can say to mean this very content: RFC 9110 (13.1.5) wants a strong one.
local function describe(url, head)
    local etag <const>, modified <const> = header(head, "etag"), header(head, "last-modified")
    local validator
    if etag and etag:find '^"' then
        validator = etag
    elseif modified and not etag and is_settled(modified, header(head, "date")) then
        validator = modified
    end
    return { url = shown(url), etag = etag, last_modified = modified, validator = validator,
        length = whole_number(header(head, "content-length")) }
end

local function request_headers(complete, partial)
    local headers <const> = {}
    if complete and complete.etag then
        headers["If-None-Match"] = complete.etag
    elseif complete then
        headers["If-Modified-Since"] = complete.last_modified
    end
    if partial then
        headers["Range"] = ("bytes=%d-"):format(partial.size)
        headers["If-Range"] = partial.validator
    end
    return headers
end

---@class sdme.url.Job one download

-- Has what a part belongs to fail for good.
local function fail_and_forget(job, format, ...)
    job.entry:drop_partial()
    fault.raise("EPROTO", nil, "%s: " .. format, shown(job.url), ...)
end

-- The length of the whole, of an answer with the rest of it; raises if it is another part.
local function check_range(job, head, partial)
    local value <const> = header(head, "content-range")
    local first, last, length = (value or ""):match "^bytes (%d+)%-(%d+)/([%d*]+)$"
    first, last = whole_number(first), whole_number(last)
    if not partial then
        fail_and_forget(job, "the server sends a part, and was asked for all")
    elseif not first or not last then
        fail_and_forget(job, "the server sends a part, and doesn't say which")
    elseif first ~= partial.size or last < first then
        fail_and_forget(job, "the server sends bytes %d to %d, and was asked for %d and on", first,
            last, partial.size)
    end
    local total <const> = length == "*" and partial.length or whole_number(length)
    local etag <const> = header(head, "etag")
    if not total or last >= total then
        fail_and_forget(job, "the server sends bytes %d to %d of %s", first, last, length)
    elseif etag and partial.etag and etag ~= partial.etag then
        fail_and_forget(job, "the server sends a part of something else")
    elseif partial.length and total ~= partial.length then
        fail_and_forget(job, "the server says that it has %d bytes, and before that it has %d",
            total, partial.length)
    end
    local coming <const> = whole_number(header(head, "content-length"))
    if coming and coming ~= last - first + 1 then
        fail_and_forget(job, "the server sends bytes %d to %d, and says that they are %d", first,
            last, coming)
    end
    return total
end

local function tell_progress(job, request, offset)
    local received <const>, total <const> = request:progress()
    job.progress(offset + received, total and offset + total)
end

-- Goes on with the request, and tells how far it is.
local function with_progress(job, request, offset)
    return {
        poll = function()
            return request:poll()
        end,
        step = function()
            tell_progress(job, request, offset)
            return request:step()
        end,
    }
end

-- Whether more is there than ever before, and not only as much as after another cut.
local function has_progressed(job)
    local size <const> = job.entry:received()
    local progressed <const> = size > job.farthest
    job.farthest = math.max(size, job.farthest)
    return progressed
end

-- Receives a body that was promised, from `offset` on; what an attempt returns if that fails.
local function receive(job, request, offset)
    tell_progress(job, request, offset)
    local answer, message, code = request:accept(offset)
    if answer then
        answer, message, code = task.await(with_progress(job, request, offset))
    end
    if answer then
        return nil
    elseif HOPELESS[code] then
        job.entry:drop_partial()
    end
    return retry.failed(message, code, { progressed = has_progressed(job) })
end

local function fetch_all(job, request, head)
    local part <const> = job.entry.path .. ".part"
    local metadata <const> = describe(job.url, head)
    file.remove(part .. ".json")
    assert(io.open(part, "wb")):close() -- of the length 0 again
    write_metadata(part, metadata)
    return receive(job, request, 0), metadata
end

local function fetch_rest(job, request, head, partial)
    local total <const> = check_range(job, head, partial)
    local again <const> = receive(job, request, partial.size)
    local size <const> = job.entry:received()
    if not again and size ~= total then
        return retry.again(fault.new {
            message = ("%s: %d of %d bytes came"):format(shown(job.url), size, total),
            code = "ECONNRESET",
        }, { progressed = has_progressed(job) })
    end
    return again, partial
end

-- What the head of an answer means: returns what an attempt does.
local function take_answer(job, request, head, complete, partial)
    local again, metadata
    if head.status == 304 and complete then
        job.entry:drop_partial()
        return complete, true
    elseif head.status == 200 then
        again, metadata = fetch_all(job, request, head)
    elseif head.status == 206 then
        again, metadata = fetch_rest(job, request, head, partial)
    elseif head.status == 416 and partial then
        job.entry:drop_partial()
        return retry.again(fault.new {
            message = shown(job.url) .. ": the server doesn't have the rest", code = "EPROTO",
        })
    else
        return retry.refused(shown(job.url), head)
    end
    if again then
        return again
    end
    job.entry:finish(metadata)
    return metadata, false
end

-- Opens a file of our own directory to write into, which is made if it isn't there.
local function open_part(path)
    return io.open(path, "r+b") or fault.check(io.open(path, "w+b"))
end

-- One request: what the server said, and whether the file is still the one that was there.
local function attempt(job, number)
    local complete <const>, partial <const> = job.entry:complete(), job.entry:partial()
    local output <close> = open_part(job.entry.path .. ".part")
    local request <close> = fault.check(job.session:request {
        url = job.url, headers = request_headers(complete, partial), output = output, hold = true,
        follow = REDIRECTS, insecure_http = job.insecure, max_size = job.max_size,
    })
    local head, message, code = task.await(request:head())
    if not head then
        return retry.failed(message, code, { known = number > 1 or partial ~= nil })
    end
    return take_answer(job, request, head, complete, partial)
end

-- Whether the file is the one that the user means; `verify` nil means any.
local function matches(path, verify)
    if not verify then
        return true
    end
    local algorithm <const>, expected <const> = parse_digest(verify)
    local found <const> = fault.check(digests.file(path, algorithm, { follow = false }))
    return found == expected, algorithm .. ":" .. found
end

local function check_digest(job, verify)
    local ok <const>, found <const> = matches(job.entry.path, verify)
    if not ok then
        remove(job.entry.path)
        fault.raise("EDIGEST", nil, "%s: its digest is %s, not %s", shown(job.url), found, verify)
    end
end

---@class sdme.url.Download
---@field path string where the file is, until this is closed
---@field file userdata the file, a descriptor to read from
---@field size integer
---@field cached boolean nothing had to be fetched
local Download <const> = {}
Download.__index = Download

function Download:close()
    self.file:close()
    self.entry:close()
end
Download.__close = Download.close

local function make_download(job, cached)
    local size <const> = size_of(job.entry.path)
    job.progress(size, size)
    return setmetatable({
        path = job.entry.path, size = size, cached = cached, entry = job.entry,
        file = fault.check(file.open(job.entry.path, { follow = false })),
    }, Download)
end

local function run(job, options)
    local there <const> = job.entry:complete()
    if there and options.verify and matches(job.entry.path, options.verify) then
        return make_download(job, true)
    end
    local _, cached = retry.run(function(number) return attempt(job, number) end, options.retry)
    check_digest(job, options.verify)
    return make_download(job, cached)
end

local function ignore() end

---Fetches a file, or takes it from the cache.
---@param url string a bare host name means https
---@param options table? `verify` ("sha256:HEX"), `cache` (true), `progress(done, total?)`,
---  `max_size`, `session` (of core.fetch), `retry` (options of retry.run)
---@return sdme.url.Download to be closed
function M.download(url, options)
    options = options or {}
    url = M.normalize(url)
    if options.verify then
        parse_digest(options.verify)
    end
    local job <const> = {
        url = url, insecure = url:lower():find "^http:" ~= nil,
        progress = options.progress or ignore, max_size = options.max_size or MAX_SIZE,
        session = options.session or fault.check(core.fetch.session()),
        entry = open_entry(url, options.cache ~= false),
    }
    job.farthest = job.entry:received()
    local ok <const>, result <const> = xpcall(run, fault.catch, job, options)
    if not options.session then
        job.session:close()
    end
    if not ok then
        job.entry:close()
        error(result, 0)
    end
    return result
end

---What the cache has: an array of `{ key=, url=, size=, complete= }`.
---@return table[]
function M.cached()
    local entries <const> = {}
    for _, name in ipairs(file.list(directory()) or {}) do
        local key <const>, suffix <const> = name:match "^(%x+)(.*)%.json$"
        local path <const> = directory() .. "/" .. name:sub(1, -6)
        local metadata <const> = key and read_metadata(path)
        if metadata then
            entries[#entries + 1] = { key = key, url = metadata.url, size = size_of(path) or 0,
                complete = suffix == "" }
        end
    end
    return entries
end

---Empties the cache but for what is being fetched now, and returns how many bytes that freed.
---@return integer
function M.clean()
    local freed, seen <const> = 0, {}
    for _, name in ipairs(file.list(directory()) or {}) do
        local key <const> = name:match "^%x+"
        local held <close> = key and not seen[key]
            and core.lock.acquire(store.path("locks", "url-" .. key)) or nil
        if held then
            seen[key] = true
            for _, suffix in ipairs { "", ".part" } do
                local path <const> = directory() .. "/" .. key .. suffix
                freed = freed + (size_of(path) or 0)
                remove(path)
            end
        end
    end
    return freed
end

return M
