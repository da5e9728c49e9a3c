-- An image into a registry (distribution-spec, "Push"). A blob that the registry has isn't sent,
-- whether it is in this repository or in the one that the layer came from.

local blob <const> = require "sdme.oci.blob"
local client <const> = require "sdme.oci.client"
local compose <const> = require "sdme.oci.compose"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local kept <const> = require "sdme.oci.kept"
local progress <const> = require "sdme.progress"
local reference <const> = require "sdme.oci.reference"
local retry <const> = require "sdme.retry"
local store <const> = require "sdme.store"
local task <const> = require "sdme.task"

local file <const> = core.file

local M <const> = {}

local MISSING <const> = "the registry knows no such repository"

-- Seconds that a registry may take to look through what it was sent.
local PATIENCE <const> = 300

-- Layers that go out at once: where a registry is far away, one waits for it.
local PARALLEL <const> = 4

-- Hexadecimal digits that tell layers apart for people.
local SHORT <const> = 12

---@class sdme.oci.Push
---@field target sdme.oci.Reference
---@field client sdme.oci.Client
---@field scope string
---@field from string? a repository of the same registry that may have the layers
---@field parallel integer layers at once
---@field sent integer bytes of blobs that weren't there
local Push <const> = {}
Push.__index = Push

local function scope_of(repository, actions)
    return ("repository:%s:%s"):format(repository, actions)
end

-- The head and the body of an answer; or what an attempt returns.
local function exchange(push, what, options)
    options.scope, options.follow = options.scope or push.scope, 0
    local request <close>, head <const>, message <const>, code <const> = push.client:send(options)
    local answer, why, kind = head, message, code
    if head then
        answer, why, kind = task.await(request)
    end
    if not answer then
        return nil, retry.failed(("%s: %s"):format(what, why), kind, { known = true })
    end
    return answer
end

-- A request whose answer has one of some statuses.
local function ask(push, what, options, accepted)
    return retry.run(function()
        local answer <const>, again <const> = exchange(push, what, options)
        if not answer or accepted[answer.status] then
            return answer or again
        end
        return push.client:refused(what, MISSING, answer)
    end, push.client.retry)
end

local PRESENT <const> = { [200] = true, [404] = true }

local function what_of(push, descriptor)
    return ("%s: blob %s"):format(tostring(push.target), descriptor.digest)
end

-- Whether the repository has a blob.
function Push:has(descriptor)
    local answer <const> = ask(self, what_of(self, descriptor), {
        method = "HEAD", path = "/blobs/" .. descriptor.digest,
    }, PRESENT)
    return answer.status == 200
end

local STARTED <const> = { [201] = true, [202] = true }

-- Begins an upload, or has the blob taken over from another repository: nil then.
local function begin(push, descriptor, from)
    local path, scope = "/blobs/uploads/", push.scope
    if from then
        path = ("%s?mount=%s&from=%s"):format(path, descriptor.digest, from)
        scope = scope .. " " .. scope_of(from, "pull")
    end
    local what <const> = what_of(push, descriptor)
    local answer <const> = ask(push, what, {
        method = "POST", path = path, scope = scope, body = "",
        headers = { ["Content-Type"] = "application/octet-stream" },
    }, STARTED)
    if answer.status == 201 then
        return nil
    end
    local location <const> = answer.headers.location
    if type(location) ~= "string" or not location:find "^[!-~]+$" then
        fault.raise("EPROTO", nil, "%s: expected to be told where to send it", what)
    end
    return location
end

-- Where to send a blob, with its digest. The location may lack scheme and host.
local function upload_url(push, location, digest)
    local origin <const> = push.client:root():match "^%a+://[^/]+"
    local url <const> = location:find "^https?://" and location
        or origin .. (location:find "^/" and "" or "/") .. location
    return ("%s%sdigest=%s"):format(url, url:find("?", 1, true) and "&" or "?", digest)
end

-- The other repository may be closed to us, or be none: then the blob is sent.
local function mount(push, descriptor)
    local fine <const>, location <const> = pcall(begin, push, descriptor, push.from)
    if not fine and (not fault.is(location) or fault.is(location, "EINTR")) then
        error(location, 0)
    end
    return fine, location
end

local CREATED <const> = { [201] = true, [204] = true }

-- Sends a blob; `open` gives it from its beginning, since it may have to be sent again.
function Push:upload(descriptor, open)
    local what <const> = what_of(self, descriptor)
    retry.run(function()
        local answer <const>, again <const> = exchange(self, what, {
            method = "PUT", body = open,
            url = upload_url(self, begin(self, descriptor), descriptor.digest),
            headers = { ["Content-Type"] = "application/octet-stream" },
        })
        if not answer or CREATED[answer.status] then
            return answer or again
        end
        return self.client:refused(what, MISSING, answer)
    end, self.client.retry)
    self.sent = self.sent + descriptor.size
