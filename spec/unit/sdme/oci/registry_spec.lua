local client <const> = require "sdme.oci.client"
local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault_registry <const> = require "spec.support.fault_registry"
local json <const> = require "sdme.json"
local raised <const> = require "spec.support.raised"
local registry <const> = require "sdme.oci.registry"
local scratch <const> = require "spec.support.scratch"
local task <const> = require "sdme.task"

local RETRY <const> = { attempts = 4, pause = 0.001, longest = 0.002 }

-- More than a pipe holds, and no two places look alike.
local CONTENT <const> = (function()
    local lines <const> = {}
    for i = 1, 30000 do
        lines[i] = ("%09d\n"):format(i)
    end
    return table.concat(lines)
end)()

describe("a registry", function()
    local home

    before_each(function()
        home = scratch.directory()
        assert(core.file.write(home .. "/sdme.conf", ""))
        config.select { file = home .. "/sdme.conf" }
    end)

    after_each(function()
        config.select {}
        scratch.clean()
    end)

    local function open(server, options, version)
        options = options or {}
        options.retry = options.retry or RETRY
        options.platform = options.platform or "linux/amd64"
        options.ca_file = server.server.ca_file
        return registry.open(server.name .. (version or ":1"), options)
    end

    local function refused(server, options, version)
        return raised(open, server, options, version)
    end

    -- What comes out of a layer's pipe.
    local function read(image, number)
        local blob <close> = image:open(image.layers[number or 1])
        return (task.all(function()
            return assert(task.await(core.stream.reader(blob.input)))
        end, blob.feed))
    end

    it("has images by tag and by digest", function()
        local server <const> = fault_registry.start()
        local descriptor <const> = server:put_image({ CONTENT, "b" }, { tag = "1",
            config = { Cmd = { "sh" } } })
        for _, version in ipairs { ":1", "@" .. descriptor.digest, ":2@" .. descriptor.digest } do
            local image <close> = open(server, nil, version)
            assert.equal(server.name .. version, image.name)
            assert.equal(descriptor.digest, image.digest)
            assert.equal(fault_registry.MANIFEST, image.media_type)
            assert.equal(descriptor.digest, fault_registry.digest(image.manifest))
            assert.same({ "sh" }, image.config.cmd)
            assert.equal(2, #image.layers)
            assert.equal(fault_registry.digest(CONTENT), image.layers[1].diff_id)
            assert.is_true(read(image) == CONTENT)
            assert.equal("b", read(image, 2))
        end
    end)

    it("is asked for all that we understand", function()
        local server <const> = fault_registry.start()
        server:put_image({}, { tag = "1" })
        open(server):close()
        local accept <const> = server.server:requests()[1].headers.accept
        for _, kind in ipairs { "oci.image.index.v1", "oci.image.manifest.v1",
            "docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2" } do
            assert.is_truthy(accept:find("application/vnd." .. kind .. "+json", 1, true))
        end
    end)

    it("says in one line which image it hasn't got", function()
        local server <const> = fault_registry.start()
        local why <const> = refused(server)
        assert.equal("ENOENT", why.code)
        assert.equal(("%s:1: no such image (%s: 404 MANIFEST_UNKNOWN)"):format(server.name,
            server.host), why.message)
        server:script [[return answer:whole(404, "<html>\27[31m no")]]
        assert.equal(("%s:1: no such image (%s: 404)"):format(server.name, server.host),
            refused(server).message)
    end)

    it("is named where it can't be reached", function()
        local why <const> = raised(registry.open, "127.0.0.1:1/a", { retry = RETRY })
        assert.equal("ECONNREFUSED", why.code)
        assert.matches("^127.0.0.1:1/a:latest: http://127.0.0.1:1/v2/a/", why.message)
    end)

    describe("that answers with something else", function()
        it("is refused if a digest was asked for", function()
            local server <const> = fault_registry.start()
            local descriptor <const> = server:put_image({}, { tag = "1" })
            server:script [[return path:find "/manifests/" and (give {
                body = read(route.file) .. " " } or true)]]
            local why <const> = refused(server, nil, "@" .. descriptor.digest)
            assert.equal("EDIGEST", why.code)
            assert.matches("expected the digest " .. descriptor.digest, why.message)
        end)

        it("is refused if that isn't what its own header says", function()
            local server <const> = fault_registry.start()
            server:put_image({}, { tag = "1" })
            server:script [[return path:find "/manifests/" and (give {
                body = read(route.file) .. " " } or true)]]
            assert.equal("EDIGEST", refused(server).code)
            server:script [[if path:find "/manifests/" then
                route.digest = "sha256:../../etc"
                return give() or true
            end]]
            assert.matches("Docker%-Content%-Digest: expected a digest", refused(server).message)
        end)

        it("is refused for every manifest of an index, and for a config", function()
            local server <const> = fault_registry.start()
            local descriptor <const>, manifest <const> = server:put_image({ "a" }, {})
            server:put_index({ descriptor }, "1")
            open(server):close()
            for _, digest in ipairs { descriptor.digest, manifest.config.digest } do
                server:script(([[return path:find "%s" and (give {
                    body = read(route.file):gsub("linux", "lunix"):gsub("schema", "Schema")
                } or true)]]):format(digest))
                local why <const> = refused(server)
                assert.equal("EDIGEST", why.code)
                assert.matches("expected the digest", why.message)
                server:script(([[return path:find "%s" and (give {
                    body = read(route.file):sub(1, -2) } or true)]]):format(digest))
                assert.matches("expected %d+ bytes, and it has %d+", refused(server).message)
            end
        end)

        it("is refused if the media type isn't the one of the index", function()
            local server <const> = fault_registry.start()
            local descriptor <const> = server:put_image({}, {})
            local docker <const> = "application/vnd.docker.distribution.manifest.v2+json"
            server:put_index({ descriptor }, "1")
            server:script(([[return path:find "%s" and (give { type = %q } or true)]]):format(
                descriptor.digest, docker))
            assert.matches("it comes as " .. docker:gsub("%p", "%%%0") .. ": expected",
                refused(server).message)
            descriptor.mediaType = docker
            server:put_index({ descriptor }, "1")
            assert.matches("it came as .*docker.*, and says that it is .*oci",
                refused(server).message)
        end)

        it("is refused if it is cut, or endless", function()
            local server <const> = fault_registry.start()
            server:put_manifest('{"schemaVersion":2,', "1")
            assert.equal("EJSON", refused(server).code)
            server:put_manifest('{"schemaVersion":2,"layers":['
                .. ('{"digest":"x"},'):rep(1000000) .. "{}]}", "1")
            assert.equal("EFBIG", refused(server).code)
            server:script [[if path:find "/manifests/" then
                answer:head(200, "Transfer-Encoding: chunked")
                while true do
                    answer:send("10000\r\n", (" "):rep(65536), "\r\n")
                end
            end]]
            assert.equal("EFBIG", refused(server).code)
        end)
    end)

    describe("with an index", function()
        it("has the image of the platform", function()
            local server <const> = fault_registry.start()
            local digests <const>, descriptors <const> = {}, {}
            for i, architecture in ipairs { "amd64", "arm64", "s390x" } do
                descriptors[i] = server:put_image({}, { architecture = architecture })
                digests[architecture] = descriptors[i].digest
            end
            descriptors[4] = fault_registry.descriptor("{}", "application/vnd.in-toto+json",
                { platform = { os = "unknown", architecture = "unknown" } })
            server:put_index(descriptors, "1")
            for architecture, digest in pairs(digests) do
                local image <close> = open(server, { platform = "linux/" .. architecture })
                assert.equal(digest, image.digest)
                assert.equal(architecture, image.config.architecture)
            end
            local why <const> = refused(server, { platform = "linux/riscv64" })
            assert.equal("ENOENT", why.code)
            assert.equal(server.name .. ":1: there is none for linux/riscv64, but for linux/amd64,"
                .. " linux/arm64, linux/s390x", why.message)
            assert.matches("%-%-platform", why.hint)
        end)

        it("may have indexes in it, but not for ever", function()
            local server <const> = fault_registry.start()
            local inner = server:put_image({}, {})
            local digest <const> = inner.digest
            for depth = 1, 6 do
                inner = server:put_index({ inner }, tostring(depth))
            end
            for depth = 1, 5 do
                local image <close> = open(server, nil, ":" .. depth)
                assert.equal(digest, image.digest)
            end
            assert.matches("one in another at most 4 times", refused(server, nil, ":6").message)
        end)

        it("may say no platforms: then the first is meant", function()
            local server <const> = fault_registry.start()
            local first <const>, other <const> = server:put_image({}, {}),
                server:put_image({}, { architecture = "arm64" })
            first.platform, other.platform = nil, nil
            server:put_index({ first, other }, "1")
            local image <close> = open(server)
            assert.equal(first.digest, image.digest)
            server:put_index({ other, first }, "1")
            assert.matches("it is for linux/arm64, not for linux/amd64", refused(server).message)
        end)

        it("is refused if it lies about a platform", function()
            local server <const> = fault_registry.start()
            local descriptor <const> = server:put_image({}, { architecture = "arm64" })
            descriptor.platform.architecture = "amd64"
            server:put_index({ descriptor }, "1")
            assert.matches("it is for linux/arm64, not for linux/amd64", refused(server).message)
        end)
    end)

    it("has no image for here if the only one is for elsewhere", function()
        local server <const> = fault_registry.start()
        server:put_image({}, { tag = "1", architecture = "arm64" })
        local why <const> = refused(server)
        assert.equal("ENOENT", why.code)
        assert.matches(": it is for linux/arm64, not for linux/amd64$", why.message)
        open(server, { platform = "linux/arm64" }):close()
    end)

    it("has an image only if its layers are as many as its config says", function()
        local server <const> = fault_registry.start()
        local _, manifest <const> = server:put_image({ "a", "b" }, {})
        table.remove(manifest.layers)
        server:put_manifest(manifest, "1")
        assert.matches("as many layers in the manifest as in the config, not 1 and 2",
            refused(server).message)
    end)

    describe("whose connections are cut", function()
        -- The first byte of each request for the layer.
        local function starts(server)
            local list <const> = {}
            for _, request in ipairs(server.server:requests()) do
                local range <const> = request.headers.range
                list[#list + 1] = range and math.tointeger(tonumber(range:match "%d+")) or nil
            end
            return list
        end

        local function start(script)
            local server <const> = fault_registry.start()
            server:put_image({ CONTENT }, { tag = "1" })
            local image <const> = open(server)
            server:script("if path:find '/blobs/' then " .. script .. " end")
            return image, server
        end

        it("is asked for the rest, as long as more comes", function()
            local image <close>, server <const> = start "return cut(40000)"
            assert.is_true(read(image) == CONTENT)
            assert.is_true(#starts(server) >= 7)
        end)

        it("may send everything again, which isn't delivered twice", function()
            local image <close> = start [[
                if request.headers.range then
                    request.headers.range = nil
                    return give() or true
                end
                return cut(100000)]]
            assert.is_true(read(image) == CONTENT)
        end)

        it("is given up if nothing more comes", function()
            local image <close>, server <const> = start "return cut(0)"
            local why <const> = raised(read, image)
            assert.equal("ECONNRESET", why.code)
            assert.matches("^" .. server.name:gsub("%p", "%%%0") .. ":1: layer sha256:%x+: ",
                why.message)
        end)

        it("is given up if hardly anything comes", function()
            local image <close>, server <const> = start "return cut(100)"
            local why <const> = raised(read, image)
            assert.equal("ECONNRESET", why.code)
            assert.same({ 100, 200, 300 }, starts(server))
        end)

        it("is refused if it sends another part", function()
            for _, range in ipairs { "bytes 0-299999/300000", "bytes 100000-299999/300001",
                "bytes 100000-200000/300000", "bytes x", "" } do
                local image <close> = start(([[
                    if request.headers.range then
                        local first = tonumber(request.headers.range:match "%%d+")
                        local range = ("%s"):gsub("100000", tostring(first))
                        return answer:whole(206, "x", "Content-Range: " .. range) or true
                    end
                    return cut(100000)]]):format(range))
                local why <const> = raised(read, image)
                assert.equal("EPROTO", why.code)
                assert.matches("expected bytes %d+ to 299999, and the registry sends others",
                    why.message)
            end
        end)
    end)

    describe("with a layer", function()
        local server, image

        before_each(function()
            server = fault_registry.start()
            server:put_image({ CONTENT }, { tag = "1" })
            image = open(server)
        end)

        after_each(function()
            image:close()
        end)

        local function blobs(script)
            server:script("if path:find '/blobs/' then " .. script .. " end")
        end

        it("of another length refuses", function()
            blobs [[return give { body = "short" } or true]]
            assert.matches("expected 300000 bytes, and the registry sends 5",
                raised(read, image).message)
            blobs [[answer:head(200, "Transfer-Encoding: chunked")
                for _ = 1, 40 do
                    answer:send("2710\r\n", ("x"):rep(10000), "\r\n")
                end
                return answer:send "0\r\n\r\n" or true]]
            local why <const> = raised(read, image)
            assert.equal("EFBIG", why.code)
            assert.matches("more than its 300000 bytes come", why.message)
            blobs [[answer:head(200, "Transfer-Encoding: chunked")
                return answer:send "2\r\nxx\r\n0\r\n\r\n" or true]]
            assert.equal("ECONNRESET", raised(read, image).code)
        end)

        it("that isn't there says so", function()
            blobs [[return answer:whole(404, '{"errors":[{"code":"BLOB_UNKNOWN"}]}') or true]]
            local why <const> = raised(read, image)
            assert.equal("ENOENT", why.code)
            assert.matches(": the registry hasn't got it %(127.0.0.1:%d+: 404 BLOB_UNKNOWN%)$",
                why.message)
        end)

        it("is asked for again while it is busy, as it says", function()
            blobs [[if request.number % 4 > 0 then
                return answer:whole(request.number % 2 > 0 and 429 or 503, "", "Retry-After: 0")
                    or true
            end]]
            assert.is_true(read(image) == CONTENT)
            blobs [[return answer:whole(429, "", "Retry-After: 86400") or true]]
            local why <const> = raised(read, image)
            assert.equal("EBUSY", why.code)
            assert.matches("429 %(too many requests%), and asks to be left alone for 86400 s$",
                why.message)
            blobs [[return answer:whole(500, "") or true]]
            assert.matches("500 %(internal error%)$", raised(read, image).message)
        end)

        it("that drips is a stall", function()
            image:close()
            image = open(server, { stall_timeout = 1, retry = { attempts = 1 } })
            blobs [[answer:head(200, "Content-Length: 300000") answer:send("x") answer:stall()]]
            local why <const> = raised(read, image)
            assert.equal("ETIMEDOUT", why.code)
        end)

        it("that nobody reads any more ends in peace", function()
            local blob <close> = image:open(image.layers[1])
            blob.input:close()
            blob.feed()
        end)

        it("of no bytes is empty", function()
            server:script ""
            server:put_image({ "" }, { tag = "1" })
            image:close()
            image = open(server)
            assert.equal("", read(image))
        end)

        it("may be elsewhere, several at a time", function()
            local elsewhere <const> = fault_registry.start()
            elsewhere:put_image({ CONTENT }, { tag = "1" })
            blobs(([[return answer:head(307, "Location: http://%s" .. path,
                "Content-Length: 0") or true]]):format(elsewhere.host))
            local function get()
                return read(image)
            end
            for _, content in ipairs { task.all(get, get, get, get) } do
                assert.is_true(content == CONTENT)
            end
        end)
    end)

    describe("with mirrors", function()
        local function mirror(server, ...)
            local urls <const> = {}
            for i, each in ipairs { ... } do
                urls[i] = ("http://%s"):format(each.host)
            end
            config.set(home .. "/sdme.conf", "registry_mirrors", { [server.host] = urls })
        end

        it("is asked after them", function()
            local server <const>, first <const>, second <const> = fault_registry.start(),
                fault_registry.start(), fault_registry.start()
            mirror(server, first, second)
            for _, each in ipairs { server, second } do
                each:put_image({ CONTENT }, { tag = "1" })
            end
            local image <close> = open(server)
            assert.is_true(read(image) == CONTENT)
            assert.same({ "/v2/test/image/manifests/1" }, first:asked())
            assert.equal(3, #second:asked())
            assert.same({}, server:asked())
        end)

        it("is asked if they lie, or lose a blob in the middle", function()
            local server <const>, other <const> = fault_registry.start(), fault_registry.start()
            mirror(server, other)
            local descriptor <const> = server:put_image({ CONTENT }, { tag = "1" })
            other:put_image({ CONTENT }, { tag = "1" })
            other:script [[return path:find "/manifests/" and (give {
                body = read(route.file) .. " " } or true)]]
            open(server):close()
            other:script [[if path:find "/blobs/" and #read(route.file) == 300000 then
                if request.headers.range then
                    return answer:whole(404, "") or true
                end
                return cut(100000)
            end]]
            local image <close> = open(server, nil, "@" .. descriptor.digest)
            assert.is_true(read(image) == CONTENT)
            assert.matches("/manifests/", server:asked()[1])
        end)
    end)

    describe("over TLS", function()
        it("is trusted by its certificate", function()
            local server <const> = fault_registry.start("", { tls = true })
            server:put_image({ CONTENT }, { tag = "1" })
            local image <close> = open(server)
            assert.is_true(read(image) == CONTENT)
        end)

        it("is refused without a known one, and not asked in clear then", function()
            local server <const> = fault_registry.start("", { tls = true })
            server:put_image({}, { tag = "1" })
            server.server.ca_file = nil
            local why <const> = refused(server)
            assert.equal("EKEYREJECTED", why.code)
            assert.matches("update%-ca%-certificates", why.hint)
            assert.same({}, server:asked())
        end)

        it("is all that we speak, but on this host and where the configuration says", function()
            local server <const> = fault_registry.start()
            server:put_image({}, { tag = "1" })
            server.name = server.name:gsub("^[%d.]+", "registry.localhost")
            local why <const> = refused(server)
            assert.equal("EPROTO", why.code)
            assert.equal("if it speaks http only: sdme config set insecure_registries "
                .. "registry.localhost:" .. server.server.port, why.hint)
            assert.same({}, server:asked())
            config.set(home .. "/sdme.conf", "insecure_registries",
                "registry.localhost:" .. server.server.port)
            open(server):close()
        end)

        it("may be left out on this host", function()
            for name, expected in pairs {
                ["localhost"] = true, ["localhost:5000"] = true, ["127.0.0.1"] = true,
                ["127.1.2.3:80"] = true, ["[::1]:5000"] = true, ["[::1]"] = true,
                ["docker.io"] = false, ["127.0.0.1.evil.io"] = false, ["localhost.io"] = false,
                ["[::2]"] = false, ["128.0.0.1"] = false, ["a.io:5000"] = false,
            } do
                assert.equal(expected, client.may_be_insecure(name))
            end
            assert.is_true(client.may_be_insecure("a.io:5000", { "b.io", "a.io:5000" }))
        end)
    end)

    it("keeps what it said, byte by byte", function()
        local server <const> = fault_registry.start()
        local _, manifest <const> = server:put_image({}, {})
        local bytes <const> = "\n" .. json.encode(manifest, { indent = 7 }) .. "  "
        server:put_manifest(bytes, "1")
        local image <close> = open(server)
        assert.equal(bytes, image.manifest)
        assert.equal(fault_registry.digest(bytes), image.digest)
        assert.equal(manifest.config.digest, fault_registry.digest(image.config_bytes))
    end)
end)
