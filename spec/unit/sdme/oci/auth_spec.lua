local auth <const> = require "sdme.oci.auth"
local client <const> = require "sdme.oci.client"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault_registry <const> = require "spec.support.fault_registry"
local raised <const> = require "spec.support.raised"
local registry <const> = require "sdme.oci.registry"
local scratch <const> = require "spec.support.scratch"
local task <const> = require "sdme.task"
local web <const> = require "spec.support.web"

local RETRY <const> = { attempts = 3, pause = 0.001, longest = 0.002 }

local BASIC <const> = "Basic bWU6c2VjcmV0" -- me:secret

-- Wants a token for everything but for giving one.
local WANTS_TOKEN <const> = [[
    local function want_token(realm)
        return answer:whole(401, '{"errors":[{"code":"UNAUTHORIZED"}]}',
            ('WWW-Authenticate: Bearer realm="%s",service="a service"'):format(realm or
                "http://" .. request.headers.host .. "/token")) or true
    end
    local authorization = request.headers.authorization
    local is_token = path == "/token"
]]

-- Gives the tokens T1, T2, ..., and knows the last one only.
local GIVES_TOKEN <const> = WANTS_TOKEN .. [[
    local count = tonumber(read "count" or "0")
    if is_token then
        local file <close> = io.open(arg[1] .. "/count", "wb")
        file:write(count + 1)
        return answer:whole(200, ('{"token":"T%d","expires_in":60}'):format(count + 1)) or true
    elseif authorization ~= "Bearer T" .. count then
        return want_token()
    end
]]