end

local function label(part)
    return "layer " .. (part.id and part.id:match "%-(.*)$":sub(1, SHORT) or "of its own")
end

-- A blob that the layer is known to be, and that is there or can be had there.
local function find_there(push, part, item)
    local known <const> = compose.known(part, push.options.compression)
    for _, descriptor in ipairs(known) do
        if push:has(descriptor) then
            item:finish "it is there"
            return descriptor
        end
    end
    for _, descriptor in ipairs(push.from and known or {}) do
        local fine <const>, location <const> = mount(push, descriptor)
        if fine and not location then
            item:finish("it is in " .. push.from)
            return descriptor
        end
    end
    return nil
end

-- A blob as it came.
local function send_kept(push, part)
    for _, descriptor in ipairs(compose.known(part, push.options.compression)) do
        if kept.check(descriptor) then
            push:upload(descriptor, function() return fault.check(kept.open(descriptor)) end)
            return descriptor
        end
    end
    return nil
end

-- A blob that is made now: on the disk first, since its digest comes before it.
local function send_packed(push, part, item)
    local stage <close> = store.stage()
    local path <const> = stage.path .. "/blob"
    fault.check(file.write(path, "", { mode = "0600", sync = false }))
    local output <close> = fault.check(io.open(path, "r+b"))
    local descriptor <const> = compose.pack(part, output, {
        compression = push.options.compression, level = push.options.level,
        progress = function(done) item:update(done) end,
    })
    if not push:has(descriptor) then
        push:upload(descriptor, function() return fault.check(file.open(path)) end)
    end
    return descriptor
end

function Push:layer(part)
    local item <close> = self.progress:item(label(part))
    local there <const> = find_there(self, part, item)
    if there then
        return there
    end
    local descriptor <const> = send_kept(self, part) or send_packed(self, part, item)
    item:finish(progress.size(descriptor.size))
    return descriptor
end

function Push:blob(descriptor, bytes)
    if not self:has(descriptor) then
        self:upload(descriptor, function() return bytes end)
    end
end

local function put_manifest(push, descriptor, bytes)
    local what <const> = tostring(push.target)
    local answer <const> = ask(push, what, {
        method = "PUT", path = "/manifests/" .. push.target.tag, body = bytes,
        headers = { ["Content-Type"] = descriptor.media_type },
    }, CREATED)
    local announced <const> = answer.headers["docker-content-digest"]
    if type(announced) == "string" and reference.is_digest(announced)
        and announced ~= descriptor.digest and announced:find "^sha256:" then
        fault.raise("EDIGEST", nil, "%s: the registry has the manifest as %s, not as %s", what,
            announced, descriptor.digest)
    end
end

-- The repository that an image was pulled from, if it is in the same registry.
local function source_of(target, origin)
    local text <const> = type(origin) == "table" and origin.kind == "image" and origin.source
    local fine <const>, source <const> = pcall(reference.parse, text or "")
    if fine and source.registry == target.registry and source.repository ~= target.repository then
        return source.repository
    end
    return nil
end

local function parse_target(name)
    local target <const> = reference.parse(name)
    if target.digest then
        fault.usage("%s: expected a tag to push to, and no digest", name)
    end
    return target
end

---Puts an image into a registry.
---@param composition sdme.oci.Composition
---@param name string [REGISTRY/]REPOSITORY[:TAG]
---@param options table `progress` of sdme.progress; `credentials` ("USER:PASSWORD"); `compression`,
---  `level` of layers that are packed; `ca_file`, `retry` as for registry.open
---@return { name: string, digest: string, sent: integer } `sent`: bytes of blobs that weren't there
function M.push(composition, name, options)
    local target <const> = parse_target(name)
    compose.check_compression(options.compression)
    local session <close> = client.session { ca_file = options.ca_file, stall_timeout = PATIENCE }
    local push <const> = setmetatable({
        target = target, options = options, sent = 0, progress = options.progress,
        scope = scope_of(target.repository, "pull,push"), parallel = PARALLEL,
        from = source_of(target, composition.origin),
        client = client.new {
            registry = target.registry, repository = target.repository, session = session,
            credentials = options.credentials, retry = options.retry,
            insecure = client.may_be_insecure(target.registry, config.get "insecure_registries"),
        },
    }, Push)
    local descriptor <const>, bytes <const> = compose.assemble(composition, push)
    put_manifest(push, descriptor, bytes)
    return { name = tostring(target), digest = blob.digest(bytes), sent = push.sent }
end

return M
