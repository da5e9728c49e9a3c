-- Images of registries: which manifest a name means, and its blobs as they come. Nothing that
-- arrives is believed before its digest is right; the blobs' are for whoever unpacks them.

local client <const> = require "sdme.oci.client"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local document <const> = require "sdme.oci.document"
local fault <const> = require "sdme.fault"
local image_config <const> = require "sdme.oci.config"
local manifests <const> = require "sdme.oci.manifest"
local platform <const> = require "sdme.oci.platform"
local reference <const> = require "sdme.oci.reference"
local retry <const> = require "sdme.retry"
local task <const> = require "sdme.task"
local text <const> = require "sdme.text"

local M <const> = {}

-- How deep indexes may be in each other, and how many manifests are looked at to find the one.
local MAX_DEPTH <const> = 4
local MAX_LOOKS <const> = 32

---@class sdme.oci.Image
---@field name string
---@field digest string of the manifest
---@field media_type string
---@field manifest string its bytes
---@field config_bytes string
---@field config sdme.oci.Config
---@field layers sdme.oci.Layer[] from the bottom to the top
local Image <const> = {}
Image.__index = Image

---@class sdme.oci.Layer: sdme.oci.Descriptor
---@field diff_id string

---@class sdme.oci.Blob
---@field input userdata a descriptor to read the blob from
---@field feed fun() writes it, in a strand of its own
local Blob <const> = {}
Blob.__index = Blob

-- What of a manifest is looked for, and where.
---@class sdme.oci.Search
---@field client sdme.oci.Client
---@field name string
---@field wanted sdme.oci.Platform
---@field looks integer

local function digest_of(bytes, algorithm)
    local digest <close> = fault.check(core.digest.new(algorithm))
    return algorithm .. ":" .. digest:update(bytes):hex()
end

local function check_digest(what, bytes, expected)
    local found <const> = digest_of(bytes, expected:match "^[^:]*")
    if found ~= expected then
        fault.raise("EDIGEST", nil, "%s: its digest is %s, not %s", what, found, expected)
    end
end

