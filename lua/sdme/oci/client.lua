-- Requests to one registry, or to a mirror of it, by the distribution-spec: authenticated, repeated
-- where that helps, and over TLS unless the registry is one that may do without.

local auth <const> = require "sdme.oci.auth"
local certificates <const> = require "sdme.oci.certificates"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local json <const> = require "sdme.json"
local retry <const> = require "sdme.retry"
local task <const> = require "sdme.task"

local M <const> = {}

local REDIRECTS <const> = 10

-- Where a registry is that is called by another name.
local HOSTS <const> = { ["docker.io"] = "registry-1.docker.io" }

-- What it looks like where nobody speaks TLS.
local NO_TLS <const> = { EPROTO = true, ECONNRESET = true, ECONNREFUSED = true, ETIMEDOUT = true }

---@class sdme.oci.Client
---@field host string for messages
---@field failure string? why it is spoken to without TLS, where that was tried
local Client <const> = {}
Client.__index = Client

local function is_loopback(registry)
    local host <const> = registry:match "^(%[[^%]]*%])" or registry:match "^[^:]*"
    return host == "localhost" or host == "[::1]" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

---Whether a registry may be spoken to without TLS.
---@param registry string
---@param insecure string[]? those that may though they aren't on this host
---@return boolean
function M.may_be_insecure(registry, insecure)
    for _, name in ipairs(insecure or {}) do
        if name == registry then
            return true
        end
    end
    return is_loopback(registry)
end

---@param options table `registry`, `repository`; `session` of core.fetch; `url`, of a mirror;
---  `insecure`: http is fine; `credentials` ("USER:PASSWORD"), `retry` (options of retry.run)
---@return sdme.oci.Client
function M.new(options)
    local mirror <const> = options.url and options.url:gsub("/+$", "")
    local host <const> = mirror and mirror:match "^%a+://([^/]*)"
        or HOSTS[options.registry] or options.registry:lower()
    local insecure = options.insecure
    if mirror then
        insecure = mirror:find "^http:" ~= nil
    end
    local tls <const> = certificates.find(mirror and host or options.registry)
    return setmetatable({
        tls = tls, session = options.session, host = host, registry = options.registry,
        repository = options.repository, insecure = insecure,
        base = mirror or not insecure and "https://" .. host or nil,
        is_mirror = mirror ~= nil, retry = options.retry,
        auth = auth.new {
            session = options.session, host = host, insecure = insecure, retry = options.retry,
            registry = mirror and host or options.registry, repository = options.repository,
            credentials = options.credentials, tls = tls,
        },
    }, Client)
end

-- What can be done about failures of a connection.
local function hint_of(self, code)
    if code == "EKEYREJECTED" then
        return ("if it is the right one: its authority belongs to those of this host"
            .. " (update-ca-certificates), or into %s/ca.crt"):format(
                certificates.directory(self.is_mirror and self.host or self.registry))
    elseif code == "EPROTO" and not self.insecure then
        return "if it speaks http only: sdme config set insecure_registries " .. self.host
    end
    return nil
end

-- Where a registry is that may speak https or http: the first is tried first. Certificates are
-- checked, so that one that is wrong doesn't lead to http.
local function find_base(self)
    local request <close> = fault.check(self.session:request {
        url = ("https://%s/v2/"):format(self.host), max_size = 65536,
        authorities = self.tls.authorities, certificate = self.tls.certificate, key = self.tls.key,
    })
    local head <const>, message <const>, code <const> = task.await(request:head())
    if not head and not NO_TLS[code] then
        fault.raise(code, hint_of(self, code), "%s", message)
    end
    self.failure = message
    return (head and "https://" or "http://") .. self.host
end

---Where the repository is: "https://HOST/v2/NAME".
---@return string
function Client:root()
    self.base = self.base or find_base(self)
    return ("%s/v2/%s"):format(self.base, self.repository)
end

