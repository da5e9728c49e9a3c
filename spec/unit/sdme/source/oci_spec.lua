local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault_registry <const> = require "spec.support.fault_registry"
local layer <const> = require "sdme.store.layer"
local needs <const> = require "spec.support.needs"
local raised <const> = require "spec.support.raised"
local rootfs <const> = require "sdme.rootfs"
local scratch <const> = require "spec.support.scratch"
local store <const> = require "sdme.store"
local tar <const> = require "spec.support.tar"

describe("importing an image", function()
    local server, base

    setup(needs.root)
    before_each(function()
        config.select { datadir = scratch.filesystem("ext4", "64M") }
        store.prepare()
        server = fault_registry.start(nil, { repository = "test/web-1.5" })
        local transaction <close> = layer.begin()
        local new <close> = transaction:new()
        base = transaction:add(new, {})
        rootfs.save("base", { layers = { base }, systemd = true, os = { name = "Some" } },
            transaction)
    end)
    after_each(function()
        config.select {}
        scratch.clean()
    end)

    local function put(options, ...)
        options = options or {}
        options.tag = options.tag or "latest"
        options.config = options.config or { Entrypoint = { "/web" } }
        return server:put_image({ tar.archive { name = "web", data = "web" }, ... }, options)
    end

    local function import(options)
        options = options or {}
        options.quiet, options.platform = true, "linux/amd64"
        options.install_packages = "no"
        return rootfs.import(server.name, options)
    end

    it("gives the base one application more", function()
        local digest <const> = put().digest
        local made <const> = import { base_fs = "base" }
        local found <const> = rootfs.read(made.name)
        local app <const> = found.apps[1]
        assert.same({ "web-1-5", { base }, true, "Some" },
            { made.name, found.layers, found.systemd, found.os.name })
        assert.same({ "web-1-5", digest, 1, { "/web" } },
            { app.name, app.digest, #app.layers, app.config.entrypoint })
        assert.same({ kind = "image", source = server.name .. ":latest", digest = digest,
            base = "base" }, found.origin)
        assert.same({}, layer.garbage())
        made:remove()
        assert.same({ base }, layer.list())
    end)

    it("is refused before anything is fetched where the name or the digest is wrong", function()
        put()
        assert.equal("EEXIST", raised(import, { base_fs = "base", name = "base" }).code)
        assert.same({}, server:asked())
        put { config = {} }
        local mode <const> = { oci_mode = "base", verify = "sha256:" .. ("0"):rep(64) }
        assert.equal("EDIGEST", raised(import, mode).code)
        assert.same({ base }, layer.list())
    end)

    it("remembers no history that is too long, and no config", function()
        local long <const> = ("x"):rep(70 << 10)
        put { config = { Entrypoint = { "/web" }, Labels = { long = long } } }
        local made <const> = import { base_fs = "base" }
        local kept <const> = rootfs.read(made.name).apps[1].config
        assert.same({ long, nil }, { kept.labels.long, kept.history })
        put { config = { Entrypoint = { "/web" }, Labels = { long = long:rep(4) } } }
        local why <const> = raised(import, { base_fs = "base", name = "other" })
        assert.equal("E2BIG", why.code)
        assert.matches("its config has %d+ bytes, of which 262144 are kept at most", why.message)
    end)

    it("refuses options that make no sense", function()
        put()
        assert.equal("EUSAGE", raised(import, { oci_mode = "x" }).code)
        for _, option in ipairs { "platform", "credentials", "base_fs", "oci_mode" } do
            local options <const> = { [option] = option == "oci_mode" and "app" or "x" }
            assert.equal("EUSAGE", raised(rootfs.import, "/etc", options).code)
        end
        assert.same({ base }, layer.list())
        assert.is_nil(core.file.stat(store.path("fs", "web-1-5.json")))
    end)
end)
