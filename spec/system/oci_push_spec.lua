local core <const> = require "sdme.core"
local images <const> = require "spec.support.images"
local json <const> = require "sdme.json"
local refused <const> = require "spec.support.refused"
local registries <const> = require "spec.support.registry"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

describe("sdme push", function()
    after_each(sdme.clean_all)

    local function import(source, name, ...)
        sdme.ok("fs", "import", source, "--name", name, "--force", "--install-packages=no", ...)
    end

    -- Of the requests since the last look, those of a method.
    local function counter(registry)
        local seen = #registry:requests()
        return function(method)
            local requests <const>, count = registry:requests(), 0
            for i = seen + 1, #requests do
                count = count + (requests[i]:find("^" .. method .. " ") and 1 or 0)
            end
            seen = #requests
            return count
        end
    end

    local function manifest(registry, name)
        return json.decode(registry:curl(name, "--header",
            "Accept: application/vnd.oci.image.manifest.v1+json"), name)
    end

    it("sends an image that others can read, and what is there only once", function()
        local registry <const> = registries.start()
        local count <const> = counter(registry)
        import(images.path "hundred", "hundred")
        local digest <const> = sdme.ok("push", "hundred", registry.host .. "/some/hundred:1")
        assert.equal(102, count "PUT") -- layers, the config and the manifest
        assert.equal(digest, sdme.ok("push", "hundred", registry.host .. "/some/hundred:2"))
        assert.equal(1, count "PUT")
        local copy <const> = scratch.directory() .. "/copy"
        shell.run("skopeo copy -q --src-tls-verify=false docker://%s oci:%s:x",
            registry.host .. "/some/hundred:2", copy)
        shell.run("umoci unpack --image %s %s", copy .. ":x", copy .. ".bundle")
        assert.equal("100", shell.run("cat %s/rootfs/last", copy .. ".bundle"))
        import(registry.host .. "/some/hundred:1", "again")
        assert.equal("100", shell.run("cat %s/last", sdme.top_layer "again"))
    end)

    it("has layers taken over from where they were pulled", function()
        local registry <const> = registries.start { auth = "user:secret" }
        registry:push_images "plain"
        import(registry.host .. "/library/plain", "plain", "--creds", "user:secret")
        local count <const> = counter(registry)
        sdme.ok("push", "plain", registry.host .. "/other/plain", "--creds", "user:secret",
            "--compression", "none")
        assert.equal(2, count "PUT")
        local layers <const> = images.json(images.path "plain",
            images.descriptor(images.path "plain").digest).layers
        assert.equal(layers[1].digest, manifest(registry,
            "other/plain/manifests/latest").layers[1].digest)
    end)

    it("sends layers as they came if they were kept, and gc takes them away", function()
        local registry <const> = registries.start()
        local file <const> = scratch.directory() .. "/sdme.conf"
        assert(core.file.write(file, "keep_blobs = true\n"))
        sdme.ok("--config", file, "fs", "import", images.path "docker", "--name", "docker",
            "--oci-mode=base", "--install-packages=no", "--force")
        sdme.ok("push", "docker", registry.host .. "/x/docker:1")
        local from <const> = images.json(images.path "docker",
            images.descriptor(images.path "docker").digest)
        local pushed <const> = manifest(registry, "x/docker/manifests/1")
        for i, layer in ipairs(from.layers) do
            assert.equal(layer.digest, pushed.layers[i].digest)
            assert.equal("application/vnd.oci.image.layer.v1.tar+gzip", pushed.layers[i].mediaType)
        end
        local blobs <const> = sdme.datadir() .. "/cache/blobs"
        assert.equal(#from.layers, #core.file.list(blobs))
        sdme.ok("fs", "rm", "docker")
        sdme.ok("fs", "gc")
        assert.same({}, (core.file.list(blobs)))
    end)

    it("packs a layer anew whose kept blob was damaged", function()
        local registry <const> = registries.start()
        local file <const> = scratch.directory() .. "/sdme.conf"
        assert(core.file.write(file, "keep_blobs = true\n"))
        sdme.ok("--config", file, "fs", "import", images.path "plain", "--name", "plain",
            "--install-packages=no", "--force")
        local blobs <const> = sdme.datadir() .. "/cache/blobs"
        shell.run("printf x | dd of=%s conv=notrunc status=none",
            blobs .. "/" .. core.file.list(blobs)[1])
        sdme.ok("push", "plain", registry.host .. "/x/plain")
        local layer <const> = manifest(registry, "x/plain/manifests/latest").layers[1]
        assert.equal(layer.digest:sub(8), shell.run("sha256sum <%s",
            registry:blob(layer.digest)):match "%x+")
    end)

    it("says who it must be, and where it can't push to", function()
        local registry <const> = registries.start { auth = "user:secret" }
        import(images.path "plain", "plain")
        assert.matches("creds", refused.by(1, "127.*not allowed %(127.*: 401%)", "push",
            "plain", registry.host .. "/x/plain"))
        refused.by(1, "127.*not allowed.*", "push", "plain", registry.host .. "/x/plain",
            "--creds", "user:wrong")
        refused.by(2, ".*expected a tag to push to, and no digest", "push", "plain",
            registry.host .. "/x/plain@sha256:" .. ("0"):rep(64))
        refused.by(1, "there is no rootfs none", "push", "none", "x/y")
        sdme.ok("create", "-r", "plain", "--name", "web")
        assert.equal("sdme: there is no rootfs web\nhint: web is a container: sdme snapshot web FS"
            .. " makes a rootfs of it\n", sdme.run("push", "web", "x/y").err)
        sdme.ok("rm", "web")
        registry:close()
        refused.by(1, ".*[Cc]onnect.*", "push", "plain", registry.host .. "/x/plain")
    end)
end)
