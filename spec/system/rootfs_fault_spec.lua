-- Whatever goes wrong with root filesystems is told in one clear line, and leaves the store usable.

local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local refused <const> = require "spec.support.refused"
local rootfs <const> = require "sdme.rootfs"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local small <const> = require "spec.support.small_system"
local task <const> = require "sdme.task"
local wait <const> = require "spec.support.wait"
local web <const> = require "spec.support.web"

local ZEROS <const> = "sha256:" .. ("0"):rep(64)

local function escape(text)
    return (text:gsub("%p", "%%%0"))
end

local function import(source, name, ...)
    return sdme.ok("fs", "import", source, "--name", name, "--install-packages=no", ...)
end

local function layer_of(name)
    return small.inspect(name).layers[1].id
end

local function path_of(name)
    return ("%s/fs/%s.json"):format(sdme.datadir(), name)
end

-- Runs commands side by side, and returns how each ended, and what they had to say of it.
local function together(...)
    local processes <const>, codes <const>, said <const> = {}, {}, {}
    for i, words in ipairs { ... } do
        processes[i] = sdme.spawn { stderr = "pipe", table.unpack(words) }
    end
    for i, process in ipairs(processes) do
        said[i] = task.await(core.stream.reader(process:stderr()))
        codes[i] = task.await(process:wait()).code
    end
    return codes, table.concat(said)
end

-- Runs commands side by side, all of which have to succeed.
local function succeed(...)
    local codes <const>, said <const> = together(...)
    for _, code in ipairs(codes) do
        assert.equal(0, code, said)
    end
end

-- That nothing is left but what there should be.
local function assert_clean()
    wait.until_equal("", small.at_work)
    assert.equal("", small.unfinished())
    assert.same({}, json.decode(sdme.ok("fs", "gc", "--json")))
end

