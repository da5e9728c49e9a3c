-- Servers of HTTP on loopback, each with a script that says how it misbehaves: see httpd.lua.

local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local M <const> = {}

local Server <const> = {}
Server.__index = Server

-- A certificate that nobody signed but itself.
local MAKE_CERTIFICATE <const> = [[
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
        -keyout %s -out %s]]

local function make_certificate(directory)
    needs.program "openssl"
    local key <const>, certificate <const> = directory .. "/key.pem", directory .. "/ca.pem"
    shell.run(MAKE_CERTIFICATE, key, certificate)
    return key, certificate
end

local function argv(server, tls, verify)
    local answer <const> = "lua5.4 spec/support/httpd.lua " .. server.directory
    local options <const> = "0,bind=127.0.0.1,reuseaddr,fork,backlog=64"
    if not tls then
        return { "socat", "-d", "-d", "TCP-LISTEN:" .. options, "EXEC:" .. answer .. ",nofork" }
    end
    local key <const>, certificate <const> = make_certificate(server.directory)
    server.ca_file, server.key_file = certificate, key
    return { "socat", "-d", "-d", ("OPENSSL-LISTEN:%s,cert=%s,key=%s,%s"):format(options,
        certificate, key, verify and "verify=1,cafile=" .. certificate or "verify=0"),
        "EXEC:" .. answer }
end

---Starts a server.
---@param script string the body of a function in Lua of `request` and `answer`
---@param options { tls: boolean?, verify: boolean? }? `verify`: only who has its own certificate
---  may come
---@return table server `url`, `port`, with TLS `ca_file` and `key_file`; gone with `scratch.clean`
function M.serve(script, options)
    needs.program "socat"
    local directory <const> = scratch.directory()
    local server <const> = setmetatable({ directory = directory }, Server)
    local tls <const> = options and options.tls
    server:script(script)
    local log <close> = assert(io.open(directory .. "/log", "wb"))
    server.process = assert(core.process.spawn {
        argv = argv(server, tls, options and options.verify),
        stdin = "null", stdout = "null", stderr = log,
    })
    scratch.finally(function() server.process:close() end)
    server.port = wait.until_true("socat listens", function()
        return core.file.read(directory .. "/log"):match "listening on [^\n]*:(%d+)"
    end)
    server.url = (tls and "https" or "http") .. "://127.0.0.1:" .. server.port
    return server
end

---Has it go on by another script.
function Server:script(script)
    assert(core.file.write(self.directory .. "/script", script))
end

---What it was asked so far: an array of `{ method=, target=, headers=, body= }`.
function Server:requests()
    local requests <const> = {}
    for line in (core.file.read(self.directory .. "/requests") or ""):gmatch "[^\n]+" do
        requests[#requests + 1] = assert(load("return " .. line))()
    end
    return requests
end

return M