local function check_descriptor(what, bytes, descriptor)
    if #bytes ~= descriptor.size then
        fault.raise("EDIGEST", nil, "%s: it has %d bytes, not %d", what, #bytes, descriptor.size)
    end
    check_digest(what, bytes, descriptor.digest)
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

-- The media type that a manifest has to have, as its descriptor and the registry agree.
local function announced_type(what, answer, descriptor)
    local media_type <const> = media_type_of(answer)
    if descriptor and manifests.kind_of(media_type) and media_type ~= descriptor.media_type then
        fault.raise("EFORMAT", nil, "%s: it comes as %s: expected %s", what, media_type,
            descriptor.media_type)
    end
    return descriptor and descriptor.media_type or media_type
end

-- Gets a manifest or an index by a tag, or by a digest that its descriptor or the user wants.
local function get_manifest(search, target, descriptor)
    local what <const> = descriptor and ("%s: manifest %s"):format(search.name, target)
        or search.name
    local answer <const> = search.client:get {
        path = "/manifests/" .. target, what = what, max_size = document.MAX_SIZE,
        missing = descriptor and "the registry hasn't got it" or "no such image",
        headers = { Accept = table.concat(manifests.MEDIA_TYPES, ", ") },
    }
    if descriptor then
        check_descriptor(what, answer.body, descriptor)
    elseif reference.is_digest(target) then
        check_digest(what, answer.body, target)
    else
        check_announced_digest(what, answer)
    end
    local found <const> = manifests.parse(answer.body, what .. (descriptor and "" or ": manifest"),
        announced_type(what, answer, descriptor))
    found.bytes = answer.body
    found.digest = descriptor and descriptor.digest or reference.is_digest(target) and target
        or digest_of(answer.body, "sha256")
    return found
end

local function get_config(search, descriptor)
    local what <const> = search.name .. ": config"
    local answer <const> = search.client:get {
        path = "/blobs/" .. descriptor.digest, what = what, max_size = descriptor.size,
        missing = "the registry hasn't got it",
    }
    check_descriptor(what, answer.body, descriptor)
    return answer.body, image_config.parse(answer.body, what)
end

-- A manifest becomes the image that it describes.
local function describe(search, found)
    local bytes <const>, parsed <const> = get_config(search, found.config)
    if #parsed.diff_ids ~= #found.layers then
        fault.raise("EFORMAT", nil, "%s: config: rootfs.diff_ids: expected %d, as there are layers,"
            .. " not %d", search.name, #found.layers, #parsed.diff_ids)
    end
    for i, layer in ipairs(found.layers) do
        layer.diff_id = parsed.diff_ids[i]
    end
    return {
        name = search.name, digest = found.digest, media_type = found.media_type,
        manifest = found.bytes, config_bytes = bytes, config = parsed, layers = found.layers,
    }
end

local function is_wanted(search, image)
    local made_for <const> = platform.of(image.config)
    return not made_for or platform.rank(made_for, search.wanted) ~= nil
end

-- Variants are told in many ways, and not compared.
local function check_platform(search, image, description)
    local said <const>, made_for <const> = platform.of(description), platform.of(image.config)
    if said and made_for and (said.os ~= made_for.os or said.architecture ~= made_for.architecture)
    then
        fault.raise("EFORMAT", nil, "%s: the index says that it is for %s, and its config %s",
            search.name, tostring(said), text.printable(tostring(made_for)))
    end
end

local find_image

-- The image of one entry of an index; nil if that is for another platform.
local function find_in_entry(search, descriptor, depth)
    search.looks = search.looks + 1
    if search.looks > MAX_LOOKS then
        fault.raise("EFBIG", nil, "%s: expected a manifest for %s among the first %d", search.name,
            tostring(search.wanted), MAX_LOOKS)
    end
    local found <const> = get_manifest(search, descriptor.digest, descriptor)
    if found.kind == "index" then
        return find_image(search, found, depth + 1)
    end
    local image <const> = describe(search, found)
    if descriptor.platform then
        check_platform(search, image, descriptor.platform)
    elseif not is_wanted(search, image) then
        return nil
    end
    return image
end

-- The best image of an index, and of those in it.
function find_image(search, index, depth)
    if depth > MAX_DEPTH then
        fault.raise("EFBIG", nil, "%s: expected indexes in indexes to a depth of %d", search.name,
            MAX_DEPTH)
    end
    for _, descriptor in ipairs(platform.order(index.manifests, search.wanted)) do
        local image <const> = manifests.kind_of(descriptor.media_type)
            and find_in_entry(search, descriptor, depth)
        if image then
            return image
        end
    end
    return nil
end

local HINT <const> = "--platform says what it should be for"

local function resolve(search, target)
    local found <const> = get_manifest(search, target)
    if found.kind == "index" then
        local image <const> = find_image(search, found, 1)
        if not image then
            fault.raise("ENOENT", HINT, "%s: there is none for %s, but for %s", search.name,
                tostring(search.wanted), manifests.list_platforms(found.manifests))
        end
        return image
    end
    local image <const> = describe(search, found)
    if not is_wanted(search, image) then
        fault.raise("ENOENT", HINT, "%s: it is for %s, not for %s", search.name,
            text.printable(tostring(platform.of(image.config))), tostring(search.wanted))
    end
    return image
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

local function open(named, session, options)
    local clients <const> = make_clients(named, session, options)
    local wanted <const> = options.platform and platform.parse(options.platform) or platform.host()
    local image <const>, number <const> = try_each(clients, function(each)
        return resolve({ client = each, name = tostring(named), wanted = wanted, looks = 0 },
            named.digest or named.tag)
    end)
    image.session, image.retry = session, options.retry
    image.clients = table.move(clients, number, #clients, 1, {})
    return setmetatable(image, Image)
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

---Ends what is being fetched.
function Image:close()
    self.session:close()
end
Image.__close = Image.close

local function whole_number(digits)
    return digits and #digits <= 18 and math.tointeger(tonumber(digits)) or nil
end

-- How many bytes of an answer were there before; nil and why it isn't the blob's.
local function find_skip(blob, head)
    local size <const>, offset <const> = blob.layer.size, blob.delivered
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

local function fail_blob(blob, code, format, ...)
    fault.raise(code, nil, "%s: %s", blob.what, format:format(...))
end

-- What became of a body: returns what an attempt does.
local function settle(blob, written, message, code)
    blob.delivered = blob.delivered + written
    local progressed <const> = { progressed = written > 0, known = true }
    if code == "EFBIG" then
        fail_blob(blob, "EFBIG", "more than its %d bytes come", blob.layer.size)
    elseif code then
        return retry.failed(("%s: %s"):format(blob.what, message), code, progressed)
    elseif blob.delivered < blob.layer.size then
        return retry.again(fault.new {
            message = ("%s: %d of %d bytes came"):format(blob.what, blob.delivered,
                blob.layer.size),
            code = "ECONNRESET",
        }, progressed)
    end
    return true
end

local function receive(blob, request, head)
    local skip <const>, why <const> = find_skip(blob, head)
    if not skip then
        fail_blob(blob, "EPROTO", "%s", why)
    end
    request:accept(nil, skip) -- if that fails, so does the next step
    local answer <const>, message <const>, code <const>, written <const> = task.await(request)
    return settle(blob, answer and math.max(0, answer.received - skip) or written, message, code)
end

-- One request for what of a blob isn't there yet.
local function attempt(blob, source, number)
    local left <const> = blob.layer.size - blob.delivered
    local request <close>, head <const>, message <const>, code <const> = source:send {
        path = "/blobs/" .. blob.layer.digest, output = blob.output, hold = true, max_size = left,
        headers = blob.delivered > 0 and { Range = ("bytes=%d-"):format(blob.delivered) } or nil,
    }
    if not head then
        return retry.failed(("%s: %s"):format(blob.what, message), code,
            { known = number > 1 or blob.delivered > 0 })
    elseif head.status == 200 or head.status == 206 and blob.delivered > 0 then
        return receive(blob, request, head)
    end
    local answer <const> = task.await(request)
    return source:refused(blob.what, "the registry hasn't got it", answer or head)
end

local function feed(blob)
    local guard <close> = blob.output
    local ok <const>, why <const> = xpcall(try_each, fault.catch, blob.image.clients,
        function(source)
            return blob.layer.size == 0 or retry.run(function(number)
                return attempt(blob, source, number)
            end, blob.image.retry)
        end)
    if not ok and not fault.is(why, "EPIPE") then
        error(why, 0)
    end
end

---Begins to fetch a layer's blob. `feed` writes it into a pipe, whose end `input` is; it ends when
---all is written, quietly if nobody reads any more, and raises if the blob can't be had.
---@param layer sdme.oci.Layer
---@return sdme.oci.Blob to be closed
function Image:open(layer)
    local input <const>, output <const> = core.stream.pipe()
    local blob <const> = setmetatable({
        image = self, layer = layer, input = input, output = output, delivered = 0,
        what = ("%s: layer %s"):format(self.name, layer.digest),
    }, Blob)
    blob.feed = function()
        feed(blob)
    end
    return blob
end

function Blob:close()
    self.input:close()
    self.output:close()
end
Blob.__close = Blob.close

return M
