-- SIGKILL of sdme at any moment leaves every root filesystem as it was or as it should become, no
-- layer changed, and nothing but what is unfinished, which the next command takes away.

local application <const> = require "spec.support.application"
local container <const> = require "sdme.container"
local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local killing <const> = require "spec.support.killing"
local pull <const> = require "sdme.store.pull"
local rootfs <const> = require "sdme.rootfs"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local settle <const> = require "sdme.container.settle"
local small <const> = require "spec.support.small_system"
local state <const> = require "sdme.store.state"
local task <const> = require "sdme.task"
local view <const> = require "sdme.view"
local wait <const> = require "spec.support.wait"
local web <const> = require "spec.support.web"

-- Random moments to kill at: of an import in all, whatever it is from, and of a replacement.
local KILLS <const> = tonumber(os.getenv "SDME_KILLS") or 100
local KINDS <const> = 4

-- Those of a command that does less, or takes longer.
local TIMES <const> = (KILLS + 9) // 10

-- An administrator's own family, whose package manager is a shell that takes its time.
local OWN <const> = "/etc/sdme/distro.d"
local FAMILY <const> = [[
    local INSTALL <const> = "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; echo made >/etc/mark"
    return {
        name = "Small", ids = { "small" }, systemd = { "/etc/mark" }, dbus = { "/etc/mark" },
        managers = { { program = "sh", install = { { "sh", "-c", INSTALL } } } },
    }]]

-- The layers that a rootfs or a container of the store is made of, with its applications; and those
-- that wait for the next try.
local function referred()
    local found <const> = {}
    local function add(inspected)
        for _, part in ipairs { inspected, table.unpack(inspected.apps or {}) } do
            for _, layer in ipairs(part.layers) do
                local id <const> = layer.id or layer
                assert.is_truthy(core.file.stat(sdme.datadir() .. "/layers/" .. id), id)
                found[id] = true
            end
        end
    end
    for _, list in ipairs { rootfs.list(), container.list() } do
        for _, one in ipairs(list) do
            add(one:inspect())
        end
    end
    for _, kept in ipairs(pull.list()) do
        for _, id in ipairs(kept.layers) do
            found[id] = true
        end
    end
    return found
end

-- What holds whatever was killed: `gc` finds nothing but the unfinished; layers are those that
-- there were `before`, or else `known` by their content; nothing is left on the host.
local function check_store(before, known, when)
    wait.until_equal("", small.at_work)
    wait.until_equal("", function()
        sdme.ok "ps" -- which takes away what the manager doesn't see the end of
        return small.steps()
    end)
    for _, found in ipairs(json.decode(sdme.ok("fs", "gc", "--json"))) do
        assert.equal("unfinished", found.kind, when)
    end
    assert.equal("", small.unfinished(), when)
    local names <const> = referred()
    for id, tree in pairs(small.trees()) do
        assert.is_true(names[id], when)
        assert.is_true(before[id] == tree or not before[id] and known[tree], when)
    end
end

