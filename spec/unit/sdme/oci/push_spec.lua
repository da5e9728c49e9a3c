local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local json <const> = require "sdme.json"
local needs <const> = require "spec.support.needs"
local progress <const> = require "sdme.progress"
local push <const> = require "sdme.oci.push"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local store <const> = require "sdme.store"
local web <const> = require "spec.support.web"

local RETRY <const> = { attempts = 4, pause = 0.001, longest = 0.002 }

-- A registry that takes everything, and has nothing.
local GOOD <const> = [[
    local path = request.target:match "^[^?]*"
    local function accept()
        if request.method == "HEAD" then
            answer:head(404, "Content-Length: 0")
        elseif request.method == "POST" then
            answer:whole(202, "", "Location: /v2/x/y/blobs/uploads/1?state=a")
        else
            answer:whole(201, "")
        end
    end
]]

describe("a push", function()
    local home

    setup(needs.root) -- layers are its
    before_each(function()
        home = scratch.directory()
        assert(core.file.write(home .. "/sdme.conf", ""))
        config.select { file = home .. "/sdme.conf", datadir = home .. "/data" }
        store.prepare()
        assert(core.file.mkdir(home .. "/tree"))
        assert(core.file.write(home .. "/tree/file", "content"))
    end)
    after_each(function()
        config.select {}
        scratch.clean()
    end)

    local function composition(more)
        local made <const> = { name = "some", created = "2026-01-01T00:00:00Z", parts = {
            { path = home .. "/tree", base = 0, blobs = {} },
        } }
        for key, value in pairs(more or {}) do
            made[key] = value
        end
        return made
    end

    local function run(server, more, name)
        local quiet <close> = progress.new { quiet = true }
        return push.push(composition(more), ("127.0.0.1:%d/%s"):format(server.port, name or "x/y"),
            { progress = quiet, retry = RETRY, ca_file = server.ca_file })
    end

    -- What was asked of it with a method.
    local function asked(server, method)
        local found <const> = {}
        for _, request in ipairs(server:requests()) do
            found[#found + 1] = request.method == method and request or nil
        end
        return found
    end

    it("sends each blob to where the registry says, and then the manifest", function()
        local server <const> = web.serve(GOOD .. "accept()")
        local pushed <const> = run(server)
        local puts <const> = asked(server, "PUT")
        assert.equal(3, #puts)
        for i = 1, 2 do
            assert.matches("^/v2/x/y/blobs/uploads/1%?state=a&digest=sha256:%x+$", puts[i].target)
        end
        local manifest <const> = json.decode(puts[3].body, "manifest")
        assert.equal("/v2/x/y/manifests/latest", puts[3].target)
        assert.equal(manifest.mediaType, puts[3].headers["content-type"])
        assert.equal(manifest.layers[1].digest, puts[1].target:match "digest=(.*)$")
        assert.equal(#puts[1].body, manifest.layers[1].size)
        assert.equal(manifest.config.size, #puts[2].body)
        assert.equal(pushed.sent, #puts[1].body + #puts[2].body)
    end)

    it("sends up to four layers at once, and names them in their order", function()
        local parts <const> = {}
        for i = 1, 6 do
            local path <const> = ("%s/tree%d"):format(home, i)
            assert(core.file.mkdir(path))
            assert(core.file.write(path .. "/file", ("content %d"):format(i)))
            parts[i] = { path = path, base = 0, blobs = {} }
        end
        -- Answers none of the first four before all of them are there.
        local server <const> = web.serve(GOOD .. [[
            local function count()
                local file <close> = assert(io.open(arg[1] .. "/requests"))
                return select(2, file:read "a":gsub('method *= *"PUT"', ""))
            end
            for _ = 1, request.method == "PUT" and 600 or 0 do
                if count() >= 4 then
                    return accept()
                end
                os.execute "sleep 0.05"
            end
            if request.method == "PUT" then answer:whole(403, "") else accept() end]])
        local pushed <const> = run(server, { parts = parts })
        assert.equal(8, #asked(server, "PUT"))
        server:script(GOOD .. "accept()")
        assert.equal(pushed.digest, run(server, { parts = parts }).digest)
        table.insert(parts, table.remove(parts, 1))
        assert.not_equal(pushed.digest, run(server, { parts = parts }).digest)
    end)

    it("begins an upload anew that was cut off, or that the registry was too busy for", function()
        for _, fault in ipairs {
            "answer:cut()", "answer:whole(503, '')", "answer:whole(429, '', 'Retry-After: 0')",
        } do
            local server <const> = web.serve(GOOD .. [[
                if request.method == "PUT" and path:find "blobs" and request.number < 4 then
                    ]] .. fault .. [[
                else accept() end]])
            run(server)
            local puts <const> = asked(server, "PUT")
            assert.equal(4, #puts)
            assert.equal(puts[1].body, puts[2].body)
        end
    end)

    it("gives up on a registry that always fails", function()
        local server <const> = web.serve(GOOD .. [[
            if request.method == "POST" then answer:whole(500, "") else accept() end]])
        assert.matches("^127.*: blob sha256:%x+: 127.*: the server answers 500",
            raised(run, server).message)
        assert.equal(RETRY.attempts, #asked(server, "POST"))
    end)

    it("sends the whole body again where the registry wants another token", function()
        local server <const> = web.serve(GOOD .. [[
            if path == "/token" then
                answer:whole(200, '{"token":"' .. request.number .. '"}')
            elseif not request.headers.authorization or request.method == "PUT"
                and request.headers.authorization == "Bearer 2" then
                answer:whole(401, "", 'WWW-Authenticate: Bearer realm="http://'
                    .. request.headers.host .. '/token",service="s"')
            else accept() end]])
        run(server)
        local puts <const> = asked(server, "PUT")
        assert.equal(4, #puts)
        assert.equal(puts[1].body, puts[2].body)
        assert.is_true(#puts[2].body > 0)
        assert.matches("scope=repository%%3Ax%%2Fy%%3Apull%%2Cpush", asked(server, "GET")[2].target)
    end)

    local function source(server)
        local digest <const> = "sha256:" .. ("a"):rep(64)
        return {
            origin = { kind = "image", source = ("127.0.0.1:%d/from/z:1"):format(server.port) },
            parts = { { path = home .. "/tree", base = 0, diff_id = digest, blobs = { {
                digest = digest, size = 7,
                media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip",
            } } } },
        }
    end

    it("has a blob taken over from where it was pulled", function()
        local server <const> = web.serve(GOOD .. [[
            if request.target:find "mount=" then answer:whole(201, "") else accept() end]])
        run(server, source(server))
        assert.matches("/v2/x/y/blobs/uploads/%?mount=sha256:a+&from=from/z",
            asked(server, "POST")[1].target)
        assert.equal(2, #asked(server, "PUT"))
        assert.matches('"digest":"sha256:a+","mediaType":"application/vnd.oci.image.layer.v1'
            .. '.tar%+gzip","size":7', asked(server, "PUT")[2].body)
    end)

    it("sends what the registry doesn't take over, whatever it says", function()
        for _, refusal in ipairs { "accept()", "answer:whole(404, '')", "answer:whole(401, '')" } do
            local server <const> = web.serve(GOOD .. [[
                if request.target:find "mount=" then ]] .. refusal .. [[ else accept() end]])
            run(server, source(server))
            assert.equal(3, #asked(server, "PUT"))
        end
    end)

    it("says nothing of who we are to another host", function()
        local other <const> = web.serve(GOOD .. "accept()")
        local server <const> = web.serve(GOOD .. ([[
            if not request.headers.authorization then
                answer:whole(401, "", 'WWW-Authenticate: Basic realm="r"')
            elseif request.method == "POST" then
                answer:whole(202, "", "Location: %s/upload")
            else accept() end]]):format(other.url))
        local quiet <close> = progress.new { quiet = true }
        push.push(composition(), ("127.0.0.1:%d/x/y"):format(server.port),
            { progress = quiet, retry = RETRY, credentials = "user:secret" })
        for _, request in ipairs(other:requests()) do
            assert.is_nil(request.headers.authorization)
        end
        assert.matches("^/upload%?digest=", other:requests()[1].target)
    end)

    it("refuses answers that make no sense", function()
        for script, pattern in pairs {
            [ [[if request.method == "POST" then answer:whole(202, "") else accept() end]] ] =
                "expected to be told where to send it$",
            [ [[if request.method == "PUT" and path:find "manifests" then answer:whole(201, "",
                "Docker-Content-Digest: sha256:]] .. ("0"):rep(64) .. [[") else accept() end]] ] =
                "the registry has the manifest as sha256:0+, not as sha256:%x+$",
            [ [[if request.method == "PUT" then answer:whole(302, "", "Location: /x")
                else accept() end]] ] = "the server answers 302",
            [ [[if request.method == "HEAD" then accept() else
                answer:whole(404, '{"errors":[{"code":"NAME_UNKNOWN"}]}') end]] ] =
                "the registry knows no such repository %(127.*: 404 NAME_UNKNOWN%)$",
        } do
            assert.matches(pattern, raised(run, web.serve(GOOD .. script)).message)
        end
    end)

    it("leaves nothing in the store", function()
        local server <const> = web.serve(GOOD .. [[
            if request.method == "PUT" then answer:whole(400, "") else accept() end]])
        raised(run, server)
        assert.same({}, (core.file.list(store.path "staging")))
    end)
end)
