local core <const> = require "sdme.core"
local images <const> = require "spec.support.images"
local json <const> = require "sdme.json"
local needs <const> = require "spec.support.needs"
local refused <const> = require "spec.support.refused"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

-- What a tree has: type, mode, owner, name, target, and what is in files.
local function listing(path)
    return shell.run([[cd %s && find . -mindepth 1 -printf '%%y %%m %%U:%%G %%p %%l\n' | sort
        find . -type f -print0 | sort -z | xargs -0r sha256sum]], path)
end

describe("a root filesystem as an image", function()
    local out

    setup(function()
        sdme.ok("fs", "import", images.path "hundred", "--name", "hundred",
            "--install-packages=no")
        sdme.ok("fs", "import", images.path "nginx", "--name", "nginx", "--oci-mode=base",
            "--install-packages=no")
    end)
    teardown(sdme.clean_all)
    before_each(function()
        out = scratch.directory()
    end)
    after_each(sdme.clean)

    local function export(name, format, ...)
        local path <const> = ("%s/%s"):format(out, format)
        sdme.ok("fs", "export", "fs:" .. name, path, "--fmt", format, ...)
        return path
    end

    local function tree(name)
        sdme.ok("fs", "export", "fs:" .. name, out .. "/tree", "--fmt", "dir", "--force")
        return listing(out .. "/tree")
    end

    it("is unpacked by umoci to what sdme shows", function()
        needs.program "umoci"
        local path <const> = export("nginx", "oci")
        shell.run("umoci unpack --image %s %s", path .. ":latest", out .. "/unpacked")
        assert.equal(tree "nginx", listing(out .. "/unpacked/rootfs"))
    end)

    it("is read by skopeo, in each format and compression", function()
        needs.program "skopeo"
        for _, case in ipairs {
            { "oci", "oci:%s:latest", "gzip" }, { "oci", "oci:%s:latest", "zstd" },
            { "oci-archive", "oci-archive:%s", "none" }, { "docker-archive", "docker-archive:%s" },
        } do
            local path <const> = export("hundred", case[1], "--force",
                table.unpack(case[3] and { "--compression", case[3] } or {}))
            shell.run("skopeo copy -q %s %s", case[2]:format(path), "dir:" .. out .. "/copy")
            local config <const> = json.decode(shell.run("skopeo inspect --config %s",
                case[2]:format(path)), "config")
            assert.equal(100, #config.rootfs.diff_ids)
            assert.equal(100, #config.history)
        end
    end)

    it("is loaded by podman", function()
        needs.program "podman"
        local options <const> = ("--root %s/root --runroot %s/run --storage-driver vfs"):format(out,
            out)
        for format, name in pairs { ["docker-archive"] = "localhost/hundred:latest",
            ["oci-archive"] = "localhost/again:1" } do
            local path <const> = export("hundred", format, "--tag",
                format == "oci-archive" and name or "hundred:latest")
            assert.matches("Loaded image", shell.run("podman " .. options .. " load -i %s", path))
            assert.equal("100", shell.run("podman " .. options
                .. " image inspect %s | jq '.[0].RootFS.Layers | length'", name))
            shell.run("podman " .. options .. " rmi --all --force")
        end
    end)

    it("comes back with the same layers, whatever the format", function()
        local before <const> = tree "hundred"
        local digests
        for _, format in ipairs { "oci", "oci-archive", "docker-archive" } do
            local path <const> = export("hundred", format)
            sdme.ok("fs", "import", path, "--name", "again", "--force", "--install-packages=no")
            local found <const> = json.decode(sdme.ok("fs", "inspect", "again"), "it")
            local ids <const> = {}
            for i, layer in ipairs(found.layers) do
                ids[i] = layer.diff_id
            end
            digests = digests or ids
            assert.same(digests, ids)
            assert.equal(before, tree "again")
        end
    end)

    it("keeps how its program runs", function()
        local function config(name)
            local found <const> = json.decode(sdme.ok("fs", "inspect", name), "it").image.config
            found.diff_ids, found.history, found.created = nil, nil, nil
            return found
        end
        sdme.ok("fs", "import", export("nginx", "docker-archive"), "--name", "again", "--force",
            "--oci-mode=base", "--install-packages=no")
        assert.same(config "nginx", config "again")
    end)

    it("has the same bytes each time", function()
        local first <const> = shell.run("sha256sum <%s", export("hundred", "oci-archive"))
        assert.equal(first, shell.run("sha256sum <%s", export("hundred", "oci-archive", "--force")))
    end)

    it("goes through a pipe", function()
        local result <const> = sdme.pipe("", "fs", "export", "fs:hundred", "-", "--fmt",
            "docker-archive")
        assert.equal(0, result.status, result.err)
        assert(core.file.write(out .. "/piped", result.out, { sync = false }))
        assert.matches("manifest.json", shell.run("tar -tf %s", out .. "/piped"))
    end)

    it("has an application's image by its name", function()
        refused.by(1, "nginx has no application web", "fs", "export", "fs:nginx",
            out .. "/x", "--fmt", "oci", "--app", "web")
        refused.by(2, "the format tar has no app", "fs", "export", "fs:nginx", out .. "/x.tar",
            "--app", "web")
    end)
end)

describe("a container as an image", function()
    local out

    setup(function()
        sdme.ok("fs", "import", images.path "base", "--name", "debian")
    end)
    teardown(sdme.clean_all)
    before_each(function()
        out = scratch.directory()
    end)
    after_each(sdme.clean)

    -- Layers, and what a file in the topmost one has.
    local function look(path)
        shell.run("umoci unpack --image %s %s", path .. ":latest", path .. ".bundle")
        return #images.json(path, images.descriptor(path).digest).layers,
            shell.run("cat %s", path .. ".bundle/rootfs/etc/motd")
    end

    for _, how in ipairs { "stopped", "running" } do
        it("has its own layer above the others while it is " .. how, function()
            needs.program "umoci"
            sdme.ok("new", "--name", "web", "-r", "debian", "--", "sh", "-c",
                "echo mine >/etc/motd && rm -r /etc/apt && mkdir /etc/apt && echo 1 >/etc/apt/x")
            if how == "stopped" then
                sdme.ok("stop", "web")
            end
            sdme.ok("fs", "export", "web", out .. "/web", "--fmt", "oci")
            local layers <const>, motd <const> = look(out .. "/web")
            assert.equal(2, layers)
            assert.equal("mine", motd)
            assert.equal("x", shell.run("ls %s", out .. "/web.bundle/rootfs/etc/apt"))
        end)
    end

    it("is that of an application in it, by name", function()
        sdme.ok("fs", "import", images.path "redis", "--base-fs", "debian", "--name", "redis",
            "--force")
        sdme.ok("create", "--name", "web", "-r", "redis")
        for _, name in ipairs { "fs:redis", "web" } do
            sdme.ok("fs", "export", name, out .. "/app", "--fmt", "oci", "--app", "redis",
                "--force")
            local manifest <const> = images.json(out .. "/app",
                images.descriptor(out .. "/app").digest)
            local config <const> = images.json(out .. "/app", manifest.config.digest)
            assert.equal(#manifest.layers, #config.rootfs.diff_ids)
            assert.is_true(#manifest.layers >= 2)
            assert.equal("redis", config.config.User)
            assert.same({ "CMD", "redis-cli", "ping" }, config.config.Healthcheck.Test)
            assert.equal(5000000000, config.config.Healthcheck.Interval)
            assert.same({ ["/data"] = {} }, config.config.Volumes)
        end
        refused.by(1, "redis has no application nginx", "fs", "export", "fs:redis", out .. "/x",
            "--fmt", "oci", "--app", "nginx")
    end)

    it("has the owners that its users see", function()
        needs.program "umoci"
        sdme.ok("new", "--name", "web", "-r", "debian", "--userns", "--", "sh", "-c",
            "echo mine >/etc/motd && chown 7:8 /etc/motd")
        sdme.ok("stop", "web")
        sdme.ok("fs", "export", "web", out .. "/web", "--fmt", "oci")
        look(out .. "/web")
        assert.equal("7:8", shell.run("stat -c %%u:%%g %s", out .. "/web.bundle/rootfs/etc/motd"))
    end)
end)
