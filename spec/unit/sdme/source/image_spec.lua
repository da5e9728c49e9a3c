local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local layer <const> = require "sdme.store.layer"
local needs <const> = require "spec.support.needs"
local oci_layout <const> = require "spec.support.oci_layout"
local raised <const> = require "spec.support.raised"
local rootfs <const> = require "sdme.rootfs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local store <const> = require "sdme.store"
local tar <const> = require "spec.support.tar"

local OPTIONS <const> = { name = "some", quiet = true, install_packages = "no",
    oci_mode = "base", platform = "linux/amd64" }
local AGAIN <const> = { name = "again", force = true, quiet = true, install_packages = "no",
    oci_mode = "base", platform = "linux/amd64" }

describe("importing an image of this host", function()
    local home, path, writer

    setup(needs.root)
    before_each(function()
        config.select { datadir = scratch.filesystem("ext4", "256M") }
        store.prepare()
        home = scratch.directory()
        path = home .. "/image"
        writer = oci_layout.new(path)
    end)
    after_each(scratch.clean)

    local function add_layer(name)
        return writer:layer(tar.archive { name = name, data = name }, { bytes = true })
    end

    -- The layout in an archive.
    local function archive(suffix)
        shell.run("tar -C %s -caf %s .", path, path .. suffix)
        return path .. suffix
    end

    local function assert_nothing()
        assert.same({}, rootfs.names())
        assert.same({}, layer.garbage())
        assert.same({}, (core.file.list(store.path "staging")))
    end

    local function refused(source)
        local why <const> = raised(rootfs.import, source, OPTIONS).message
        return (why:gsub(home:gsub("%p", "%%%0"), "HOME"))
    end

    it("takes a layout, and archives of it, however compressed", function()
        writer:tag(writer:image { add_layer "a", add_layer "b" }, "latest")
        local first <const> = rootfs.import(path, OPTIONS):inspect()
        assert.equal(2, #first.layers)
        for _, suffix in ipairs { ".tar", ".tar.gz", ".tar.xz" } do
            local found <const> = rootfs.import(archive(suffix), AGAIN):inspect()
            assert.equal(first.origin.digest, found.origin.digest)
            assert.equal(first.layers[2].id, found.layers[2].id)
            assert.equal(path .. suffix, found.origin.source)
        end
        assert.same({}, (core.file.list(store.path "staging")))
    end)

    it("finds a tag in it", function()
        writer:tag(writer:image { add_layer "a" }, "1")
        writer:tag(writer:image { add_layer "b" }, "2")
        assert.matches("^HOME/image has more than one image$", refused(path))
        local found <const> = rootfs.import(archive ".tar" .. ":2", OPTIONS):inspect()
        assert.equal(path .. ".tar:2", found.origin.source)
    end)

    it("refuses layers that aren't what was promised, and leaves nothing", function()
        local one <const>, other <const> = add_layer "a", add_layer "b"
        local bytes <const> = core.file.read(writer:path(other.descriptor.digest))
        for _, case in ipairs {
            { function(forged) forged.diff_id = other.diff_id end,
                "what is in it has the digest sha256:%x+, not sha256:%x+$" },
            { function(forged) forged.descriptor.size = forged.descriptor.size + 1 end,
                "expected %d+ bytes, and it has %d+$" },
            { function(forged)
                forged.descriptor.digest = "sha256:" .. ("0"):rep(64)
                assert(core.file.write(writer:path(forged.descriptor.digest), bytes))
                forged.descriptor.size = #bytes
            end, "has the digest sha256:%x+, not sha256:0+$" },
        } do
            local forged <const> = { diff_id = one.diff_id, descriptor = {
                digest = one.descriptor.digest, size = one.descriptor.size,
                mediaType = one.descriptor.mediaType,
            } }
            case[1](forged)
            writer.images = {}
            writer:tag(writer:image { forged })
            for _, source in ipairs { path, archive ".tar" } do
                assert.matches("^HOME/image[.tar]*: layer sha256:%x+:? " .. case[2],
                    refused(source))
                assert_nothing()
            end
        end
    end)

    it("follows no link out of an archive", function()
        local one <const> = add_layer "a"
        local blob <const> = writer:path(one.descriptor.digest)
        writer:tag(writer:image { one })
        shell.run("mv %s %s && ln -s %s %s", blob, home .. "/outside", home .. "/outside", blob)
        for _, source in ipairs { path, archive ".tar" } do
            assert.matches("^HOME/image[.tar]*: layer sha256:%x+: .*No such file", refused(source))
            assert_nothing()
        end
    end)

    it("refuses options of images for an archive that holds none", function()
        local file <const> = home .. "/plain.tar"
        assert(core.file.write(file, tar.archive { name = "etc/x", data = "" }))
        assert.equal("HOME/plain.tar is no image, which `platform` is for", refused(file))
        assert_nothing()
    end)
end)
