local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local layer <const> = require "sdme.store.layer"
local needs <const> = require "spec.support.needs"
local rootfs <const> = require "sdme.rootfs"
local scratch <const> = require "spec.support.scratch"
local state <const> = require "sdme.store.state"
local store <const> = require "sdme.store"
local wait <const> = require "spec.support.wait"

describe("a layer", function()
    setup(needs.root)
    before_each(function()
        config.select { datadir = scratch.directory() }
        store.prepare()
    end)
    after_each(scratch.clean)

    -- The ids of some layers that nothing refers to.
    local function make(transaction, count)
        local ids <const> = {}
        for i = 1, count do
            local new <close> = transaction:new()
            ids[i] = transaction:add(new, {})
        end
        return ids
    end

    local function app(name, ...)
        return { name = name, layers = { ... }, config = {} }
    end

    local function all()
        local ids <const> = layer.list()
        table.sort(ids)
        return ids
    end

    it("that only an application of a rootfs is made of is no garbage", function()
        do
            local transaction <close> = layer.begin()
            local ids <const> = make(transaction, 3)
            rootfs.save("web", {
                layers = { ids[1] }, apps = { app("one", ids[2]), app("two", ids[3]) },
            }, transaction)
        end
        assert.same({ {}, 3 }, { layer.garbage(), #all() })
        rootfs.get("web"):remove()
        assert.same({}, all())
    end)

    it("that only an application of a container is made of is no garbage", function()
        local transaction <close> = layer.begin()
        local ids <const> = make(transaction, 3)
        assert(core.file.mkdir(store.path("containers", "web")))
        state.write(store.path("containers", "web", "state.json"),
            { settings = {}, layers = { ids[1] }, apps = { app("one", ids[2]) } })
        transaction:close()
        table.remove(ids)
        table.sort(ids)
        assert.same(ids, all())
    end)

    it("of the application of a rootfs that is replaced goes with it", function()
        local kept
        for _ = 1, 2 do
            local transaction <close> = layer.begin()
            kept = make(transaction, 2)
            rootfs.save("web", { layers = { kept[1] }, apps = { app("one", kept[2]) } },
                transaction)
        end
        table.sort(kept)
        assert.same(kept, all())
    end)

    local function mark(id)
        return store.path("layers", id, "unwritten")
    end

    local function boots(ids)
        local list <const> = {}
        for i, id in ipairs(ids) do
            list[i] = core.file.readlink(mark(id)) or "written"
        end
        return list
    end

    it("is said not to be on the disk until a rootfs refers to it", function()
        local transaction <close> = layer.begin()
        local ids <const> = make(transaction, 2)
        local boot <const> = assert(core.file.read "/proc/sys/kernel/random/boot_id"):gsub("%s", "")
        assert.same({ boot, boot }, boots(ids))
        rootfs.save("web", { layers = { ids[1] }, apps = { app("one", ids[2]) } }, transaction)
        assert.same({ "written", "written" }, boots(ids))
        assert.is_true(layer.exists(ids[1]) and layer.exists(ids[2]))
    end)

    it("is written out in the background where a new name waits for nothing", function()
        local transaction <close> = layer.begin()
        local ids <const> = make(transaction, 2)
        rootfs.save("web", { layers = ids }, transaction, { background = true })
        wait.until_equal("written written", function()
            return table.concat(boots(ids), " ")
        end)
    end)

    it("is on the disk before another one has to go for it", function()
        for _ = 1, 2 do
            local transaction <close> = layer.begin()
            local ids <const> = make(transaction, 1)
            local had <const> = rootfs.exists "web"
            rootfs.save("web", { layers = ids }, transaction, { background = had })
            assert.same({ "written" }, boots(ids))
        end
    end)

    it("that another boot of the host never wrote is lost, and made again", function()
        local ids
        do
            local transaction <close> = layer.begin()
            ids = make(transaction, 1)
            rootfs.save("web", { layers = ids }, transaction)
        end
        assert(core.file.symlink("another-boot", mark(ids[1])))
        assert.is_false(layer.exists(ids[1]))
        layer.write_out(ids)
        assert.is_false(layer.exists(ids[1]))
        local transaction <close> = layer.begin()
        assert.is_false(transaction:use(ids[1]))
        local new <close> = transaction:new()
        assert(core.file.write(new.tree .. "/file", "new"))
        assert.equal(ids[1], transaction:add(new, { id = ids[1] }))
        assert.is_true(layer.exists(ids[1]))
        assert.equal("new", core.file.read(layer.path(ids[1]) .. "/file"))
    end)
end)

describe("a state file", function()
    setup(needs.root)
    after_each(scratch.clean)

    it("is damaged where its applications aren't any", function()
        local path <const> = scratch.directory() .. "/state.json"
        local good <const> = { name = "web", layers = { "local-00" }, config = {} }
        state.write(path, { apps = { good } })
        assert.equal("web", state.read(path).apps[1].name)
        for key, wrong in pairs {
            name = { "../web", "", 1, false }, config = { 1, false },
            layers = { {}, { "../x" }, { 1 }, "local-00", false },
        } do
            for _, value in ipairs(wrong) do
                local bad <const> = {}
                for _, field in ipairs { "name", "layers", "config" } do
                    bad[field] = good[field]
                end
                bad[key] = value or nil
                state.write(path, { apps = { bad } })
                assert.error_matches(function() state.read(path) end, "its 'apps' is wrong")
            end
        end
        state.write(path, { apps = "web" })
        assert.error_matches(function() state.read(path) end, "its 'apps' is wrong")
    end)
end)
