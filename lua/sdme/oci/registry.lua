-- Images of registries: which manifest a name means, and its blobs as they come. Nothing that
-- arrives is believed before its digest is right; the blobs' are for whoever unpacks them.

local blob <const> = require "sdme.oci.blob"
local client <const> = require "sdme.oci.client"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local document <const> = require "sdme.oci.document"
local fault <const> = require "sdme.fault"
local images <const> = require "sdme.oci.image"
local manifests <const> = require "sdme.oci.manifest"
local platform <const> = require "sdme.oci.platform"
local reference <const> = require "sdme.oci.reference"
local retry <const> = require "sdme.retry"
local task <const> = require "sdme.task"
local text <const> = require "sdme.text"

local M <const> = {}

-- A connection that brings fewer bytes counts as failed, or a server could keep us for ever.
local LEAST_PROGRESS <const> = 16384

-- Bytes of a blob that may wait for whoever unpacks it, so that neither wakes the other too often.
local AHEAD <const> = 1 << 20

---@class sdme.oci.Blob
---@field input userdata a descriptor to read the blob from
---@field feed fun() writes it, in a strand of its own
local Blob <const> = {}
Blob.__index = Blob

-- What is looked for, and in which registry or mirror.
---@class sdme.oci.Search
---@field client sdme.oci.Client
---@field name string
---@field target string a tag or a digest
---@field wanted sdme.oci.Platform

local function check_digest(what, bytes, expected)
    local found <const> = blob.digest(bytes, expected:match "^[^:]*")
    if found ~= expected then
        fault.raise("EDIGEST", nil, "%s: expected the digest %s, and it has %s", what, expected,
            found)
    end
end

-- A header that came once.
local function header(answer, name)
    local value <const> = answer.headers[name]
    return type(value) == "string" and value or nil
end

-- What the registry says about a manifest that was asked for by its tag.
local function check_announced_digest(what, answer)
    local announced <const> = header(answer, "docker-content-digest")
    if not announced then
        return
    elseif not reference.is_digest(announced) then
        fault.raise("EFORMAT", nil, "%s: Docker-Content-Digest: expected a digest, not '%s'", what,
            text.printable(announced:sub(1, 128)))
    end
    check_digest(what, answer.body, announced)
end

local function media_type_of(answer)
    local value <const> = header(answer, "content-type")
    return value and value:match("^[^;%s]*"):lower() or ""
end

-- The bytes of a manifest or an index, and the media type that they came as.
local function get_bytes(search, target, what, missing)
    local answer <const> = search.client:get {
        path = "/manifests/" .. target, what = what, missing = missing,
        max_size = document.MAX_SIZE,
        headers = { Accept = table.concat(manifests.MEDIA_TYPES, ", ") },
    }
    return answer.body, media_type_of(answer), answer
end

-- The same of what a descriptor in an index says.
local function get_described(search, descriptor)
    local what <const> = ("%s: manifest %s"):format(search.name, descriptor.digest)
    local bytes <const>, media_type <const> = get_bytes(search, descriptor.digest, what,
        "the registry hasn't got it")
    if manifests.kind_of(media_type) and media_type ~= descriptor.media_type then
        fault.raise("EFORMAT", nil, "%s: it comes as %s: expected %s", what, media_type,
            descriptor.media_type)
    end
    return blob.verify(bytes, descriptor, what)
end

-- What the name itself leads to: its bytes, its digest, and what it is.
local function get_named(search)
    local bytes <const>, media_type <const>, answer <const> = get_bytes(search, search.target,
        search.name, "no such image")
    local digest
    if reference.is_digest(search.target) then
        digest = search.target
        check_digest(search.name, bytes, digest)
    else
        digest = blob.digest(bytes)
        check_announced_digest(search.name, answer)
    end
    return bytes, digest, manifests.parse(bytes, search.name .. ": manifest", media_type)
end

local function get_config(search, descriptor)
    local what <const> = search.name .. ": config"
    local answer <const> = search.client:get {
        path = "/blobs/" .. descriptor.digest, what = what, max_size = descriptor.size,
        missing = "the registry hasn't got it",
    }
    return blob.verify(answer.body, descriptor, what)
end

-- The image that a name means.
local function resolve(search)
    local bytes <const>, digest <const>, parsed <const> = get_named(search)
    local source <const> = {
        name = search.name, wanted = search.wanted,
        read = function(descriptor, what)
            return (what == "config" and get_config or get_described)(search, descriptor)
        end,
    }
    if parsed.kind == "index" then
        return images.of_index(source, parsed.manifests)
    end
    return images.of_manifest(source, bytes, digest, parsed)
end