describe("the commands for root filesystems", function()
    local directory

    setup(function()
        sdme.select()
        directory = small.directory "base"
        import(directory, "base")
    end)
    before_each(function()
        sdme.ok("create", "-r", "base", "--name", "web")
    end)
    after_each(function()
        sdme.run("rm", "--all", "--force")
    end)
    teardown(sdme.clean_all)

    for _, case in ipairs {
        { 2, '%-%-name: "Bad" is not a name .*', "fs", "import", "/", "--name", "Bad" },
        { 2, '%-%-name: "%.%./x" is not a name .*', "fs", "import", "/", "--name", "../x" },
        { 1, "there is no /nowhere", "fs", "import", "/nowhere" },
        { 1, "/dev/null is a character: .*", "fs", "import", "/dev/null" },
        { 2, "SOURCE is missing", "fs", "import" },
        { 2, "ftp://x/y: a URL begins with https:// or http://", "fs", "import", "ftp://x/y" },
        { 2, "%-%-install%-packages: expected auto, yes or no, not \"x\"", "fs", "import", "/x",
            "--install-packages=x" },
        { 2, "%-%-verify: .* is not a digest.*", "fs", "import", "/x", "--verify", "sha256:1" },
        { 2, "/usr is a directory, which has no digest to verify", "fs", "import", "/usr",
            "--verify", ZEROS },
        { 1, "a rootfs base exists", "fs", "import", "/usr", "--name", "base" },
        { 1, "there is no rootfs nowhere", "fs", "rm", "nowhere" },
        { 2, 'NAMES: "%.%." is not a name .*', "fs", "rm", ".." },
        { 1, "there is no rootfs nowhere", "fs", "inspect", "nowhere" },
        { 1, "there is no rootfs nowhere", "fs", "export", "fs:nowhere", "-" },
        { 2, "unexpected 'x'", "fs", "gc", "x" },
        { 1, "there is no rootfs nowhere", "create", "-r", "nowhere" },
        { 1, "there is no container nowhere", "snapshot", "nowhere", "x" },
        { 1, "a rootfs base exists", "snapshot", "web", "base" },
        { 2, 'FS: "A" is not a name .*', "snapshot", "web", "A" },
        { 2, "FS is missing", "snapshot", "web" },
    } do
        it("refuse " .. table.concat(case, " ", 3), function()
            refused.by(table.unpack(case))
            assert_clean()
        end)
    end

    for content, why in pairs {
        [""] = "line 1, column 1: .*", ['{"version":1,"lay'] = "line 1, column %d+: .*",
        ["\0\1"] = "line 1.*", ["[]"] = "it has no version",
        ['{"version":1}'] = "it has no layers", ['{"version":1,"layers":[]}'] = "it has no layers",
        ['{"version":1,"layers":"x"}'] = "its 'layers' is wrong",
        ['{"version":1,"layers":["local-1",{}]}'] = "its 'layers' is wrong",
        ['{"version":1,"layers":["../../x"]}'] = "its 'layers' is wrong",
        ['{"version":1,"layers":["local-1"],"os":3}'] = "its 'os' is wrong",
    } do
        it("name a rootfs whose file is damaged: " .. content, function()
            import(directory, "other")
            assert(core.file.write(path_of "bad", content))
            local line <const> = escape(path_of "bad") .. " is damaged: " .. why
            for _, words in ipairs {
                { "fs", "inspect", "bad" }, { "create", "-r", "bad" },
                { "fs", "export", "fs:bad", "-", "--fmt", "tar" },
            } do
                assert.equal("restore the file, or: sdme fs rm bad",
                    refused.by(1, line, table.unpack(words)))
            end
            assert.matches("\nbad +damaged .*\nbase +", sdme.ok("fs", "ls"))
            -- What is referred to is unknown: nothing goes, and what can be done is done.
            sdme.ok("fs", "rm", "other")
            if not why:find "no layers" then
                refused.by(1, line, "fs", "gc")
            end
            import(directory, "other")
            sdme.ok("fs", "rm", "bad")
            sdme.ok("fs", "rm", "other")
            sdme.ok("fs", "gc")
            assert.same({ [layer_of "base"] = true }, (function()
                local found <const> = {}
                for id in pairs(small.trees()) do
                    found[id] = true
                end
                return found
            end)())
        end)
    end

    it("leave a rootfs of a newer sdme alone", function()
        assert(core.file.write(path_of "bad", '{"version":99}'))
        assert.equal("update sdme", refused.by(1,
            ".*/fs/bad%.json has version 99, and this sdme knows versions up to 1",
            "create", "-r", "bad"))
        sdme.ok("fs", "rm", "bad")
    end)

    it("say which layer is missing, and what needs it", function()
        local id <const> = layer_of "base"
        local place <const> = sdme.datadir() .. "/layers/" .. id
        shell.run("mv %s %s/away", place, scratch.directory())
        scratch.clean()
        local line <const> = "the layer " .. escape(id) .. " is missing"
        assert.matches("\nweb +stopped +missing fs", sdme.ok "ps")
        refused.by(1, "start web: " .. line, "start", "web")
        refused.by(1, "snapshot web: " .. line, "snapshot", "web", "shot")
        refused.by(1, line, "set", "web", "--network-veth")
        refused.by(1, line, "create", "-r", "base", "--name", "more")
        refused.by(1, line, "fs", "export", "fs:base", "-", "--fmt", "tar")
        refused.by(1, line, "fs", "export", "web", "-", "--fmt", "tar")
        assert.same({ { id = id, missing = true } }, small.inspect("base").layers)
        sdme.ok("rm", "web")
        sdme.ok("fs", "rm", "base")
        assert_clean()
        directory = small.directory "base"
        import(directory, "base")
    end)

    it("bring a layer back whose tree was lost", function()
        local archive <const> = small.archive(directory)
        import(archive, "lost")
        local id <const> = layer_of "lost"
        shell.run("rm -r %s/layers/%s/tree", sdme.datadir(), id)
        import(archive, "lost", "--force")
        assert.is_nil(small.inspect("lost").layers[1].missing)
        sdme.ok("fs", "rm", "lost")
        assert_clean()
    end)

    it("show what is wrong with a layer's description, and do without it", function()
        local id <const> = layer_of "base"
        local path <const> = ("%s/layers/%s/layer.json"):format(sdme.datadir(), id)
        local content <const> = core.file.read(path)
        assert(core.file.write(path, '{"version":1,"si'))
        assert.matches("layer%.json is damaged: line 1, column",
            small.inspect("base").layers[1].problem)
        sdme.ok("create", "-r", "base", "--name", "more")
        assert(core.file.write(path, content))
        assert(core.file.symlink("12x", sdme.datadir() .. "/layers/" .. id .. "/base"))
        refused.by(1, ".*/base is damaged: '12x' is no id of a user", "create", "-r", "base")
        assert(core.file.remove(sdme.datadir() .. "/layers/" .. id .. "/base"))
    end)
end)

