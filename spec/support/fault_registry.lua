-- A registry of images in memory that is as bad as a script says: see web.lua and httpd.lua.
--
-- The script sees `request` and `answer`. It may call `give(changes)` for what a good one would
-- answer with `status`, `type`, `body` and `headers` changed, and `cut(size)`; it returns true
-- where it has answered, and leaves everything else alone.

local core <const> = require "sdme.core"
local json <const> = require "sdme.json"
local web <const> = require "spec.support.web"

local M <const> = {}

local OCI <const> = "application/vnd.oci.image."

M.MANIFEST = OCI .. "manifest.v1+json"
M.INDEX = OCI .. "index.v1+json"
M.CONFIG = OCI .. "config.v1+json"
M.LAYER = OCI .. "layer.v1.tar"

local PRELUDE <const> = [==[
    local function read(name)
        local file <close> = io.open(arg[1] .. "/" .. name, "rb")
        return file and file:read "a"
    end
    local routes = assert(load(read "routes"))()
    local path = request.target:match "^[^?]*"
    local route = routes[path]

    local function give(changes)
        changes = changes or {}
        local body = changes.body or route and read(route.file)
        if not body then
            return answer:whole(404, '{"errors":[{"code":"'
                .. (path:find "/blobs/" and "BLOB" or "MANIFEST") .. '_UNKNOWN"}]}')
        end
        local headers = { "Content-Type: " .. (changes.type or route.type) }
        if route.digest and path:find "/manifests/" then
            headers[2] = "Docker-Content-Digest: " .. route.digest
        end
        for i, line in ipairs(changes.headers or {}) do
            headers[#headers + 1] = line
        end
        if request.headers.range and not changes.status then
            return answer:range(request, body, table.unpack(headers))
        end
        answer:whole(changes.status or 200, body, table.unpack(headers))
    end

    -- Sends so much of the body, and ends the connection.
    local function cut(size)
        local body = read(route.file)
        local first = tonumber((request.headers.range or ""):match "^bytes=(%d+)%-$" or 0)
        local head = { "Content-Length: " .. #body - first }
        if first > 0 then
            head[2] = ("Content-Range: bytes %d-%d/%d"):format(first, #body - 1, #body)
        end
        answer:head(first > 0 and 206 or 200, table.unpack(head))
        answer:send(body:sub(first + 1, first + size))
        answer:cut()
    end

    local function faults()
        %s
    end
    if path == "/v2/" then
        return answer:whole(200, "{}")
    end
    if not faults() then
        give()
    end
]==]

---@param data string
---@return string
function M.digest(data)
    local digest <close> = core.digest.new "sha256"
    return "sha256:" .. digest:update(data):hex()
end

---@return table descriptor as JSON has it
function M.descriptor(bytes, media_type, more)
    local made <const> = { mediaType = media_type, digest = M.digest(bytes), size = #bytes }
    for key, value in pairs(more or {}) do
        made[key] = value
    end
    return made
end

local Registry <const> = {}
Registry.__index = Registry

local function write_routes(self)
    local lines <const> = { "return {" }
    for path, route in pairs(self.routes) do
        lines[#lines + 1] = ("[%q]={file=%q,type=%q,digest=%s},"):format(path, route.file,
            route.type, route.digest and ("%q"):format(route.digest) or "nil")
    end
    lines[#lines + 1] = "}"
    assert(core.file.write(self.server.directory .. "/routes", table.concat(lines, "\n"),
        { sync = false }))
end

-- Answers a path with some bytes from now on.
local function put(self, path, bytes, media_type, digest)
    self.count = self.count + 1
    local file <const> = "content" .. self.count
    assert(core.file.write(self.server.directory .. "/" .. file, bytes, { sync = false }))
    self.routes[path] = { file = file, type = media_type, digest = digest }
    write_routes(self)
end

---@return table descriptor
function Registry:put_blob(bytes, media_type, more)
    put(self, ("/v2/%s/blobs/%s"):format(self.repository, M.digest(bytes)), bytes,
        "application/octet-stream")
    return M.descriptor(bytes, media_type or M.LAYER, more)
end

---Puts a manifest or an index, by its digest and by a tag if there is one.
---@param value table|string
---@return table descriptor
function Registry:put_manifest(value, tag, media_type)
    local bytes <const> = type(value) == "string" and value or json.encode(value)
    media_type = media_type or type(value) == "table" and value.mediaType or M.MANIFEST
    local digest <const> = M.digest(bytes)
    for _, name in ipairs { digest, tag } do
        put(self, ("/v2/%s/manifests/%s"):format(self.repository, name), bytes, media_type, digest)
    end
    return M.descriptor(bytes, media_type)
end

---Puts an image of layers that are what these texts say.
---@param layers string[]
---@param options { tag: string?, architecture: string?, variant: string?, config: table? }?
---@return table descriptor with a platform
---@return table manifest
function Registry:put_image(layers, options)
    options = options or {}
    local diff_ids <const>, descriptors <const> = json.array(), json.array()
    for i, bytes in ipairs(layers) do
        diff_ids[i], descriptors[i] = M.digest(bytes), self:put_blob(bytes)
    end
    local platform <const> = { os = "linux", architecture = options.architecture or "amd64",
        variant = options.variant }
    local config <const> = json.encode {
        os = "linux", architecture = platform.architecture, variant = options.variant,
        config = options.config, rootfs = { type = "layers", diff_ids = diff_ids },
    }
    local manifest <const> = { schemaVersion = 2, mediaType = M.MANIFEST, layers = descriptors,
        config = self:put_blob(config, M.CONFIG) }
    local descriptor <const> = self:put_manifest(manifest, options.tag)
    descriptor.platform = platform
    return descriptor, manifest
end

---Puts an index of descriptors.
---@return table descriptor
function Registry:put_index(descriptors, tag)
    return self:put_manifest({ schemaVersion = 2, mediaType = M.INDEX,
        manifests = json.array(descriptors) }, tag)
end

---Has it go on by another script.
function Registry:script(script)
    self.server:script((PRELUDE:gsub("%%s", function() return script end, 1)))
end

---The paths that it was asked for, each with "METHOD " before it unless that is GET.
function Registry:asked()
    local list <const> = {}
    for i, request in ipairs(self.server:requests()) do
        list[i] = (request.method == "GET" and "" or request.method .. " ") .. request.target
    end
    return list
end

---Starts one.
---@param script string? what it does wrong
---@param options { tls: boolean?, repository: string? }?
---@return table registry `host`, `server` (of web.lua); gone with `scratch.clean`
function M.start(script, options)
    options = options or {}
    local self <const> = setmetatable({ routes = {}, count = 0,
        repository = options.repository or "test/image" }, Registry)
    self.server = web.serve("answer:cut()", { tls = options.tls })
    self.host = "127.0.0.1:" .. self.server.port
    self.name = self.host .. "/" .. self.repository
    write_routes(self)
    self:script(script or "")
    return self
end

return M
