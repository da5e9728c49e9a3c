-- Images of a registry, from the import to a container that boots, and what is left of imports
-- that were killed or had no room.

local core <const> = require "sdme.core"
local fault_registry <const> = require "spec.support.fault_registry"
local images <const> = require "spec.support.images"
local json <const> = require "sdme.json"
local killing <const> = require "spec.support.killing"
local layer <const> = require "sdme.store.layer"
local refused <const> = require "spec.support.refused"
local registry <const> = require "spec.support.registry"
local rootfs <const> = require "sdme.rootfs"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local small <const> = require "spec.support.small_system"
local wait <const> = require "spec.support.wait"

-- Random moments to kill at.
local KILLS <const> = tonumber(os.getenv "SDME_KILLS") or 20

local function escape(text)
    return (text:gsub("%p", "%%%0"))
end

describe("an image in a registry", function()
    local server

    local function name(image)
        return ("%s/library/%s"):format(server.host, image)
    end

    -- What has been asked for since `before` requests.
    local function asked(before)
        local requests <const> = server:requests()
        return table.move(requests, before + 1, #requests, 1, {})
    end

    local function blobs_among(requests)
        local found <const> = {}
        for _, request in ipairs(requests) do
            found[#found + 1] = request:match "^GET .*/blobs/(sha256:%x+)$"
        end
        return found
    end

    setup(function()
        server = registry.start()
        server:push_images("base", "nginx", "redis", "platforms")
        sdme.ok("fs", "import", name "base")
    end)
    teardown(sdme.clean_all)
    after_each(function()
        sdme.run("rm", "--all", "--force")
        for _, fs in ipairs(json.decode(sdme.ok("fs", "ls", "--json"))) do
            if fs.name ~= "base" then
                sdme.ok("fs", "rm", fs.name)
            end
        end
    end)

    it("that is a base boots", function()
        local found <const> = small.inspect "base"
        assert.same({ "image", name "base" .. ":latest", true },
            { found.origin.kind, found.origin.source, found.systemd })
        assert.same({}, found.image.config.entrypoint)
        local result <const> = sdme.run("new", "-r", "base", "--name", "web", "--", "systemctl",
            "is-system-running")
        assert.equal("running\n", result.out)
    end)

    it("that is an application is imported onto a base, and another one onto both", function()
        sdme.ok("fs", "import", name "nginx", "--base-fs", "base")
        sdme.ok("fs", "import", name "redis", "--base-fs", "nginx", "--name", "both")
        local base <const>, both <const> = small.inspect "base", small.inspect "both"
        assert.same(base.layers, both.layers)
        assert.same({ "nginx", "redis" }, { both.apps[1].name, both.apps[2].name })
        assert.equal(both.apps[1].layers[1], both.apps[2].layers[1])
        assert.matches("\nboth +Debian [^\n]+ yes +nginx,redis ", sdme.ok("fs", "ls"))
        refused.by(1, "rootfs both has an application redis", "fs", "import", name "redis",
            "--base-fs", "both", "--name", "again")
        sdme.ok("fs", "rm", "nginx")
        assert.equal("[]", sdme.ok("fs", "gc", "--json"))
    end)

    it("that is here is asked for its manifest and its config only", function()
        sdme.ok("fs", "import", name "nginx", "--base-fs", "base")
        local before = #server:requests()
        sdme.ok("fs", "import", name "nginx", "--base-fs", "base", "--name", "again")
        assert.same(1, #blobs_among(asked(before)))
        before = #server:requests()
        sdme.ok("fs", "import", name "nginx", "--base-fs", "base", "--name", "third", "--no-cache")
        assert.same(1, #blobs_among(asked(before)))
        assert.matches("GET [^\n]*/manifests/latest", table.concat(asked(before), "\n"))
    end)

    it("is had with the certificates that podman or docker have for its registry", function()
        local secured <const> = registry.start { tls = true, verify = true }
        local image <const> = secured.host .. "/library/plain"
        local function import()
            return sdme.run("fs", "import", image, "--install-packages=no", "--oci-mode=base")
        end
        local ca <const> = ("/etc/docker/certs.d/%s"):format(secured.host)
        local first <const> = ("/etc/containers/certs.d/%s"):format(secured.host)
        assert.matches("\nhint: if it is the right one: [^\n]* or into " .. escape(first)
            .. "/ca%.crt\n$", import().err)
        shell.run("mkdir -p %s && cp %s %s", ca, secured.ca_file, ca .. "/our.crt")
        scratch.finally(function()
            shell.run("rm -r %s %s", ca, first)
        end)
        assert.matches("latest: " .. escape(secured.host) .. " refuses http, and by https: [^\n]*\n"
            .. "hint: if it asks for a certificate of ours: NAME.cert and NAME.key go into "
            .. escape(first) .. "\n$", import().err)
        shell.run("cp %s %s", secured.ca_file, ca .. "/client.cert")
        assert.matches("/client%.cert: expected client%.key beside it\n"
            .. "hint: authorities to trust are called NAME%.crt\n$", import().err)
        shell.run("cp %s %s", secured.key_file, ca .. "/client.key")
        refused.by(1, ".*/library/plain:latest: no such image .*", "fs", "import", image)
        secured:push_images "plain"
        assert.equal("plain\n", import().out)
        shell.run("mkdir -p %s", first)
        assert.equal(1, import().status)
    end)

    it("is what its digest says, or isn't imported", function()
        local digest <const> = images.descriptor(images.path "nginx").digest
        sdme.ok("fs", "import", name "nginx" .. "@" .. digest, "--base-fs", "base", "--verify",
            digest)
        local zeros <const> = "sha256:" .. ("0"):rep(64)
        refused.by(1, "the manifest of .* has the digest " .. digest .. ", not " .. zeros, "fs",
            "import", name "nginx" .. "@" .. digest, "--name", "x", "--base-fs", "base", "--verify",
            zeros)
        refused.by(1, ".*: no such image .*", "fs", "import", name "nginx" .. "@" .. zeros,
            "--name", "x", "--base-fs", "base")
    end)

    it("is taken for the platform that was asked for", function()
        sdme.ok("fs", "import", name "platforms", "--platform", "linux/arm64", "--name", "arm",
            "--install-packages=no", "--oci-mode=base")
        assert.equal("arm64", small.inspect("arm").image.config.architecture)
        refused.by(1, escape(name "platforms") .. ".*: there is none for linux/mips64, but for .*",
            "fs", "import", name "platforms", "--platform", "linux/mips64", "--name", "x")
    end)

    it("that is an application needs a base with systemd", function()
        assert.matches("%-%-base%-fs NAME",
            refused.by(2, ".* is an application, .*", "fs", "import", name "nginx"))
        refused.by(1, "there is no rootfs nowhere", "fs", "import", name "nginx", "--base-fs",
            "nowhere")
        local path <const> = scratch.directory() .. "/sdme.conf"
        assert(core.file.write(path, 'default_base_fs = "base"'))
        local made <const> = sdme.pipe("SDME_CONFIG=" .. path, "fs", "import", name "nginx")
        assert.same({ 0, "nginx\n" }, { made.status, made.out }, made.err)
        assert.equal("base", small.inspect("nginx").origin.base)
        sdme.ok("fs", "import", name "redis", "--name", "bare", "--oci-mode=base",
            "--install-packages=no")
        refused.by(1, "rootfs bare has no systemd to run .*", "fs", "import", name "nginx",
            "--name", "x", "--base-fs", "bare")
        refused.by(2, ".* is the base of a system, and needs no other", "fs", "import", name "base",
            "--name", "x", "--base-fs", "base")
    end)
end)

describe("an import of an image", function()
    local server, manifest, archives, before

    -- Three layers that take some time.
    local function put_image()
        archives = {}
        for i = 1, 3 do
            local directory <const> = small.directory("layer" .. i)
            archives[i] = assert(core.file.read(small.archive(directory), { max = 64 << 20 }))
        end
        local _, made <const> = server:put_image(archives, { tag = "latest" })
        return made
    end

    setup(function()
        math.randomseed(os.time())
        sdme.select()
        small.mount()
        server = fault_registry.start()
        manifest = put_image()
    end)
    teardown(function()
        small.unmount()
        scratch.clean()
    end)
    before_each(function()
        sdme.ok("fs", "cache", "clean")
        before = small.trees()
    end)

    local function words()
        return "fs", "import", server.name, "--name", "k", "--install-packages=no"
    end

    local function remove()
        if rootfs.exists "k" then
            sdme.ok("fs", "rm", "k")
        end
        sdme.ok("fs", "cache", "clean")
    end

    -- What the layers are, of a whole import.
    local function import_all()
        local seconds <const> = killing.measure(words())
        local trees <const> = small.trees()
        remove()
        assert.same(before, small.trees())
        return trees, seconds
    end

    -- That every layer there is whole, and all that is needed of `fs`.
    local function check_store(trees, when)
        wait.until_equal("", small.at_work)
        for _, found in ipairs(json.decode(sdme.ok("fs", "gc", "--json"))) do
            assert.equal("unfinished", found.kind, when)
        end
        assert.equal("", small.unfinished(), when)
        for id, tree in pairs(small.trees()) do
            assert.equal(trees[id], tree, when)
        end
        for _, one in ipairs(rootfs.exists "k" and small.inspect("k").layers or {}) do
            assert.is_nil(one.missing, when)
        end
    end

    -- That another import fetches what isn't there, and nothing else.
    local function check_rest(when)
        local wanted <const> = {}
        for i, descriptor in ipairs(manifest.layers) do
            wanted[descriptor.digest] =
                not layer.exists(layer.id_of(fault_registry.digest(archives[i]))) or nil
        end
        local count <const> = #server:asked()
        sdme.ok(words())
        for i, target in ipairs(server:asked()) do
            local digest <const> = target:match "/blobs/(.*)$"
            if i > count and digest ~= manifest.config.digest then
                assert.is_true(not digest or wanted[digest] == true, when)
            end
        end
    end

    it("that is killed keeps the layers that are finished, and the next one fetches the rest",
        function()
            local trees <const>, seconds <const> = import_all()
            killing.everywhere(KILLS, seconds, remove, function(when)
                check_store(trees, when)
                if not rootfs.exists "k" then
                    check_rest(when)
                    check_store(trees, when)
                end
                remove()
                assert.same(before, small.trees())
                assert.equal("[]", sdme.ok("fs", "gc", "--json"))
            end, words())
        end)

    it("that has no room fails with one line, and keeps what is finished", function()
        small.unmount()
        small.mount "-t tmpfs -o size=6m tmpfs"
        local large <const> = require("spec.support.tar").archive {
            name = "large", data = ("x"):rep(8 << 20),
        }
        server:put_image({ archives[1], large }, { tag = "large" })
        refused.by(1, escape(server.name) .. ":large: layer sha256:%x+: .*No space left.*", "fs",
            "import", server.name .. ":large", "--name", "k", "--install-packages=no")
        wait.until_equal("", small.at_work)
        assert.equal("", small.unfinished())
        assert.equal("[]", sdme.ok("fs", "gc", "--json"))
        local listed <const> = json.decode(sdme.ok("fs", "cache", "ls", "--json"))
        assert.same({ 1, "image", 2 }, { #listed, listed[1].kind, listed[1].layers })
        sdme.ok("fs", "cache", "clean")
        assert.same({}, small.trees())
        sdme.ok("fs", "import", server.name, "--name", "k", "--install-packages=no")
        sdme.ok("fs", "rm", "k")
    end)

    it("that ends by SIGINT keeps what is finished, and nothing else", function()
        local trees <const> = import_all()
        for _ = 1, 5 do
            local process <close> = sdme.spawn(words())
            core.poll.wait({}, 0.1 + math.random() / 5)
            process:kill "INT"
            require("sdme.task").await(process:wait())
            check_store(trees, "SIGINT")
            remove()
        end
    end)
end)