describe("a disk that is full", function()
    local base

    -- A data directory with few KiB for more than there is.
    before_each(function()
        small.mount("--bind " .. scratch.filesystem("ext4", "24M"))
        base = small.directory "base"
        import(base, "base")
        sdme.ok("create", "-r", "base", "--name", "web")
    end)
    after_each(function()
        sdme.run("rm", "--all", "--force")
        small.unmount()
        scratch.clean()
    end)

    local function leave(kibibytes)
        shell.run("cd %s && head -c $(($(stat -f -c '%%f * %%S' .) - 1024 * " .. kibibytes
            .. ")) /dev/zero >filler || true", sdme.datadir())
    end

    local function free()
        shell.run("rm -f %s/filler", sdme.datadir())
    end

    -- A small system and a file that doesn't fit.
    local function large()
        local directory <const> = small.directory "large"
        shell.run("head -c 30000000 /dev/urandom >%s/usr/lib/large", directory)
        return directory
    end

    local function serve(path)
        return web.serve(('answer:whole(200, io.open(%q, "rb"):read "a")'):format(path))
    end

    local function used()
        return tonumber(shell.run("df --output=used %s | tail -1", sdme.datadir()))
    end

    for what, make in pairs {
        ["an archive"] = small.archive, ["a directory"] = function(path) return path end,
        ["a qcow2"] = function(path) return small.qcow2(path, "64M") end,
        ["a URL"] = function(path) return serve(small.archive(path)).url .. "/large.tar" end,
    } do
        it(("is told by fs import of %s, and nothing is left"):format(what), function()
            local source <const>, before <const> = make(large()), used()
            refused.by(1, ".*: No space left on device", "fs", "import", source, "--name", "k",
                "--install-packages=no")
            assert_clean()
            assert.is_true(used() < before + 200)
            import(base, "k")
        end)
    end

    it("takes a download that fits, and what is in it once there is room", function()
        local directory <const> = small.directory "packed"
        shell.run("cd %s && head -c 3000000 /dev/urandom >part && for n in 1 2 3 4 5 6 7 8; do "
            .. "cat part; done >large && tar -c . | zstd -q --long=27 -o %s.tar", directory,
            directory)
        local server <const> = serve(directory .. ".tar")
        refused.by(1, ".*: No space left on device", "fs", "import", server.url .. "/x.tar",
            "--name", "k", "--install-packages=no")
        assert_clean()
        sdme.ok("rm", "--all", "--force")
        sdme.ok("fs", "rm", "base")
        shell.run("rm %s/part", directory) -- only that there is something else
        server:script 'answer:whole(304, "")'
        local copy <const> = scratch.filesystem("ext4", "64M")
        shell.run("cp -a %s/. %s", sdme.datadir(), copy)
        small.unmount()
        small.mount("--bind " .. copy)
        import(server.url .. "/x.tar", "k")
    end)

    -- Each of these comes to its end in another place.
    local ROOM <const> = { 0, 4, 8, 12, 16, 24, 32, 64, 128, 256, 1024 }

    -- A command either does it or says why not; and afterwards it does.
    local function try(words, after)
        local failed = 0
        for _, kibibytes in ipairs(ROOM) do
            leave(kibibytes)
            local result <const> = sdme.run(table.unpack(words))
            if result.status ~= 0 then
                local lines <const> = result.err:gsub("^unpacking [^\n]*\n", "")
                assert.matches("^sdme: [^\n]*: No space left on device\n$", lines)
                failed = failed + 1
            end
            free()
            after(result.status == 0)
            assert_clean()
        end
        assert.is_true(failed > 2 and failed < #ROOM)
    end

    it("doesn't keep a small import from being whole or not at all", function()
        local archive <const> = small.archive(small.directory "other")
        try({ "fs", "import", archive, "--name", "k", "--install-packages=no" }, function(done)
            assert.equal(done, rootfs.exists "k")
            import(archive, "k", "--force")
            sdme.ok("fs", "rm", "k")
        end)
    end)

    it("leaves a rootfs as it was when it can't be replaced", function()
        local archive <const> = small.archive(base)
        import(archive, "k")
        local old <const> = layer_of "k"
        try({ "fs", "import", small.directory "other", "--name", "k", "--force",
            "--install-packages=no" }, function(done)
                assert.equal(not done, layer_of "k" == old)
                import(archive, "k", "--force")
            end)
    end)

    it("doesn't keep anything from being removed", function()
        sdme.ok("fs", "import", small.archive(small.directory "other"), "--name", "k",
            "--install-packages=no")
        leave(0)
        sdme.ok("fs", "rm", "k")
        sdme.ok("rm", "web")
        sdme.ok("fs", "rm", "base")
        free()
        assert_clean()
    end)

    it("leaves a container whole when it can't be made into a rootfs", function()
        local made <const> = sdme.datadir() .. "/containers/web/upper/etc/made"
        assert(core.file.write(made, "made"))
        try({ "snapshot", "web", "shot" }, function()
            sdme.ok("set", "web", "--tasks", "100")
            if rootfs.exists "shot" then
                sdme.ok("fs", "rm", "shot")
            end
            local archive <const> = scratch.directory() .. "/web.tar"
            sdme.ok("fs", "export", "web", archive)
            assert.equal("made", shell.run("tar -xOf %s etc/made", archive))
        end)
    end)
end)

describe("a disk that is full, with a Debian,", function()
    setup(function()
        small.mount("--bind " .. scratch.filesystem("ext4", "320M"))
    end)
    teardown(function()
        sdme.run("rm", "--all", "--force")
        sdme.run("fs", "rm", "debian")
        small.unmount()
        scratch.clean()
    end)

    it("leaves a container running whose snapshot it has no room for", function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        sdme.ok("create", "-r", "debian", "--name", "web", "--started")
        sdme.ok("exec", "web", "sh", "-c", "head -c 80000000 /dev/zero >/root/large; sync")
        refused.by(1, ".*: No space left on device", "snapshot", "web", "shot")
        assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
        sdme.ok("rm", "--force", "web")
        assert_clean()
    end)
end)

describe("two commands on root filesystems", function()
    local archives <const> = {}

    setup(function()
        sdme.select()
        for i, word in ipairs { "one", "two" } do
            archives[i] = small.archive(small.directory(word))
        end
    end)
    after_each(function()
        sdme.run("rm", "--all", "--force")
        for _, name in ipairs(rootfs.names()) do
            sdme.ok("fs", "rm", name)
        end
        assert_clean()
        assert.same({}, core.file.list(sdme.datadir() .. "/layers"))
    end)
    teardown(sdme.clean_all)

    local TIMES <const> = 8

    local function import_words(source, name, ...)
        return { "fs", "import", source, "--name", name, "--install-packages=no", ... }
    end

    it("that make one of the same name: the second finds it made", function()
        for _ = 1, TIMES do
            local codes <const>, said <const> = together(import_words(archives[1], "k"),
                import_words(archives[2], "k"))
            table.sort(codes)
            assert.same({ 0, 1 }, codes, said)
            assert.equal(1, #small.inspect("k").layers)
            sdme.ok("fs", "rm", "k")
        end
    end)

    it("that replace the same one both do", function()
        for _ = 1, TIMES do
            succeed(import_words(archives[1], "k", "--force"),
                import_words(archives[2], "k", "--force"))
            assert.is_nil(small.inspect("k").layers[1].missing)
        end
    end)

    it("that make the same layer share it", function()
        for _ = 1, TIMES do
            succeed(import_words(archives[1], "a"), import_words(archives[1], "b"),
                import_words(archives[1], "c"))
            local id <const> = layer_of "a"
            assert.same({ id, id, [3] = id }, { layer_of "b", layer_of "c", id })
            -- The last one that has it takes it away; whoever makes it again meanwhile keeps it.
            succeed({ "fs", "rm", "a" }, { "fs", "rm", "b" }, { "fs", "rm", "c" },
                import_words(archives[1], "d"))
            assert.is_nil(small.inspect("d").layers[1].missing)
            sdme.ok("fs", "rm", "d")
        end
    end)

    it("of which one collects garbage keep what the other makes", function()
        for _ = 1, TIMES do
            succeed(import_words(archives[1], "a"), { "fs", "gc" },
                import_words(archives[2], "b"), { "fs", "gc" }, { "fs", "gc" })
            for _, name in ipairs { "a", "b" } do
                assert.is_nil(small.inspect(name).layers[1].missing)
                sdme.ok("fs", "rm", name)
            end
        end
    end)

    it("of which one makes a container of what the other takes away or replaces", function()
        for i = 1, TIMES do
            import(archives[1], "k", "--force")
            local codes <const>, said <const> = together({ "create", "-r", "k", "--name", "web" },
                i % 2 == 0 and { "fs", "rm", "--force", "k" }
                    or import_words(archives[2], "k", "--force"))
            assert.equal(0, codes[2], said)
            if codes[1] == 0 then
                assert.matches("\nweb +stopped +%-", sdme.ok "ps")
                sdme.ok("snapshot", "web", "shot")
                sdme.ok("fs", "rm", "shot")
                sdme.ok("rm", "web")
            else
                assert.equal(0, i % 2)
            end
        end
    end)
end)
