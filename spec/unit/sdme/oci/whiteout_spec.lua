-- What layers of images hide of those below them, up to what a container sees (layer.md of the OCI
-- image-spec, "Whiteouts").

local config <const> = require "sdme.config"
local core <const> = require "sdme.core"
local hostile <const> = require "spec.support.hostile_tar"
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
local view <const> = require "sdme.view"

local function entry(name)
    local link <const>, target <const> = name:match "^(.*) %-> (.*)$"
    if link then
        return { name = link, type = "2", link = target }
    end
    local is_directory <const> = name:find "/$"
    return { name = name, type = is_directory and "5" or "0", data = is_directory and "" or name }
end

-- A layer of entries: names, of directories with a slash at the end, or tables.
local function layer_of(names)
    local entries <const> = {}
    for i, name in ipairs(names) do
        entries[i] = type(name) == "table" and name or entry(name)
    end
    return image.layer(tar.archive(table.unpack(entries)), "none")
end

-- Stacks of layers, and all paths that are to be seen then.
local CASES <const> = {
    { "a whiteout hides a file, and a directory with all in it",
        { "a", "b", "d/", "d/x" }, { ".wh.a", ".wh.d" }, shows = "b" },
    { "a whiteout in a directory hides what that has",
        { "d/", "d/x", "d/y" }, { "d/", "d/.wh.x" }, shows = "d d/y" },
    { "a whiteout in a directory that the layer doesn't mention does too",
        { "d/", "d/x", "d/y" }, { "d/.wh.x" }, shows = "d d/y" },
    { "an opaque mark before its layer's entries hides what is below, and not them",
        { "d/", "d/x", "d/s/", "d/s/z" }, { "d/", "d/.wh..wh..opq", "d/y" }, shows = "d d/y" },
    { "an opaque mark behind its layer's entries does the same",
        { "d/", "d/x", "d/s/", "d/s/z" }, { "d/", "d/y", "d/.wh..wh..opq" }, shows = "d d/y" },
    { "an opaque mark before the directory itself does the same",
        { "d/", "d/x" }, { "d/.wh..wh..opq", "d/", "d/y" }, shows = "d d/y" },
    { "an opaque top hides all",
        { "a", "d/", "d/x" }, { "b", ".wh..wh..opq" }, { "c" }, shows = "b c" },
    { "an opaque mark of the lowest layer hides nothing",
        { ".wh..wh..opq", "a", "d/.wh..wh..opq", "d/x" }, { "b" }, shows = "a b d d/x" },
    { "a whiteout of what its own layer has, before or behind it, leaves that",
        { "a", "b", "d/", "d/x" },
        { ".wh.a", "a", "b", ".wh.b", "d/", "d/y", ".wh.d" }, shows = "a b d d/y" },
    { "a directory that a layer removes and another makes again has only what is new",
        { "d/", "d/x" }, { ".wh.d" }, { "d/", "d/y" }, shows = "d d/y" },
    { "a file where a directory was hides what that had",
        { "d/", "d/x" }, { "d" }, { "d/", "d/y" }, shows = "d d/y" },
    { "a whiteout of nothing shows nothing",
        { "a" }, { ".wh.b", "d/", "d/.wh.x" }, shows = "a d" },
    { "a whiteout of nothing in a directory that is new shows nothing",
        { "a" }, { "d/", "d/.wh.x", "d/y" }, { "b" }, shows = "a b d d/y" },
    { "a whiteout in the lowest layer shows nothing",
        { "a", ".wh.b", "d/", "d/.wh.x" }, { "c" }, shows = "a c d" },
    { "a whiteout in the only layer shows nothing",
        { "a", ".wh.b", "d/", "d/.wh.x" }, shows = "a d" },
    { "a whiteout may be a hard link, as AUFS has them",
        { "a", "b" }, { { name = ".wh..wh.aufs", data = "" },
            { name = ".wh.a", type = "1", link = ".wh..wh.aufs" } }, shows = "b" },
    { "a whiteout may have content, or be a link to nowhere",
        { "a", "b", "c" }, { { name = ".wh.a", data = ("x"):rep(2000) }, ".wh.b -> /nowhere" },
        shows = "c" },
    { "what AUFS keeps for itself is left out",
        { "a" }, { ".wh..wh.aufs", ".wh..wh.orph/", ".wh..wh.plnk/", ".wh..wh.plnk/1.2",
            "b" }, shows = "a b" },
    { "a whiteout below a symlink of its own layer removes nothing of what that leads to",
        { "d/", "d/x" }, { "l -> d", "l/.wh.x" }, shows = "d d/x l" },
    { "a whiteout below a symlink of a lower layer removes nothing of what that leads to",
        { "d/", "d/x", "l -> d" }, { "l/.wh.x" }, shows = "d d/x l" },
    { "a whiteout of a symlink leaves what it leads to",
        { "d/", "d/x", "l -> d" }, { ".wh.l" }, shows = "d d/x" },
    { "whiteouts in several layers add up",
        { "a", "b", "c" }, { ".wh.a" }, { ".wh.b", "a" }, { ".wh.a" }, shows = "c" },
}