-- The mirrors of a registry, and itself as the last.
local function make_clients(named, session, options)
    local clients <const> = {}
    local common <const> = {
        session = session, registry = named.registry, repository = named.repository,
        retry = options.retry,
    }
    local function add(more)
        clients[#clients + 1] = client.new(setmetatable(more, { __index = common }))
    end
    for _, url in ipairs(config.get("registry_mirrors")[named.registry] or {}) do
        add { url = url }
    end
    add {
        credentials = options.credentials,
        insecure = client.may_be_insecure(named.registry, config.get "insecure_registries"),
    }
    return clients
end

-- Calls a function with one client after the other, until one has what is wanted.
local function try_each(clients, call)
    for i, each in ipairs(clients) do
        local ok <const>, result <const> = xpcall(call, fault.catch, each)
        if ok then
            return result, i
        elseif i == #clients or not fault.is(result) or fault.is(result, "EINTR") then
            error(result, 0)
        end
    end
end

local function whole_number(digits)
    return digits and #digits <= 18 and math.tointeger(tonumber(digits)) or nil
end

-- How many bytes of an answer were there before; nil and why it isn't the blob's.
local function find_skip(state, head)
    local size <const>, offset <const> = state.layer.size, state.delivered
    local length <const> = whole_number(header(head, "content-length"))
    if head.status == 200 then
        return (not length or length == size) and offset or nil,
            ("expected %d bytes, and the registry sends %d"):format(size, length or 0)
    end
    local first, last, total = (header(head, "content-range") or "")
        :match "^bytes (%d+)%-(%d+)/([%d*]+)$"
    first, last, total = whole_number(first), whole_number(last), whole_number(total)
    if first ~= offset or last ~= size - 1 or total and total ~= size then
        return nil, ("expected bytes %d to %d, and the registry sends others"):format(offset,
            size - 1)
    end
    return 0
end

local function fail_layer(state, code, format, ...)
    fault.raise(code, nil, "%s: %s", state.what, format:format(...))
end

-- What became of a body: returns what an attempt does.
local function settle(state, written, message, code)
    state.delivered = state.delivered + written
    local progressed <const> = { progressed = written >= LEAST_PROGRESS, known = true }
    if code == "EFBIG" then
        fail_layer(state, "EFBIG", "more than its %d bytes come", state.layer.size)
    elseif code then
        return retry.failed(("%s: %s"):format(state.what, message), code, progressed)
    elseif state.delivered < state.layer.size then
        return retry.again(fault.new {
            message = ("%s: %d of %d bytes came"):format(state.what, state.delivered,
                state.layer.size),
            code = "ECONNRESET",
        }, progressed)
    end
    return true
end

local function receive(state, request, head)
    local skip <const>, why <const> = find_skip(state, head)
    if not skip then
        fail_layer(state, "EPROTO", "%s", why)
    end
    request:accept(nil, skip) -- if that fails, so does the next step
    local answer <const>, message <const>, code <const>, written <const> = task.await(request)
    return settle(state, answer and math.max(0, answer.received - skip) or written, message, code)
end

-- One request for what of a blob isn't there yet.
local function attempt(state, source, number)
    local left <const> = state.layer.size - state.delivered
    local request <close>, head <const>, message <const>, code <const> = source:send {
        path = "/blobs/" .. state.layer.digest, output = state.output, hold = true, max_size = left,
        headers = state.delivered > 0 and { Range = ("bytes=%d-"):format(state.delivered) } or nil,
    }
    if not head then
        return source:failed(state.what, message, code, number > 1 or state.delivered > 0)
    elseif head.status == 200 or head.status == 206 and state.delivered > 0 then
        return receive(state, request, head)
    end
    local answer <const> = task.await(request)
    return source:refused(state.what, "the registry hasn't got it", answer or head)
end

local function feed(state)
    local guard <close> = state.output
    local ok <const>, why <const> = xpcall(try_each, fault.catch, state.clients,
        function(source)
            return state.layer.size == 0 or retry.run(function(number)
                return attempt(state, source, number)
            end, state.retry)
        end)
    if not ok and not fault.is(why, "EPIPE") then
        error(why, 0)
    end
end

-- Begins to fetch a layer. Its feed ends when all is written, quietly if nobody reads any more, and
-- raises if the blob can't be had.
local function open_layer(name, clients, layer, options)
    local input <const>, output <const> = core.stream.pipe { size = AHEAD }
    local state <const> = {
        layer = layer, clients = clients, retry = options.retry, output = output, delivered = 0,
        what = ("%s: layer %s"):format(name, layer.digest),
    }
    return setmetatable({
        input = input, output = output, feed = function() feed(state) end,
    }, Blob)
end

function Blob:close()
    self.input:close()
    self.output:close()
end
Blob.__close = Blob.close

local function open(named, session, options)
    local clients <const> = make_clients(named, session, options)
    local wanted <const> = options.platform and platform.parse(options.platform) or platform.host()
    local image <const>, number <const> = try_each(clients, function(each)
        return resolve {
            client = each, name = tostring(named), target = named.digest or named.tag,
            wanted = wanted,
        }
    end)
    local rest <const> = table.move(clients, number, #clients, 1, {})
    image.open = function(_, layer)
        return open_layer(image.name, rest, layer, options)
    end
    image.on_close = function()
        session:close()
    end
    return image
end

---Finds an image in its registry.
---@param name sdme.oci.Reference|string
---@param options table? `platform` ("linux/arm64"; this host's), `credentials` ("USER:PASSWORD"),
---  `retry` (options of retry.run), `ca_file`, `stall_timeout` (as for core.fetch.session)
---@return sdme.oci.Image to be closed
function M.open(name, options)
    local named <const> = type(name) == "string" and reference.parse(name) or name
    local session <const> = client.session(options)
    local ok <const>, result <const> = xpcall(open, fault.catch, named, session, options or {})
    if not ok then
        session:close()
        error(result, 0)
    end
    return result
end

return M