describe("a registry that wants to know us", function()
    before_each(function()
        local path <const> = scratch.directory() .. "/sdme.conf"
        assert(core.file.write(path, ""))
        config.select { file = path }
    end)

    after_each(function()
        config.select {}
        scratch.clean()
    end)

    local function start(script, options)
        local server <const> = fault_registry.start(script, options)
        server:put_image({ ("x"):rep(100000) }, { tag = "1" })
        return server
    end

    local function open(server, options)
        options = options or {}
        options.retry, options.platform = RETRY, "linux/amd64"
        options.ca_file = server.server.ca_file
        return registry.open(server.name .. ":1", options)
    end

    local function refused(server, options)
        return raised(open, server, options)
    end

    local function read(image)
        local blob <close> = image:open(image.layers[1])
        return (task.all(function()
            return assert(task.await(core.stream.reader(blob.input)))
        end, blob.feed))
    end

    -- Of what it was asked: the requests for tokens.
    local function token_requests(server)
        local list <const> = {}
        for _, request in ipairs(server.server:requests()) do
            list[#list + 1] = request.target:find "^/token" and request or nil
        end
        return list
    end

    it("by a token gets one, for what is wanted of it", function()
        local server <const> = start(GIVES_TOKEN)
        local image <close> = open(server)
        assert.equal(100000, #read(image))
        local asked <const> = token_requests(server)
        assert.equal(1, #asked)
        assert.equal("/token?service=a%20service&scope=repository%3Atest%2Fimage%3Apull",
            asked[1].target)
        assert.is_nil(asked[1].headers.authorization)
    end)

    it("by a token gets one for several scopes at once", function()
        local server <const> = start(GIVES_TOKEN)
        local session <close> = client.session()
        local one <const> = client.new { registry = server.host, repository = "test/image",
            session = session, insecure = true, retry = RETRY }
        one:get { path = "/manifests/1", what = "x", missing = "y", scope = "a:b:pull c:d:push" }
        assert.equal("/token?service=a%20service&scope=a%3Ab%3Apull&scope=c%3Ad%3Apush",
            token_requests(server)[1].target)
    end)

    it("by a token gets one for our name and password", function()
        local server <const> = start(GIVES_TOKEN)
        open(server, { credentials = "me:secret" }):close()
        assert.equal(BASIC, token_requests(server)[1].headers.authorization)
        for _, request in ipairs(server.server:requests()) do
            assert.is_true(request.target:find "^/token" ~= nil
                or request.headers.authorization ~= BASIC)
        end
    end)

    it("gets another token when the first runs out, even in the middle of a blob", function()
        local server <const> = start(GIVES_TOKEN)
        local image <close> = open(server)
        server:script(GIVES_TOKEN .. [[
            if path:find "/blobs/" and not request.headers.range then
                local file <close> = io.open(arg[1] .. "/count", "wb")
                file:write(count + 10)
                return cut(30000)
            end]])
        assert.equal(("x"):rep(100000), read(image))
        assert.equal(2, #token_requests(server))
    end)

    it("gets one token for many blobs at a time, even if the first ran out", function()
        local server <const> = start(GIVES_TOKEN)
        local image <close> = open(server)
        assert(core.file.write(server.server.directory .. "/count", "7"))
        local function get()
            return read(image)
        end
        task.all(get, get, get)
        assert.equal(2, #token_requests(server))
    end)

    it("may call a token access_token", function()
        local server <const> = start(WANTS_TOKEN .. [[
            if is_token then
                return answer:whole(200, '{"access_token":"T="}') or true
            end
            return authorization ~= "Bearer T=" and want_token()]])
        open(server):close()
    end)

    it("and is never content isn't asked for ever", function()
        local server <const> = start(WANTS_TOKEN .. [[
            if is_token then
                return answer:whole(200, '{"token":"T"}') or true
            end
            return want_token()]])
        local why <const> = refused(server, { credentials = "me:secret" })
        assert.equal("EACCES", why.code)
        assert.equal(("%s:1: not allowed (%s: 401 UNAUTHORIZED)"):format(server.name, server.host),
            why.message)
        assert.matches("%-%-creds", why.hint)
        assert.matches("auth.json", why.hint)
        assert.not_matches("secret", why.message)
        assert.equal(3, #server:asked())
    end)

    it("and whose token server refuses is told of", function()
        local server <const> = start(WANTS_TOKEN .. [[
            return is_token and (answer:whole(401, "{}") or true) or want_token()]])
        local why <const> = refused(server)
        assert.equal("EACCES", why.code)
        assert.matches("/token gives no token %(it answers 401%)$", why.message)
        assert.matches("%-%-creds", why.hint)
        server:script(WANTS_TOKEN .. [[
            return is_token and (answer:whole(503, "") or true) or want_token()]])
        assert.matches("/token: the server answers 503", refused(server).message)
    end)

    it("and whose token server sends no token is refused", function()
        for body, expected in pairs {
            ["{}"] = "access_token: expected a text", ["[]"] = "access_token: expected a text",
            ['{"token":7}'] = "token: expected a text, not a number",
            ['{"token":"a\\nb"}'] = "token: expected a token of at most",
            ['{"token":""}'] = "token: expected a token of at most",
            ['{"token":"' .. ("x"):rep(40000) .. '"}'] = "token: expected a token of at most 32768",
            ["<html>"] = "line 1",
        } do
            local server <const> = start(WANTS_TOKEN .. ([[
                return is_token and (answer:whole(200, %q) or true) or want_token()]]):format(body))
            assert.matches(expected, refused(server).message)
        end
    end)

    it("and whose token server is a loop is refused", function()
        local server <const> = start(WANTS_TOKEN .. [[
            if is_token then
                return answer:head(302, "Location: " .. request.target, "Content-Length: 0") or true
            end
            return want_token()]])
        local why <const> = refused(server, { credentials = "me:secret" })
        assert.equal("ELOOP", why.code)
        assert.is_true(#server:asked() < 20)
    end)

    it("by a password gets it", function()
        local server <const> = start [[
            return request.headers.authorization ~= "Basic bWU6c2VjcmV0"
                and (answer:whole(401, "", 'WWW-Authenticate: Basic realm="x"') or true)]]
        local image <close> = open(server, { credentials = "me:secret" })
        assert.equal(100000, #read(image))
        assert.equal(1 + 3, #server:asked())
        for _, given in ipairs { "me:wrong", false } do
            local before <const> = #server:asked()
            local why <const> = refused(server, { credentials = given or nil })
            assert.equal("EACCES", why.code)
            assert.not_matches("wrong", why.message)
            assert.equal(given and 2 or 1, #server:asked() - before)
        end
    end)

    it("in another way is refused", function()
        local server <const> = start [[
            return answer:whole(401, "", "WWW-Authenticate: Negotiate, Digest realm=x") or true]]
        assert.matches("asks for negotiate, digest: expected basic or bearer$",
            refused(server).message)
        server:script [[return answer:whole(401, "", 'WWW-Authenticate: Bearer realm="') or true]]
        assert.equal("EFORMAT", refused(server).code)
        server:script [[return answer:whole(401, "") or true]]
        assert.equal("EACCES", refused(server).code)
    end)

    it("with a realm that isn't a URL is refused", function()
        for _, realm in ipairs { "", "file:///etc/passwd", "ftp://x/", "token", "http://",
            "http://a b/" } do
            local server <const> = start(WANTS_TOKEN .. ([[return want_token(%q)]]):format(realm))
            if realm == "" then
                server:script [[
                    return answer:whole(401, "", "WWW-Authenticate: Bearer x=y") or true]]
            end
            assert.matches("expected a realm that is a URL", refused(server).message)
        end
    end)

    describe("and would have others know us", function()
        -- What another server was told.
        local function secrets(server)
            local list <const> = {}
            for _, request in ipairs(server:requests()) do
                list[#list + 1] = request.headers.authorization
            end
            return list
        end

        it("doesn't get our password there by a redirect of the registry", function()
            local thief <const> = web.serve [[answer:whole(200, "")]]
            local server <const> = start(([[
                if not request.headers.authorization then
                    return answer:whole(401, "", "WWW-Authenticate: Basic realm=x") or true
                end
                return answer:head(307, "Location: %s/x", "Content-Length: 0") or true]]):format(
                    thief.url))
            refused(server, { credentials = "me:secret" })
            assert.is_true(#thief:requests() > 0)
            assert.same({}, secrets(thief))
        end)

        it("doesn't get our token there by a redirect of a blob", function()
            local thief <const> = web.serve [[answer:whole(200, ("x"):rep(100000))]]
            local server <const> = start(GIVES_TOKEN)
            local image <close> = open(server)
            server:script(GIVES_TOKEN .. ([[
                if path:find "/blobs/" then
                    return answer:head(307, "Location: %s/x", "Content-Length: 0") or true
                end]]):format(thief.url))
            assert.equal(100000, #read(image))
            assert.equal(1, #thief:requests())
            assert.same({}, secrets(thief))
        end)

        it("doesn't get our password there by a redirect of the token server", function()
            local thief <const> = web.serve [[answer:whole(200, '{"token":"T"}')]]
            local server <const> = start(WANTS_TOKEN .. ([[
                if is_token then
                    return answer:head(302, "Location: %s/x", "Content-Length: 0") or true
                end
                return want_token()]]):format(thief.url))
            refused(server, { credentials = "me:secret" })
            assert.is_true(#thief:requests() > 0)
            assert.same({}, secrets(thief))
        end)

        it("doesn't get them by a challenge of whom it redirects to", function()
            local thief <const> = web.serve [[
                if request.target == "/token" then
                    return answer:whole(200, '{"token":"T"}')
                end
                answer:whole(401, "", 'WWW-Authenticate: Bearer realm="http://'
                    .. request.headers.host .. '/token"')]]
            local server <const> = start(([[
                return answer:head(307, "Location: %s/x", "Content-Length: 0") or true]]):format(
                    thief.url))
            assert.equal("EACCES", refused(server, { credentials = "me:secret" }).code)
            assert.equal(1, #thief:requests())
            assert.same({}, secrets(thief))
        end)

        it("doesn't get them by a second token server", function()
            local thief <const> = web.serve [[answer:whole(200, '{"token":"T"}')]]
            local server <const> = start(GIVES_TOKEN)
            local image <close> = open(server, { credentials = "me:secret" })
            server:script(WANTS_TOKEN .. ([[return want_token "%s/token"]]):format(thief.url))
            local why <const> = raised(read, image)
            assert.equal("EPERM", why.code)
            assert.matches("as before$", why.message)
            assert.same({}, thief:requests())
        end)

        it("doesn't get them in clear", function()
            local thief <const> = web.serve [[answer:whole(200, '{"token":"T"}')]]
            local server <const> = start(WANTS_TOKEN .. ([[return want_token "%s/token"]]):format(
                thief.url), { tls = true })
            local session <close> = client.session { ca_file = server.server.ca_file }
            local one <const> = client.new { registry = server.host, repository = "test/image",
                session = session, insecure = false, credentials = "me:secret", retry = RETRY }
            local why <const> = raised(one.get, one, { path = "/manifests/1", what = "x",
                missing = "y" })
            assert.equal("EPERM", why.code)
            assert.matches("its tokens are had at http://.*: expected https$", why.message)
            assert.same({}, thief:requests())
        end)
    end)

    it("by a token that is had for another sends that in a form", function()
        local server <const> = start(WANTS_TOKEN .. [[
            if is_token then
                return answer:whole(200, '{"access_token":"T"}') or true
            end
            return authorization ~= "Bearer T" and want_token()]])
        local session <close> = client.session()
        local one <const> = client.new { registry = server.host, repository = "test/image",
            session = session, insecure = true, retry = RETRY }
        one.auth = auth.new { session = session, host = server.host, insecure = true,
            registry = server.host, repository = "test/image" }
        one.auth.given = { identity_token = "I/T" }
        one:get { path = "/manifests/1", what = "x", missing = "y" }
        local request <const> = token_requests(server)[1]
        assert.equal("POST", request.method)
        assert.equal("service=a%20service&grant_type=refresh_token&client_id=sdme"
            .. "&scope=repository%3Atest%2Fimage%3Apull&refresh_token=I%2FT", request.body)
        assert.is_nil(request.headers.authorization)
    end)
end)
