-- Debian's docker-registry on loopback, with images that are pushed by curl: skopeo can't take
-- Docker's media types and nested indexes from an OCI layout.

local core <const> = require "sdme.core"
local images <const> = require "spec.support.images"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local M <const> = {}

local Registry <const> = {}
Registry.__index = Registry

-- https://distribution.github.io/distribution/about/configuration/
local CONFIG <const> = [[
version: 0.1
log: {level: info}
storage: {filesystem: {rootdirectory: "%s/storage"}, delete: {enabled: true}}
http: {addr: "127.0.0.1:%d", secret: "none", headers: {}%s}
%s]]

local MAKE_CERTIFICATE <const> = [[
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
        -keyout %s -out %s]]

local function tls_config(directory, verify)
    needs.program "openssl"
    local key <const>, certificate <const> = directory .. "/key.pem", directory .. "/ca.pem"
    shell.run(MAKE_CERTIFICATE, key, certificate)
    return (", tls: {certificate: %q, key: %q%s}"):format(certificate, key,
        verify and (", clientcas: [%q]"):format(certificate) or ""), certificate, key
end

-- The registry takes bcrypt only; Perl's crypt is libcrypt's.
local function auth_config(directory, credentials)
    local user <const>, password <const> = credentials:match "^([^:]*):(.*)$"
    shell.run([[perl -e 'print "$ARGV[0]:", crypt($ARGV[1], $ARGV[2])' %s %s %s >%s]], user,
        password, "$2y$05$abcdefghijklmnopqrstuu", directory .. "/htpasswd")
    return ("auth: {htpasswd: {realm: registry, path: %q}}\n"):format(directory .. "/htpasswd")
end

---Starts a registry.
---@param options { port: integer?, auth: string?, tls: boolean?, verify: boolean? }? `auth` is
---  "user:password"; `verify`: only who has its own certificate may come
---@return table registry `host` ("127.0.0.1:PORT"), `url`, with TLS `ca_file` and `key_file`; gone
---  with `scratch.clean`, or `close`
function M.start(options)
    needs.program("docker-registry", "curl")
    options = options or {}
    local directory <const> = scratch.directory()
    local registry <const> = setmetatable({ directory = directory, auth = options.auth }, Registry)
    local tls = ""
    if options.tls then
        tls, registry.ca_file, registry.key_file = tls_config(directory, options.verify)
    end
    local auth <const> = options.auth and auth_config(directory, options.auth) or ""
    assert(core.file.write(directory .. "/config.yml",
        CONFIG:format(directory, options.port or 0, tls, auth)))
    local log <close> = assert(io.open(directory .. "/log", "wb"))
    registry.process = assert(core.process.spawn {
        argv = { "docker-registry", "serve", directory .. "/config.yml" },
        stdin = "null", stdout = log, stderr = log,
    })
    scratch.finally(function() registry:close() end)
    local port <const> = wait.until_true("docker-registry listens", function()
        return core.file.read(directory .. "/log"):match "listening on [^\n]*:(%d+)"
    end)
    registry.host = "127.0.0.1:" .. port
    registry.url = (options.tls and "https" or "http") .. "://" .. registry.host
    return registry
end

function Registry:close()
    self.process:close()
end

---Runs curl on it.
---@param path string below /v2/
---@param ... string arguments of curl
---@return string body
function Registry:curl(path, ...)
    local line, words = "curl -sS --fail", { ... }
    for option, value in pairs { ["--cacert"] = self.ca_file, ["--user"] = self.auth,
        ["--cert"] = self.ca_file, ["--key"] = self.key_file } do
        table.move({ option, value }, 1, 2, #words + 1, words)
    end
    words[#words + 1] = path:find "://" and path or self.url .. "/v2/" .. path
    return shell.run(line .. (" %s"):rep(#words), table.unpack(words))
end

---The file of a blob that the registry has, or nil.
---@param digest string
---@return string? path
function Registry:blob(digest)
    local algorithm <const>, hex <const> = digest:match "^(%w+):(%x+)$"
    local path <const> = ("%s/storage/docker/registry/v2/blobs/%s/%s/%s/data"):format(
        self.directory, algorithm, hex:sub(1, 2), hex)
    return core.file.stat(path) and path or nil
end

---What was asked of it so far, a line for each request: "GET /v2/library/nginx/manifests/latest".
---@return string[]
function Registry:requests()
    local requests <const> = {}
    local log <const> = assert(core.file.read(self.directory .. "/log", { max = 1 << 26 }))
    for method, target in log:gmatch
        '127%.0%.0%.1 %- [^\n]-"(%u+) (/v2/%S*) HTTP' do
        requests[#requests + 1] = method .. " " .. target
    end
    return requests
end

local function push_blob(registry, repository, path, descriptor)
    local target <const> = registry:curl(repository .. "/blobs/uploads/", "--request", "POST",
        "--output", "/dev/null", "--write-out", "%header{location}")
    registry:curl(target .. "&digest=" .. descriptor.digest, "--request", "PUT",
        "--header", "Content-Type: application/octet-stream", "--upload-file", path)
end

local function push_manifest(registry, repository, path, descriptor, tag)
    registry:curl(("%s/manifests/%s"):format(repository, tag or descriptor.digest), "--request",
        "PUT", "--header", "Content-Type: " .. descriptor.mediaType, "--upload-file", path)
end

---Puts an image of a layout into a repository.
---@param path string of the layout, as of `images.path`
---@param repository string "library/nginx"
---@param tag string? "latest"
---@return string digest of what the tag names
function Registry:push(path, repository, tag)
    local top <const> = images.descriptor(path)
    local seen <const> = {}
    for _, descriptor in ipairs(images.reachable(path, top)) do
        if not seen[descriptor.digest] then
            local push <const> = images.is_manifest(descriptor) and push_manifest or push_blob
            push(self, repository, images.blob(path, descriptor.digest), descriptor)
            seen[descriptor.digest] = true
        end
    end
    push_manifest(self, repository, images.blob(path, top.digest), top, tag or "latest")
    return top.digest
end

---Puts images of spec/host/image into library/NAME.
---@param ... string names
function Registry:push_images(...)
    for _, name in ipairs { ... } do
        self:push(images.path(name), "library/" .. name)
    end
end

return M
