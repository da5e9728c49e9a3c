local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local layout <const> = require "sdme.oci.layout"
local needs <const> = require "spec.support.needs"
local oci_layout <const> = require "spec.support.oci_layout"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local tar <const> = require "spec.support.tar"

local TYPES <const> = oci_layout.media_types.oci

describe("an OCI layout", function()
    local writer, path

    before_each(function()
        needs.that(pcall(require, "cjson"), "lua-cjson")
        path = scratch.directory() .. "/image"
        writer = oci_layout.new(path)
    end)
    after_each(scratch.clean)

    local function layer(name, compression)
        return writer:layer(tar.archive { name = name, data = name },
            { bytes = true, compression = compression })
    end

    local function simple(options)
        return writer:image({ layer "a", layer("b", "none") }, options)
    end

    local function open(options)
        local image <const> = layout.open(path, options)
        image:close()
        return image
    end

    -- The failure to open it, without its path.
    local function complaint(options)
        return (raised(layout.open, path, options).message:gsub(path:gsub("%p", "%%%0"), "LAYOUT"))
    end

    it("is told from other directories by its file", function()
        assert.is_true(layout.is_layout(path))
        assert.is_false(layout.is_layout(path .. "/blobs"))
    end)

    it("gives its image with the layers from the bottom to the top", function()
        local descriptor <const> = simple()
        writer:tag(descriptor, "latest")
        local image <close> = layout.open(path)
        assert.equal(descriptor.digest, image.digest)
        assert.equal("none", image.layers[2].compression)
        assert.equal(image.config.diff_ids[2], image.layers[2].diff_id)
        local blob <close> = image:open(image.layers[2])
        assert.equal(image.layers[2].digest, "sha256:" .. digests.file(blob.input))
    end)

    it("finds an image by its tag, alone or behind a repository", function()
        local first <const>, second <const> = simple(), simple { config = { User = "x" } }
        writer:tag(first, "1")
        writer:tag(second, "docker.io/library/x:2")
        assert.equal(first.digest, open({ tag = "1" }).digest)
        assert.equal(second.digest, open({ tag = "2" }).digest)
        assert.equal("LAYOUT has no image with the tag 3", complaint { tag = "3" })
        assert.equal("LAYOUT has more than one image", complaint())
    end)

    it("takes the image for a platform, through indexes too", function()
        local arm <const> = simple { platform = "linux/arm/v6" }
        writer:tag(writer:index {
            writer:index { simple { platform = "linux/s390x" } }, writer:index { arm },
        }, "latest")
        assert.equal(arm.digest, open({ platform = "linux/arm/v7" }).digest)
        assert.equal("LAYOUT: there is none for linux/riscv64, but for linux/s390x, linux/arm/v6",
            complaint { platform = "linux/riscv64" })
    end)

    it("refuses an image of another platform that its index doesn't tell", function()
        local descriptor <const> = simple { platform = "linux/s390x" }
        descriptor.platform = nil
        writer:tag(descriptor)
        assert.equal("LAYOUT: it is for linux/s390x, not for linux/arm64",
            complaint { platform = "linux/arm64" })
    end)

    it("refuses versions it doesn't know", function()
        writer:tag(simple())
        assert(core.file.write(path .. "/oci-layout", '{"imageLayoutVersion":"2.0.0"}'))
        assert.equal("LAYOUT: oci-layout: imageLayoutVersion: expected 1.0.0, not 2.0.0",
            complaint())
    end)

    -- Overwrites a blob.
    local function forge(descriptor, bytes)
        assert(core.file.write(writer:path(descriptor.digest), bytes))
    end

    it("refuses a manifest and a config that have another digest or size", function()
        local descriptor <const> = simple()
        writer:tag(descriptor)
        local bytes <const> = core.file.read(writer:path(descriptor.digest))
        forge(descriptor, (bytes:gsub('"size":%d', '"size":9', 1)))
        assert.matches("^LAYOUT: manifest sha256:%x+: expected the digest sha256:%x+, and it has",
            complaint())
        forge(descriptor, bytes .. " ")
        assert.matches("expected %d+ bytes, and it has %d+$", complaint())
        forge(descriptor, bytes)
        forge(require("sdme.json").decode(bytes, "it").config, "{}")
        assert.matches("^LAYOUT: config sha256:%x+: expected %d+ bytes, and it has 2$",
            complaint())
    end)

    it("refuses a layer of another length when it is opened", function()
        local first <const> = layer "a"
        first.descriptor.size = first.descriptor.size + 1
        writer:tag(writer:image { first })
        local image <close> = layout.open(path)
        assert.matches(": layer sha256:%x+: expected %d+ bytes, and it has %d+$",
            raised(image.open, image, image.layers[1]).message)
    end)

    it("reads nothing outside its directory", function()
        local descriptor <const> = simple()
        writer:tag(descriptor)
        local blob <const>, outside <const> = writer:path(descriptor.digest), path .. ".outside"
        shell.run("mv %s %s && ln -s %s %s", blob, outside, outside, blob)
        assert.matches("^LAYOUT: .*No such file or directory$", complaint())
        shell.run("rm %s && mkfifo %s", blob, blob)
        assert.matches("^LAYOUT: .*regular file", complaint())
    end)

    it("refuses indexes that go too deep, and too many of them", function()
        local index = writer:index { simple() }
        for _ = 1, 4 do
            index = writer:index { index }
        end
        writer:tag(index)
        assert.matches("expected at most 64 indexes, one in another at most 4 times", complaint())
        writer.images = {}
        local many <const> = {}
        for i = 1, 65 do
            many[i] = writer:index { writer:blob(("x"):rep(i), TYPES.manifest) }
        end
        writer:tag(writer:index(many))
        assert.matches("expected at most 64 indexes", complaint())
    end)

    it("refuses what says that it is huge, or is", function()
        local descriptor <const> = simple()
        descriptor.size = 5 << 20
        writer:tag(descriptor)
        assert.matches("manifest sha256:%x+: expected at most 4194304 bytes", complaint())
        assert(core.file.write(path .. "/index.json", ("["):rep(5 << 20)))
        assert.matches("^LAYOUT: .*index.json", complaint())
        assert(core.file.write(path .. "/index.json", ("["):rep(1 << 20)))
        assert.matches("^LAYOUT: index.json: expected at most 131072 values", complaint())
    end)

    it("refuses a manifest with more layers than its config has", function()
        writer:tag(writer:image({ layer "a" }, { change = function(config)
            config.rootfs.diff_ids = { config.rootfs.diff_ids[1], config.rootfs.diff_ids[1] }
        end }))
        assert.equal("LAYOUT: expected as many layers in the manifest as in the config,"
            .. " not 1 and 2", complaint())
    end)

    it("leaves nothing open", function()
        writer:tag(simple())
        local function count()
            return #core.file.list "/proc/self/fd"
        end
        open()
        local before <const> = count()
        open()
        complaint { tag = "none" }
        assert.equal(before, count())
    end)
end)