-- Whether a URL is on the registry itself, so that what we know goes there.
local function is_own(self, url)
    return url:sub(1, #self.base + 1) == self.base .. "/"
end

local function open_request(self, options, proof)
    local own <const> = is_own(self, options.url)
    local headers <const> = {}
    for name, value in pairs(options.headers or {}) do
        headers[name] = value
    end
    headers.Authorization = own and proof.token and "Bearer " .. proof.token or nil
    local body = options.body
    if type(body) == "function" then
        body = body()
    end
    local guard <close> = type(body) == "userdata" and body or nil
    return fault.check(self.session:request {
        url = options.url, method = options.method, headers = headers, body = body,
        output = options.output, hold = options.hold, max_size = options.max_size,
        insecure_http = self.insecure, follow = options.follow or REDIRECTS,
        user = own and proof.user or nil, password = own and proof.password or nil,
        authorities = self.tls.authorities,
        certificate = own and self.tls.certificate or nil, key = own and self.tls.key or nil,
    })
end

-- What a function makes of a request, which is closed if that raises: its output would stay open.
local function with(request, call, ...)
    local results <const> = table.pack(xpcall(call, fault.catch, ...))
    if not results[1] then
        request:close()
        error(results[2], 0)
    end
    return table.unpack(results, 2, results.n)
end

-- One request, and its head or nil, message, code.
local function exchange(self, options, scope)
    local proof <const> = self.auth:proof(scope)
    local request <const> = open_request(self, options, proof)
    local head <const>, message <const>, code <const> = with(request, task.await, request:head())
    local again <const> = head and head.status == 401 and is_own(self, head.url)
    return request, head, message, code, again and proof
end

---Sends a request, and once more with a proof if the registry asks for one.
---@param options table as for `session:request`; `path` below the repository instead of `url`,
---  and `scope`; `body` may be a function that gives it, a descriptor from its beginning each time
---@return userdata request to be closed
---@return table? head nil, message and code if there is none
function Client:send(options)
    local root <const> = self:root()
    local scope <const> = options.scope or ("repository:%s:pull"):format(self.repository)
    options = setmetatable({ url = options.url or root .. options.path }, { __index = options })
    local request, head, message, code, refused = exchange(self, options, scope)
    if refused and with(request, self.auth.answer, self.auth, head, scope, refused) then
        request:close()
        request, head, message, code = exchange(self, options, scope)
    end
    return request, head, message, code
end

-- The registry's own word for what is wrong, as "MANIFEST_UNKNOWN".
local function error_code(body)
    local ok <const>, answer <const> = pcall(json.decode, body or "", "answer")
    local list <const> = ok and type(answer) == "table" and answer.errors
    local first <const> = type(list) == "table" and list[1]
    local code <const> = type(first) == "table" and first.code
    return type(code) == "string" and #code <= 64 and code:match "^[%u_]+$" or nil
end

local function shown_status(self, answer)
    local code <const> = error_code(answer.body)
    return ("%s: %d%s"):format(self.host, answer.status, code and " " .. code or "")
end

---What to do about an answer that isn't the one hoped for: as `retry.refused`.
---@param what string what was asked for, for the message
---@param missing string what is said of it if it isn't there
---@param answer { status: integer, headers: table, body: string? }
---@return sdme.retry.Again
function Client:refused(what, missing, answer)
    if answer.status == 401 or answer.status == 403 then
        fault.raise("EACCES", auth.HINT, "%s: not allowed (%s)", what, shown_status(self, answer))
    elseif answer.status == 404 then
        fault.raise("ENOENT", nil, "%s: %s (%s)", what, missing, shown_status(self, answer))
    elseif answer.status == 400 and self.failure then
        fault.raise("EPROTO",
            ("if it asks for a certificate of ours: NAME.cert and NAME.key go into %s"):format(
                certificates.directory(self.registry)),
            "%s: %s refuses http, and by https: %s", what, self.host, self.failure)
    end
    return retry.refused(("%s: %s"):format(what, self.host), answer)
end

---What to do about a request that failed: as `retry.failed`.
---@param what string
---@param message string
---@param code string
---@param known boolean there was an answer before
---@return sdme.retry.Again
function Client:failed(what, message, code, known)
    local hint <const> = hint_of(self, code)
    if hint then
        fault.raise(code, hint, "%s: %s", what, message)
    end
    return retry.failed(("%s: %s"):format(what, message), code, { known = known })
end

local function attempt(self, options, number)
    local request <close>, head, message, code = self:send(options)
    local answer = head
    if head then
        answer, message, code = task.await(request)
    end
    if not answer then
        return self:failed(options.what, message, code, number > 1)
    elseif answer.status ~= 200 then
        return self:refused(options.what, options.missing, answer)
    end
    return answer
end

---Gets a small document.
---@param options table as for `send`, and `what`, `missing` as for `refused`
---@return table answer with `body`
function Client:get(options)
    return retry.run(function(number)
        return attempt(self, options, number)
    end, self.retry)
end

---A session for clients.
---@param options { ca_file: string?, stall_timeout: number? }?
---@return userdata
function M.session(options)
    return fault.check(core.fetch.session {
        ca_file = options and options.ca_file, stall_timeout = options and options.stall_timeout,
    })
end

return M
