-- How a registry is convinced: Basic, or a token that a server of its choice gives for a scope
-- (distribution's "Token Authentication Specification"). Credentials go to the registry and to that
-- one server only.

local challenge <const> = require "sdme.oci.challenge"
local credentials <const> = require "sdme.oci.credentials"
local document <const> = require "sdme.oci.document"
local fault <const> = require "sdme.fault"
local retry <const> = require "sdme.retry"
local task <const> = require "sdme.task"
local text <const> = require "sdme.text"

local M <const> = {}

local MAX_TOKEN <const> = 32768
local MAX_ANSWER <const> = 262144
local CLIENT <const> = "sdme"

-- Where a request has its secret in the body, none is followed.
local REDIRECTS <const> = 5

-- Seconds between two looks at what another strand is doing.
local OTHERS <const> = 0.1

M.HINT = "is the name right? say who you are by --creds USER:PASSWORD, or log in with"
    .. " podman or docker (auth.json)"

---@class sdme.oci.Auth
---@field host string whom it is for, for messages
---@field kind "basic"|"bearer"|nil what the registry asked for
---@field realm string? where tokens are had
---@field tokens table<string, string> by scope
---@field asking table<string, true> scopes that a strand is getting a token for
local Auth <const> = {}
Auth.__index = Auth

---@param options table `session`, `host`, `registry` and `repository` (to find credentials by),
---  `insecure` (tokens may be had by http), `credentials` ("USER:PASSWORD"), `retry`, `tls` (of
---  sdme.oci.certificates)
---@return sdme.oci.Auth
function M.new(options)
    return setmetatable({
        session = options.session, host = options.host, registry = options.registry,
        repository = options.repository, insecure = options.insecure, retry = options.retry,
        tls = options.tls or {},
        given = options.credentials and credentials.parse(options.credentials), tokens = {},
        asking = {},
    }, Auth)
end

-- Looked up when they are needed first.
function Auth:credentials()
    if not self.looked_up then
        self.found = self.given or credentials.find(self.registry, self.repository)
        self.looked_up = true
    end
    return self.found
end

---What a request says: a header, or a user and a password, or nothing yet.
---@param scope string "repository:library/nginx:pull"; several have a blank between them
---@return { token: string?, user: string?, password: string? }
function Auth:proof(scope)
    local found <const> = self.kind == "basic" and self:credentials() or {}
    return { token = self.tokens[scope], user = found.user, password = found.password }
end

local function escape(value)
    return (value:gsub("[^%w_.~-]", function(byte)
        return ("%%%02X"):format(byte:byte())
    end))
end

local function encode_form(pairs_in_order)
    local fields <const> = {}
    for i, pair in ipairs(pairs_in_order) do
        fields[i] = pair[1] .. "=" .. escape(pair[2])
    end
    return table.concat(fields, "&")
end

-- For messages: neither a password nor a signature.
local function shown(url)
    return text.printable((url:gsub("^(%a+://)[^/?#]*@", "%1"):gsub("[?#].*", "")))
end

-- Where tokens are had, which stays what it was when it was first named.
local function check_realm(self, bearer)
    local realm <const> = bearer.parameters.realm
    if not realm or not realm:lower():find "^https?://[^/]" or realm:find "[%c ]" then
        fault.raise("EFORMAT", nil, "%s: WWW-Authenticate: expected a realm that is a URL",
            self.host)
    elseif not self.insecure and not realm:lower():find "^https:" then
        fault.raise("EPERM", nil, "%s: its tokens are had at %s: expected https", self.host,
            shown(realm))
    elseif self.realm and self.realm ~= realm then
        fault.raise("EPERM", nil, "%s: its tokens are had at %s: expected %s, as before",
            self.host, shown(realm), shown(self.realm))
    end
    self.realm = realm
    return realm
end

local function service_of(bearer)
    local service <const> = bearer.parameters.service
    return service ~= "" and service and { { "service", service } } or {}
end

-- Asks with user and password, or as nobody.
local function plain_request(self, realm, bearer, scope)
    local found <const>, fields <const> = self:credentials() or {}, service_of(bearer)
    for one in scope:gmatch "%S+" do
        fields[#fields + 1] = { "scope", one }
    end
    local plain <const> = realm:gsub("#.*", "")
    return {
        url = plain .. (plain:find("?", 1, true) and "&" or "?") .. encode_form(fields),
        user = found.user, password = found.password, follow = REDIRECTS,
    }
end

-- Asks with a token that was given for asking.
local function refresh_request(self, realm, bearer, scope)
    local fields <const> = service_of(bearer)
    fields[#fields + 1] = { "grant_type", "refresh_token" }
    fields[#fields + 1] = { "client_id", CLIENT }
    fields[#fields + 1] = { "scope", scope }
    fields[#fields + 1] = { "refresh_token", self:credentials().identity_token }
    return {
        url = realm, method = "POST", body = encode_form(fields),
        headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
    }
end

local REFUSALS <const> = { [400] = true, [401] = true, [403] = true, [404] = true }

local function attempt(self, realm, options, number)
    options.insecure_http, options.max_size = self.insecure, MAX_ANSWER
    options.authorities = self.tls.authorities
    if realm:match "^https://([^/]*)" == self.host then
        options.certificate, options.key = self.tls.certificate, self.tls.key
    end
    options.headers = options.headers or {}
    options.headers.Accept = "application/json"
    local request <close> = fault.check(self.session:request(options))
    local answer <const>, message <const>, code <const> = task.await(request)
    if not answer then
        return retry.failed(message, code, { known = number > 1 })
    elseif REFUSALS[answer.status] then
        fault.raise("EACCES", M.HINT, "%s: %s gives no token (it answers %d)", self.host,
            shown(realm), answer.status)
    elseif answer.status ~= 200 then
        return retry.refused(shown(realm), answer)
    end
    return answer
end

local function read_token(realm, body)
    local answer <const> = document.parse(body, shown(realm))
    local field <const> = answer:has "token" and "token" or "access_token"
    local token <const> = answer:text(field, true)
    if #token > MAX_TOKEN or not token:find "^[%w._~+/-]+=*$" then
        answer:fail(field, "expected a token of at most %d letters, digits and . _ ~ + / - =",
            MAX_TOKEN)
    end
    return token
end

local function ask_for_token(self, bearer, scope)
    local realm <const> = check_realm(self, bearer)
    local make <const> = (self:credentials() or {}).identity_token and refresh_request
        or plain_request
    local answer <const> = retry.run(function(number)
        return attempt(self, realm, make(self, realm, bearer, scope), number)
    end, self.retry)
    self.kind, self.tokens[scope] = "bearer", read_token(realm, answer.body)
end

-- Gets a token for a scope, and has requests say it.
local function get_token(self, bearer, scope)
    self.asking[scope] = true
    local ok <const>, why <const> = xpcall(ask_for_token, fault.catch, self, bearer, scope)
    self.asking[scope] = nil
    if not ok then
        error(why, 0)
    end
end

-- Waits as long as another strand is about to get a token for the same scope.
local function wait_for_others(self, scope)
    task.await {
        poll = function()
            return nil, nil, OTHERS
        end,
        step = function()
            return not self.asking[scope]
        end,
    }
end

local function list_schemes(challenges)
    local names <const> = {}
    for i, each in ipairs(challenges) do
        names[i] = each.scheme
    end
    return table.concat(names, ", ")
end

---What to do about a 401: whether another request may do better.
---@param head { headers: table }
---@param scope string
---@param used { token: string?, user: string? } what the request said
---@return boolean
function Auth:answer(head, scope, used)
    wait_for_others(self, scope)
    if self.tokens[scope] and self.tokens[scope] ~= used.token then
        return true
    end
    local challenges <const> = challenge.parse(head.headers["www-authenticate"], self.host)
    local bearer <const> = challenge.find(challenges, "bearer")
    if bearer then
        get_token(self, bearer, scope)
        return true
    elseif challenge.find(challenges, "basic") then
        local found <const> = self:credentials()
        self.kind = "basic"
        return found ~= nil and found.user ~= nil and not used.user
    elseif #challenges > 0 then
        fault.raise("EUNSUPPORTED", nil, "%s asks for %s: expected basic or bearer", self.host,
            text.printable(list_schemes(challenges)))
    end
    return false
end

return M