describe("of an image's layers", function()
    setup(needs.root)
    before_each(function()
        config.select { datadir = scratch.filesystem("ext4", "64M") }
        store.prepare()
    end)
    after_each(scratch.clean)

    local function run(layers)
        local transaction <close> = layer.begin()
        local quiet <close> = progress.new { quiet = true }
        local ids <const> = pull.layers(image.new("some", layers),
            { transaction = transaction, progress = quiet })
        rootfs.save("some", { layers = ids }, transaction)
        return view.stack(ids)
    end

    -- All that can be listed, and that it is there.
    local function shown(tree)
        return shell.run([[cd %s && LC_ALL=C find . -mindepth 1 -ls >/dev/null &&
            find . -mindepth 1 -printf '%%P\n' | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//']],
            ("/proc/%s/fd/%d"):format(shell.run "echo $PPID", tree:fileno()))
    end

    for _, case in ipairs(CASES) do
        it(case[1], function()
            local layers <const> = {}
            for i = 2, #case do
                layers[i - 1] = layer_of(case[i])
            end
            local tree <close> = run(layers)
            assert.equal(case.shows, shown(tree))
        end)
    end

    -- The mode and owner of a directory.
    local function looks(tree, path)
        local stat <const> = assert(core.file.stat(path, { root = tree }))
        return ("%04o %d %d"):format(stat.mode, stat.uid, stat.gid)
    end

    local TMP <const> = { name = "tmp/", type = "5", mode = 1023 }
    local HOME <const> = { name = "home/a/", type = "5", mode = 448, uid = 7, gid = 8 }

    it("directories without an entry are as the layers below have them", function()
        local tree <close> = run {
            layer_of { TMP, HOME }, layer_of { "tmp/x", "home/a/b/x" },
            layer_of { "tmp/y", ".wh.none" },
        }
        assert.equal("1777 0 0", looks(tree, "tmp"))
        assert.equal("0700 7 8", looks(tree, "home/a"))
        assert.equal("0755 0 0", looks(tree, "home/a/b"))
        assert.equal("home home/a home/a/b home/a/b/x tmp tmp/x tmp/y", shown(tree))
    end)

    it("directories that a later layer has an entry about are as that says", function()
        local tree <close> = run {
            layer_of { TMP, HOME }, layer_of { "tmp/x", "home/a/x" },
            layer_of { { name = "tmp/", type = "5", mode = 493, gid = 9 } },
            layer_of { "home/a/y", HOME, ".wh.tmp" }, layer_of { "tmp/z" },
        }
        assert.equal("0755 0 0", looks(tree, "tmp"))
        assert.equal("0700 7 8", looks(tree, "home/a"))
        assert.equal("home home/a home/a/x home/a/y tmp tmp/z", shown(tree))
    end)

    it("one without zeros at its end is taken: its digest says that it is whole", function()
        local tree <close> = run { image.layer(tar.entry { name = "x" }, "none") }
        assert.equal("x", shown(tree))
    end)

    it("a whiteout reaches nothing outside", function()
        local outside <const> = scratch.directory()
        assert(core.file.write(outside .. "/x", "x"))
        local _ <close> = run { layer_of { "l -> " .. outside }, layer_of {
            "l/.wh.x", "m -> " .. outside, "m/.wh.x", "n -> " .. outside, "n/.wh..wh..opq",
        } }
        assert.same({ "x" }, core.file.list(outside))
        assert.is_nil(core.file.get_attribute(outside, "trusted.overlay.opaque"))
    end)

    local function refusal(bytes)
        local one <const> = image.layer(bytes, "none")
        local fine <const>, why <const> = pcall(run, { layer_of { "a" }, one })
        assert.is_false(fine)
        assert.is_false(layer.exists(layer.id_of(one.diff_id)))
        assert.same({}, (core.file.list(store.path "staging")))
        assert.is_truthy(why.message:find("some: layer " .. one.digest .. ": ", 1, true))
        assert.not_matches("\n", why.message)
        return why
    end

    for name, case in pairs(hostile.BROKEN) do
        it("one with " .. name .. " is refused, and nothing of it stays", function()
            local why <const> = refusal(case[1])
            assert.equal(case[2], why.code)
        end)
    end

    for name, why in pairs(hostile.WHITEOUTS) do
        it("one with the whiteout " .. name .. " is refused", function()
            local found <const> = refusal(tar.archive { name = name, data = "" })
            assert.is_truthy(found.message:find(why, 1, true), found.message)
        end)
    end
end)
