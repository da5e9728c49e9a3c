local cjson <const> = require "cjson"
local core <const> = require "sdme.core"
local digests <const> = require "sdme.digest"
local docker_archive <const> = require "sdme.oci.docker_archive"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local tar <const> = require "spec.support.tar"

local function sha256(bytes)
    local digest <close> = assert(core.digest.new "sha256")
    return digest:update(bytes):hex()
end

describe("an archive of docker save, unpacked", function()
    local path

    before_each(function()
        path = scratch.directory() .. "/unpacked"
        assert(core.file.mkdir(path))
    end)
    after_each(scratch.clean)

    local function write(name, bytes)
        assert(core.file.mkdir((path .. "/" .. name):match "^(.*)/", { parents = true }))
        assert(core.file.write(path .. "/" .. name, bytes, { sync = false }))
        return name
    end

    -- An image with a layer for each archive.
    local function image(tags, layers, change)
        local diff_ids <const>, paths <const> = {}, {}
        for i, archive in ipairs(layers) do
            diff_ids[i] = "sha256:" .. sha256(archive)
            paths[i] = write(diff_ids[i]:sub(8) .. "/layer.tar", archive)
        end
        local config <const> = cjson.encode { os = "linux", architecture = "amd64",
            config = { Cmd = { "sh" } }, rootfs = { type = "layers", diff_ids = diff_ids } }
        local entry <const> = { RepoTags = tags, Layers = paths,
            Config = write(sha256(config) .. ".json", config) }
        return change and change(entry) or entry
    end

    local function open(entries, options)
        write("manifest.json", cjson.encode(entries))
        options = options or {}
        options.platform, options.name = "linux/amd64", "x.tar"
        return docker_archive.open(path, options)
    end

    local function complaint(...)
        return raised(open, ...).message
    end

    local function archive(name)
        return tar.archive { name = name, data = name }
    end

    it("is told from the root of a system", function()
        assert.is_false(docker_archive.is_archive(path))
        write("manifest.json", "[]")
        assert.is_true(docker_archive.is_archive(path))
        write("etc/passwd", "")
        assert.is_false(docker_archive.is_archive(path))
    end)

    it("gives an image with a manifest of its own", function()
        local found <close> = open { image({ "a:1" }, { archive "a", archive "b" }) }
        assert.equal(2, #found.layers)
        assert.equal("sha256:" .. sha256(found.manifest), found.digest)
        assert.equal(found.layers[1].diff_id, found.layers[1].digest)
        local blob <close> = found:open(found.layers[2])
        assert.equal(found.layers[2].digest, "sha256:" .. digests.file(blob.input))
    end)

    it("takes layers that are compressed, and those that are links to others", function()
        local plain <const> = archive "a"
        local entry <const> = image({ "a:1" }, { plain })
        shell.run("gzip -n <%s >%s", path .. "/" .. entry.Layers[1], path .. "/packed")
        shell.run("ln -s ../packed %s", path .. "/" .. entry.Layers[1]:gsub("layer.tar", "link"))
        entry.Layers[1] = entry.Layers[1]:gsub("layer.tar", "link")
        local found <close> = open { entry }
        assert.equal("gzip", found.layers[1].compression)
        assert.equal("sha256:" .. sha256(plain), found.layers[1].diff_id)
        assert.equal(shell.run("sha256sum <%s", path .. "/packed"):match "%x+",
            found.layers[1].digest:sub(8))
    end)

    it("finds an image by its tag", function()
        local entries <const> = { image({ "a:1" }, { archive "a" }),
            image({ "localhost:5000/b:2", "b:3" }, { archive "b" }) }
        assert.equal("x.tar has more than one image", complaint(entries))
        assert.equal("x.tar has no image with the tag 4", complaint(entries, { tag = "4" }))
        local found <close> = open(entries, { tag = "2" })
        assert.equal("x.tar:2", found.name)
    end)

    it("refuses what doesn't fit together", function()
        assert.equal("x.tar has no image", complaint {})
        assert.equal("x.tar: expected as many layers in manifest.json as in the config,"
            .. " not 2 and 1", complaint { image({}, { archive "a" }, function(entry)
                entry.Layers[2] = entry.Layers[1]
                return entry
            end) })
        assert.matches("^x.tar: the config %x+.json has the digest sha256:%x+$",
            complaint { image({}, { archive "a" }, function(entry)
                write(entry.Config, "{}")
                return entry
            end) })
        assert.equal("x.tar: manifest.json: [0].Config: expected a text, and there is none",
            complaint { { Layers = {} } })
        assert.equal("x.tar: manifest.json: [0]: expected an object, not a text",
            complaint { "x" })
    end)

    it("reads nothing outside the directory", function()
        local outside <const> = path .. ".outside"
        assert(core.file.write(outside, archive "a"))
        for _, name in ipairs { "../unpacked.outside", outside, "link" } do
            shell.run("ln -sfn %s %s", outside, path .. "/link")
            assert.matches("^x.tar: layer .*No such file", complaint {
                image({}, { archive "a" }, function(entry)
                    entry.Layers[1] = name
                    return entry
                end) })
        end
    end)

    it("refuses lists of everything but objects", function()
        write("manifest.json", '{"a":1}')
        assert.equal("x.tar: manifest.json: expected a list, not an object",
            raised(docker_archive.open, path, { name = "x.tar" }).message)
    end)
end)