describe("SIGKILL", function()
    local base, other, before

    setup(function()
        math.randomseed(os.time())
        sdme.select()
        small.mount() -- what SIGKILL leaves doesn't depend on a disk
    end)
    teardown(small.unmount)
    before_each(function()
        base, other = small.directory "base", small.directory "other"
        sdme.ok("fs", "import", base, "--name", "base", "--install-packages=no")
        sdme.ok("create", "-r", "base", "--name", "web")
        before = small.trees()
    end)
    after_each(function()
        sdme.ok("fs", "cache", "clean")
        sdme.clean_all()
    end)

    local function remove()
        if rootfs.exists "k" then
            sdme.ok("fs", "rm", "k")
        end
    end

    for what, make in pairs {
        ["an archive"] = small.archive, ["a directory"] = function(path) return path end,
        ["a qcow2"] = small.qcow2,
    } do
        it(("during fs import of %s leaves a whole rootfs or none"):format(what), function()
            local words <const> = { "fs", "import", make(other), "--name", "k",
                "--install-packages=no" }
            local known <const> = {}
            local seconds <const> = killing.measure(table.unpack(words))
            for id, tree in pairs(small.trees()) do
                known[tree] = not before[id] or nil
            end
            killing.everywhere(KILLS // KINDS, seconds, remove, function(when)
                check_store(before, known, when)
            end, table.unpack(words))
        end)
    end

    it("during fs import of a URL leaves a whole rootfs or none, and what came", function()
        local path <const> = small.archive(other)
        local server <const> = web.serve(([[
            local file <close> = assert(io.open(%q, "rb"))
            local body <const> = file:read "a"
            if request.headers["if-none-match"] then
                answer:whole(304, "")
            elseif request.headers.range then
                answer:range(request, body, 'ETag: "one"')
            else
                answer:head(200, ("Content-Length: %%d"):format(#body), 'ETag: "one"')
                for i = 1, #body, 65536 do
                    answer:send(body:sub(i, i + 65535))
                end
            end]]):format(path))
        local words <const> = { "fs", "import", server.url .. "/other.tar", "--name", "k",
            "--install-packages=no" }
        local seconds <const> = killing.measure(table.unpack(words))
        local known <const> = {}
        for id, tree in pairs(small.trees()) do
            known[tree] = not before[id] or nil
        end
        local prepared = 0
        killing.everywhere(KILLS // KINDS, seconds, function()
            remove()
            prepared = prepared + 1
            if prepared % 2 == 0 then
                sdme.ok("fs", "cache", "clean")
            end
        end, function(when)
            check_store(before, known, when)
        end, table.unpack(words))
        remove()
        sdme.ok(table.unpack(words))
        assert.is_true(known[small.trees()[small.inspect "k".layers[1].id]])
    end)

    it("during the download of a URL leaves what came to the next import", function()
        local path <const> = small.archive(other)
        local server <const> = web.serve(([[
            local file <close> = assert(io.open(%q, "rb"))
            local body <const> = file:read "a"
            if request.headers.range then
                return answer:range(request, body, 'ETag: "one"')
            end
            answer:head(200, ("Content-Length: %%d"):format(#body), 'ETag: "one"')
            answer:send(body:sub(1, 100000))
            answer:stall()]]):format(path))
        local words <const> = { "fs", "import", server.url .. "/other.tar", "--name", "k",
            "--install-packages=no" }
        do
            local process <close> = sdme.spawn(table.unpack(words))
            wait.until_equal("100000", function()
                return shell.run("cat %s/cache/url/*.part 2>/dev/null | wc -c", sdme.datadir())
            end)
            process:kill "KILL"
            task.await(process:wait())
        end
        check_store(before, {}, "while it comes")
        sdme.ok(table.unpack(words))
        local requests <const> = server:requests()
        assert.same({ 2, "bytes=100000-", '"one"' }, { #requests, requests[2].headers.range,
            requests[2].headers["if-range"] })
    end)

    it("while a package manager runs leaves a whole rootfs or what was unpacked", function()
        small.add_shell(other)
        assert(core.file.mkdir(OWN, { parents = true, mode = "0755" }))
        scratch.finally(function()
            shell.run("rm -rf %s", OWN)
        end)
        assert(core.file.write(OWN .. "/small.lua", FAMILY))
        local words <const> = { "fs", "import", small.archive(other), "--name", "k",
            "--install-packages=yes" }
        local seconds <const> = killing.measure(table.unpack(words))
        local known <const> = {}
        for id, tree in pairs(small.trees()) do
            known[tree] = not before[id] or nil
        end
        assert.equal(2, #small.inspect "k".layers)
        killing.everywhere(TIMES, seconds, remove, function(when)
            check_store(before, known, when)
        end, table.unpack(words))
    end)

    it("during fs import --force leaves the old one or the new one", function()
        local archives <const> = { small.archive(other), small.archive(base) }
        local words <const> = { "fs", "import", archives[2], "--name", "k", "--force",
            "--install-packages=no" }
        sdme.ok("fs", "import", archives[1], "--name", "k", "--install-packages=no")
        local known <const> = {}
        for _, tree in pairs(small.trees()) do
            known[tree] = true
        end
        killing.everywhere(KILLS, killing.measure(table.unpack(words)), function()
            sdme.ok("fs", "import", archives[1], "--name", "k", "--force", "--install-packages=no")
        end, function(when)
            check_store(before, known, when)
            assert.is_truthy(rootfs.read "k".layers[1])
        end, table.unpack(words))
    end)

    it("during fs rm leaves a whole rootfs or none", function()
        local archive <const> = small.archive(other)
        local function import()
            sdme.ok("fs", "import", archive, "--name", "k", "--force", "--install-packages=no")
        end
        import()
        local known <const> = {}
        for _, tree in pairs(small.trees()) do
            known[tree] = true
        end
        killing.everywhere(TIMES, killing.measure("fs", "rm", "k"), import, function(when)
            check_store(before, known, when)
        end, "fs", "rm", "k")
    end)

    it("during rm of a container leaves no layer that was only its own", function()
        local archive <const> = small.archive(other)
        local function create()
            sdme.run("rm", "k")
            sdme.ok("fs", "import", archive, "--name", "k", "--force", "--install-packages=no")
            sdme.ok("create", "-r", "k", "--name", "k")
            sdme.ok("fs", "rm", "--force", "k")
        end
        create()
        local known <const> = {}
        for _, tree in pairs(small.trees()) do
            known[tree] = true
        end
        killing.everywhere(TIMES, killing.measure("rm", "k"), create, function(when)
            check_store(before, known, when)
        end, "rm", "k")
    end)

    -- What a container has of its own and what is below it.
    local function assert_complete(name, when)
        local description <const> = settle.read(name)
        for _, app in ipairs { false, description.apps[1] } do
            local tree <close> = view.container(description, { app = app or nil })
            assert.equal("made\n", core.file.read("etc/made", { root = tree }), when)
            assert.is_false(core.file.exists("etc/shadow", { root = tree }), when)
            assert.is_true(core.file.exists("usr/lib/os-release", { root = tree }), when)
        end
    end

    local function create()
        sdme.run("rm", "k")
        remove()
        application.make("k", "base", { web = { cmd = { "sleep" } } })
        sdme.ok("create", "-r", "k", "--name", "k")
        sdme.ok("fs", "rm", "--force", "k")
        for _, part in ipairs { "", "/apps/web" } do
            local directory <const> = sdme.datadir() .. "/containers/k" .. part
            shell.run("mkdir -p %s/upper/etc %s/work", directory, directory)
            shell.run("echo made >%s/upper/etc/made && mknod %s/upper/etc/shadow c 0 0",
                directory, directory)
        end
    end

    -- The layers that a snapshot makes aren't told from others by their content.
    local any <const> = setmetatable({}, { __index = function() return true end })

    it("during snapshot leaves the container with its files, and a whole rootfs or none", function()
        create()
        killing.everywhere(TIMES, killing.measure("snapshot", "k", "k"), create, function(when)
            sdme.ok("fs", "gc")
            assert_complete("k", when)
            check_store(before, any, when)
        end, "snapshot", "k", "k")
    end)

    it("of what finishes a snapshot that was killed leaves it to the next command", function()
        local step, unfinished = 0, 0
        repeat
            step = step + 1
            create()
            local killed <const> = killing.at(step, "snapshot", "k", "k")
            if killed and state.container("k").snapshot then
                unfinished = unfinished + 1
                sdme.ok("fs", "gc")
                local again = 0
                repeat
                    again = again + 1
                until not killing.at(again, "set", "k", "--tasks", "100")
                assert_complete("k", step)
                check_store(before, any, step)
            end
        until not killed
        assert.is_true(unfinished > 3)
    end)
end)

describe("SIGKILL, with a Debian,", function()
    local before

    setup(function()
        sdme.select()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        before = small.trees()
    end)
    after_each(sdme.clean)
    teardown(sdme.clean_all)

    it("during fs import leaves a whole rootfs or none", function()
        local directory <const> = scratch.directory()
        local other <const> = directory .. "/debian.tar"
        shell.run("cp %s %s && touch %s/other && tar -C %s -rf %s other",
            debian.path "debian.tar", other, directory, directory, other)
        local seconds <const> = killing.measure("fs", "import", other, "--name", "k")
        local known <const> = {}
        for id, tree in pairs(small.trees()) do
            known[tree] = not before[id] or nil
        end
        for _ = 1, TIMES // 2 do
            sdme.ok("fs", "rm", "k")
            killing.within(seconds, "fs", "import", other, "--name", "k")
            check_store(before, known, "at a random moment")
            sdme.ok("fs", "import", other, "--name", "k", "--force")
        end
        sdme.ok("fs", "rm", "k")
    end)

    it("during snapshot leaves a container that starts, with its files", function()
        sdme.ok("create", "-r", "debian", "--name", "k", "--userns", "--started")
        sdme.ok("exec", "k", "sh", "-c", "echo made >/etc/made && rm /etc/debian_version")
        for step = 2, 11, 3 do
            sdme.ok("stop", "k", "--kill")
            killing.at(step, "snapshot", "k", "shot" .. step)
            sdme.ok("start", "k")
            assert.equal("made", sdme.ok("exec", "k", "sh", "-c",
                "cat /etc/made; test ! -e /etc/debian_version"))
        end
    end)

    it("during snapshot of a running container leaves it running", function()
        sdme.ok("create", "-r", "debian", "--name", "k", "--started")
        local step = 0
        repeat
            step = step + 1
            local killed <const> = killing.at(step, "snapshot", "k", "shot", "--force")
            local ran <const> = sdme.pipe("timeout 10", "exec", "k", "true")
            assert.equal(0, ran.status)
        until not killed
        assert.is_true(step > 10)
    end)
end)
