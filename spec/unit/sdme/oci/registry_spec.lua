local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault_registry <const> = require "spec.support.fault_registry"
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

    local function refused(server, options, version) -- luacheck: ignore
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
        local accept
        for _, request in ipairs(server.server:requests()) do
            accept = accept or request.headers.accept
        end
        for _, kind in ipairs { "vnd.oci.image.index.v1", "vnd.oci.image.manifest.v1",
            "vnd.docker.distribution.manifest.list.v2", "vnd.docker.distribution.manifest.v2" } do
            assert.matches("application/" .. kind .. "+json", accept, 1, true)
        end
    end)
end)
