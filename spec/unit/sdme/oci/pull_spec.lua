local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local image <const> = require "spec.support.memory_image"
local layer <const> = require "sdme.store.layer"
local needs <const> = require "spec.support.needs"
local progress <const> = require "sdme.progress"
local pull <const> = require "sdme.oci.pull"
local rootfs <const> = require "sdme.rootfs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local store <const> = require "sdme.store"
local tar <const> = require "spec.support.tar"
local task <const> = require "sdme.task"
local view <const> = require "sdme.view"

-- A layer with one file.
local function with_file(name, data, compression)
    return image.layer(tar.archive { name = name, data = data or name }, compression)
end

describe("pulling", function()
    setup(needs.root)
    before_each(function()
        -- An overlay takes no layer from every filesystem.
        config.select { datadir = scratch.filesystem("ext4", "256M") }
        store.prepare()
    end)
    after_each(scratch.clean)

    -- Pulls an image, and saves it as a rootfs of that name if there is one.
    local function run(from, name)
        local transaction <close> = layer.begin()
        local quiet <close> = progress.new { quiet = true }
        local ids <const> = pull.layers(from, { transaction = transaction, progress = quiet })
        if name then
            rootfs.save(name, { layers = ids }, transaction)
        end
        return ids
    end

    local function failure(from)
        local fine <const>, why <const> = pcall(run, from)
        assert.is_false(fine)
        return why
    end

    local function pulls()
        return core.file.list(store.path("cache", "pulls")) or {}
    end

    it("makes a layer of each, from every compression, in the order of the image", function()
        local layers <const> = {
            with_file("a", "old"), with_file("b", nil, "zstd"), with_file("a", "new", "none"),
        }
        local ids <const> = run(image.new("some", layers), "some")
        for i, one in ipairs(layers) do
            assert.equal(layer.id_of(one.diff_id), ids[i])
            local found <const> = layer.read(ids[i])
            assert.same({ { digest = one.digest, media_type = one.media_type, size = one.size } },
                found.blobs)
            assert.same({ one.diff_id, one.media_type, "some" },
                { found.diff_id, found.media_type, found.comment })
        end
        local tree <close> = view.stack(ids)
        assert.equal("new", core.file.read("a", { root = tree }))
        assert.equal("b", core.file.read("b", { root = tree }))
        assert.same({}, pulls())
    end)

    it("fetches several at once, and no more than four", function()
        local at_once, most = 0, 0
        local layers <const> = {}
        for i = 1, 9 do
            layers[i] = with_file("file" .. i)
            layers[i].before = function()
                at_once = at_once + 1
                most = math.max(most, at_once)
                task.sleep(0.02)
                at_once = at_once - 1
            end
        end
        run(image.new("some", layers))
        assert.equal(4, most)
    end)

    it("fetches nothing that is here", function()
        local first <const>, second <const> = with_file "a", with_file "b"
        run(image.new("some", { first }), "some")
        local other <const> = image.new("other", { first, second })
        run(other, "other")
        assert.same({ second.digest }, other.opened)
    end)

    it("takes layers one at a time that need much memory, and those not that need too much",
        function()
            local function with_window(log)
                local one <const> = with_file("a" .. log, nil, "none")
                local path <const> = scratch.directory() .. "/layer"
                assert(core.file.write(path, one.bytes))
                -- Of a size that isn't known zstd says that it looks back as far as it may.
                shell.run("cat %s | zstd -q --long=" .. log .. " >%s", path, path .. ".zst")
                local bytes <const> = core.file.read(path .. ".zst")
                one.bytes, one.size, one.compression = bytes, #bytes, "zstd"
                one.digest = image.digest(bytes)
                return one
            end
            local layers <const> = { with_window(24), with_window(26), with_window(20) }
            local some <const> = image.new("some", layers)
            assert.equal(3, #run(some, "some"))
            assert.equal(5, #some.opened)
            assert.matches("other: layer sha256:%x+: zstd: .* 67108864 bytes, the limit",
                failure(image.new("other", { with_window(27) })).message)
        end)

    it("is waited for by another one of the same image, which then has nothing to fetch", function()
        local one <const> = with_file("a", ("x"):rep(1000))
        local other <const> = { bytes = one.bytes }
        for key, value in pairs(one) do
            other[key] = value
        end
        one.before = function()
            task.sleep(0.3)
        end
        local first <const> = image.new("some", { one })
        local second <const> = image.new("some", { other })
        task.all(function() run(first, "first") end, function() run(second, "second") end)
        assert.same({ 1, 0 }, { #first.opened, #second.opened })
        assert.same({}, pulls())
        assert.same({}, layer.garbage())
    end)

    it("remembers another form of a layer that is here", function()
        local packed <const>, plain <const> = with_file("a"), with_file("a", nil, "none")
        local ids <const> = run(image.new("some", { packed }), "some")
        run(image.new("other", { plain }))
        run(image.new("other", { plain }))
        local blobs <const> = layer.read(ids[1]).blobs
        assert.same({ 2, plain.digest }, { #blobs, blobs[2].digest })
    end)

    it("mounts a layer once that comes twice", function()
        local twice <const>, between <const> = with_file("a", "one"), with_file("a", "two")
        local ids <const> = run(image.new("some", { twice, between, twice }), "some")
        assert.equal(2, #ids)
        local tree <close> = view.stack(ids)
        assert.equal("one", core.file.read("a", { root = tree }))
    end)

    it("leaves out what is below a layer whose top is opaque", function()
        local opaque <const> = image.layer(tar.archive({ name = ".wh..wh..opq" }, { name = "b" }))
        local ids <const> = run(image.new("some", { with_file "a", opaque, with_file "c" }), "some")
        assert.equal(2, #ids)
        assert.is_true(layer.read(ids[1]).opaque)
        local tree <close> = view.stack(ids)
        assert.same({ "b", "c" }, core.file.list(".", { root = tree }))
    end)

    it("refuses what isn't what was promised, and says which layer of which image", function()
        for field, lie in pairs {
            digest = "sha256:" .. ("1"):rep(64), diff_id = "sha256:" .. ("2"):rep(64), size = 3,
        } do
            local one <const> = with_file "a"
            one[field] = lie
            local why <const> = failure(image.new("some", { one }))
            assert.equal("EDIGEST", why.code)
            assert.matches("^some: layer sha256:%x+:? [^\n]+$", why.message)
            assert.same({}, layer.list())
            assert(#pulls() == 1)
            layer.collect(require("sdme.store.pull").forget())
        end
        local one <const> = with_file("a", nil, "none")
        one.compression = "gzip"
        assert.matches("^some: layer sha256:%x+: .*gzip",
            failure(image.new("some", { one })).message)
    end)

    it("keeps what is finished when another layer fails, and fetches the rest the next time",
        function()
            local good <const>, bad <const> = with_file("a", ("x"):rep(1000)), with_file "b"
            local finished = false
            bad.before = function()
                repeat
                    task.sleep(0.01)
                    finished = layer.exists(layer.id_of(good.diff_id))
                until finished
                fault.raise("ECONNRESET", nil, "the line is cut")
            end
            local why <const> = failure(image.new("some", { good, bad }))
            assert.equal("the line is cut", why.message)
            assert.same({}, layer.garbage())
            bad.before = nil
            local again <const> = image.new("some", { good, bad })
            run(again, "some")
            assert.same({ bad.digest }, again.opened)
            assert.same({}, pulls())
            rootfs.get("some"):remove()
            assert.same({}, layer.list())
        end)

    it("ends the others when one fails, without waiting for them", function()
        local slow <const>, bad <const> = with_file("a", ("x"):rep(1000)), with_file "b"
        local ended
        slow.before = function()
            local fine <const>, why <const> = pcall(task.sleep, 1000)
            ended = not fine and why.code
            error(why, 0)
        end
        bad.before = function()
            fault.raise("EX", nil, "it broke")
        end
        assert.equal("it broke", failure(image.new("some", { slow, bad })).message)
        assert.equal("ECANCELED", ended)
        assert.same({}, (core.file.list(store.path "staging")))
    end)

    it("ends what feeds a layer that can't be unpacked", function()
        local one <const> = image.layer(("x"):rep(1 << 20), "none")
        assert.matches("^some: layer sha256:%x+: entry 1 ",
            failure(image.new("some", { one })).message)
        assert.same({}, layer.list())
    end)

    it("refuses an image without layers, and one of more than can be mounted", function()
        assert.matches("some: it has no layers", failure(image.new("some", {})).message)
        local many <const> = {}
        for i = 1, core.overlay.max_lowers do
            many[i] = { diff_id = ("sha256:%064x"):format(i), digest = ("sha256:%064x"):format(i),
                size = 1 }
        end
        assert.matches("^some has 500 layers: ", failure(image.new("some", many)).message)
    end)

    it("that failed is forgotten by who empties the cache", function()
        local one <const>, bad <const> = with_file("a", ("x"):rep(1000)), with_file "b"
        bad.size = 1
        failure(image.new("some", { one, bad }))
        local forgotten <const> = require("sdme.store.pull").forget()
        assert.equal(2, #forgotten)
        layer.collect(forgotten)
        assert.same({}, layer.list())
    end)
end)
