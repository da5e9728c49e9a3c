---@meta

---HTTP and HTTPS by libcurl. Certificates are always checked.
---@class sdme.core.fetch
local fetch = {}

---@class sdme.fetch.SessionOptions
---@field user_agent string? how it calls itself
---@field ca_file string? the certificates to trust; those of the system without
---@field proxy string? which proxy, `""` for none; without it the variables `http_proxy`,
---  `https_proxy` and `no_proxy` say that
---@field connect_timeout number? seconds that a connection may take; 30
---@field stall_timeout number? seconds after which a transfer slower than 100 bytes/s fails; 60

---A session: it keeps connections for the next request.
---@param options sdme.fetch.SessionOptions? how it connects
---@return sdme.fetch.Session session
function fetch.session(options) end

---Connections to servers.
---@class sdme.fetch.Session
local Session = {}

---@class sdme.fetch.RequestOptions
---@field url string a user and password in it are used as those below
---@field method "GET"|"HEAD"|"POST"|"PUT"|"PATCH"|nil GET without
---@field headers table<string, string>? what else to send
---@field body string|sdme.AnyDescriptor|nil what to send; a file from where it is
---@field output sdme.AnyDescriptor? for the body of a 200 or 206; any other answer's is in `body`
---@field hold boolean? whether the body of a 200 or 206 waits for `accept`; a 206 goes to no output
---  without
---@field max_size integer? of the body; 4 MiB, or without end into an output
---@field insecure_http boolean? whether `http://` is allowed; false
---@field follow integer? how many redirects; 0
---@field user string? for this server
---@field password string? for this server
---@field authorities string? certificates in PEM to trust beside those of the system
---@field certificate string? the file of a certificate in PEM that says who we are, to this server
---@field key string? the file of its key

---Asks a server. The request ends with `{ status=, headers=, body=, received=, url=, http_version=
---}`, whatever the status is. Names of headers are in lower case, and the value of one that came
---several times is an array. `url` is where redirects have led.
---
---A redirect to another scheme, host or port takes user, password, `Authorization` and `Cookie` off
---the request for good, and one from https to http fails. The body of an error is cut at 64 KiB.
---Codes are `ECONNRESET` (it was cut), `ECONNREFUSED`, `EHOSTUNREACH`, `ETIMEDOUT`, `EPROTO`,
---`EKEYREJECTED` (the certificate), `EFBIG`, `ELOOP` (redirects), `EPERM` (http), and others.
---
---```lua
---local session <close> = assert(core.fetch.session { connect_timeout = 5 })
---local request <close> = assert(session:request { url = "https://example.com/", hold = true })
---local head <const> = task.await(request:head())
---if head and head.status == 200 then
---    assert(request:accept())
---    print(task.await(request).body)
---end
---```
---@param options sdme.fetch.RequestOptions what to ask
---@return sdme.fetch.Request pending
function Session:request(options) end

---Closes its connections; requests that go on fail with `ECANCELED`.
function Session:close() end

---A request on its way.
---@class sdme.fetch.Request: sdme.Pending
local Request = {}

---Its status and headers, as soon as they are there.
---@return sdme.Pending pending ends with `{ status=, headers=, url=, http_version= }`
function Request:head() end

---Lets a held body come. A request that fails with a body on its way ends with a fourth value: how
---many bytes the output got.
---@param offset integer? where a file gets it from on; it counts as a whole for `max_size` then
---@param skip integer? how many of its first bytes are dropped, and don't count
---@return true done
function Request:accept(offset, skip) end

---How far it is.
---@return integer received bytes of the body
---@return integer? all of them, nil if that isn't known
function Request:progress() end
