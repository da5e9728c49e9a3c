-- Builds that go on together, that are done twice, and that are killed.

local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local killing <const> = require "spec.support.killing"
local recipe <const> = require "spec.support.recipe_file"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local small <const> = require "spec.support.small_system"
local wait <const> = require "spec.support.wait"

local KILLS <const> = (tonumber(os.getenv "SDME_KILLS") or 100) // 20

local function layers(name)
    local ids <const> = {}
    for i, layer in ipairs(small.inspect(name).layers) do
        ids[i] = layer.id
    end
    return ids
end

local function forget()
    for name in sdme.run("__complete", "rootfs").out:gmatch "[^\n]+" do
        if name ~= "base" then
            sdme.run("fs", "rm", "--force", name)
        end
    end
    sdme.ok("fs", "cache", "clean")
end

-- A system in which a shell runs, and nothing else.
local function import_base()
    local base <const> = small.directory "base"
    small.add_shell(base)
    sdme.ok("fs", "import", base, "--name", "base", "--install-packages=no")
    return base
end

describe("builds", function()
    local base

    setup(function()
        small.mount()
        base = import_base()
    end)
    teardown(function()
        sdme.clean_all()
        small.unmount()
    end)
    after_each(forget)

    it("build what several of them need once, and each of them from that", function()
        local path <const> = recipe.script [[
            local sdme <const> = require "sdme"
            local common <const> = sdme.recipe { name = "common", from = "base", build = function(b)
                b:run "echo common; echo common >/etc/common"
            end }
            local function make(name)
                return sdme.recipe { name = name, from = common, build = function(b)
                    b:run("read x </etc/common; echo $x " .. name .. " >/etc/own")
                end }
            end
            return { make "one", make "two", make "three" }]]
        local result <const> = sdme.run("run", path)
        assert.equal("one\ntwo\nthree\n", result.out, result.err)
        local _, times <const> = result.err:gsub("common 1 | common", "")
        assert.equal(1, times)
        assert.equal(layers("one")[2], layers("three")[2])
        assert.equal("common two\n", core.file.read(sdme.top_layer "two" .. "/etc/own"))
        assert.equal(1, sdme.run("fs", "inspect", "common").status) -- nobody asked for the name
    end)

    it("find each other by name, and say who is in a loop", function()
        local path = recipe.script [[
            local sdme <const> = require "sdme"
            local function make(name, from)
                return sdme.recipe { name = name, from = from, build = function(b)
                    b:write("/etc/" .. name, "")
                end }
            end
            return make("a", arg[1]), make("b", "c"), make("c", "base")]]
        assert.equal("a\nb\nc", sdme.ok("run", path, "b"))
        assert.equal(4, #layers "a")
        forget()
        path = recipe.script [[
            local sdme <const> = require "sdme"
            return sdme.recipe { name = "a", from = "b" }, sdme.recipe { name = "b", from = "c" },
                sdme.recipe { name = "c", from = "a" }]]
        assert.matches("^sdme: recipes need each other: (.) %-> . %-> . %-> %1\n",
            sdme.run("run", path).err)
        path = recipe.write("", { from = '"web"' })
        assert.matches("^sdme: recipes need each other: web %-> web\n", sdme.run("run", path).err)
        path = recipe.script [[
            local sdme <const> = require "sdme"
            local a
            a = sdme.recipe { name = "a", from = "base", build = function(b) b:use(a) end }
            return a]]
        assert.matches("recipe.lua:3: use: recipe a uses itself\n", sdme.run("run", path).err)
    end)

    it("use the steps of other recipes, which fail with their own lines", function()
        local directory <const> = scratch.directory()
        recipe.write('b:write("/etc/x", arg[1])\nif arg[2] then b:remove "/absent" end',
            { name = "other", path = directory .. "/other.lua" })
        local path <const> = recipe.write('b:use(require "other", arg)',
            { from = '"base"', path = directory .. "/web.lua" })
        sdme.ok("run", path, "first")
        assert.equal("first", core.file.read(sdme.top_layer "web" .. "/etc/x"))
        assert.matches("^.*sdme: web: step 2 %(.*/other.lua:4%): .*/absent", sdme.run("run", "-f",
            path, "first", "x").err)
    end)

    it("of one name wait for each other", function()
        local path <const> = recipe.write([[
            b:run "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo made >/etc/mark"]],
            { from = '"base"' })
        local first <close> = sdme.spawn("run", path)
        wait.until_true("the build has begun", function()
            return shell.succeeds("ls %s/locks/build-web", sdme.datadir())
        end)
        local second <const> = sdme.run("run", path)
        assert.equal("web\n", second.out)
        assert.is_nil(second.err:find("web 1:", 1, true))
        first:close()
    end)

    it("import what they begin with once, and again when it has changed", function()
        local path <const> =
            recipe.write('b:run "echo 1 >/etc/one"', { from = ("%q"):format(base) })
        sdme.ok("run", path)
        local before <const> = layers "web"
        assert.matches("^web: 1 steps", sdme.run("run", path).err)
        assert.same(before, layers "web")
        shell.run("echo changed >%s/etc/new", base)
        sdme.ok("run", "-f", path)
        assert.not_equal(before[1], layers("web")[1])
        assert.matches("\nbase +[%d.]+ %a+ +complete +" .. base:gsub("%W", "%%%0"),
            sdme.ok("fs", "cache", "ls"))
    end)

    it("begin with nothing, too", function()
        sdme.ok("run", recipe.write('b:write("/etc/one", "1")', { from = '"scratch"' }))
        local found <const> = small.inspect "web"
        assert.equal(2, #found.layers)
        assert.is_false(found.systemd)
        assert.same({ "write", "/etc/one" }, { found.history[1].kind, found.history[1].what })
        assert.is_number(found.history[1].seconds)
    end)

    it("say in one line that the disk is full, and leave nothing", function()
        small.mount "-t tmpfs -o size=6m tmpfs"
        import_base()
        local result <const> = sdme.run("run", recipe.write([[
            b:run "echo 1 >/etc/one"
            b:write("/etc/large", ("x"):rep(16 << 20))]], { from = '"base"' }))
        assert.matches("\nsdme: web: step 2 %b(): [^\n]*No space left on device\nhint: [^\n]*@1 "
            .. "[^\n]*\n$", result.err)
        assert.equal("", small.unfinished())
        small.unmount()
    end)

    it("that are killed keep what is finished, and leave nothing half-made", function()
        local path <const> = recipe.write([[
            b:run "echo 1 >/etc/one"
            b:write("/etc/two", "2")
            b:run "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo 3 >/etc/three"
            b:env("FOUR", "4")
            b:remove "/etc/one"]], { from = '"base"' })
        local words <const> = { "fs", "build", "web", path }
        local seconds <const> = killing.measure(table.unpack(words))
        local whole <const>, trees <const> = layers "web", small.trees()
        killing.everywhere(KILLS, seconds, forget, function(when)
            wait.until_equal("", small.at_work)
            wait.until_equal("", small.steps)
            for _, found in ipairs(json.decode(sdme.ok("fs", "gc", "--json"))) do
                assert.equal("unfinished", found.kind, when)
            end
            assert.equal("", small.unfinished(), when)
            local known <const> = {}
            for _, id in ipairs(whole) do
                known[id] = true
            end
            for id in pairs(small.trees()) do
                assert.is_true(known[id], when)
            end
            sdme.ok(table.unpack(words)) -- goes on with what is there
            assert.same(whole, layers "web", when)
            assert.equal(trees[whole[1]], small.trees()[whole[1]])
        end, table.unpack(words))
    end)
end)

describe("a build with SOURCE_DATE_EPOCH", function()
    local EPOCH <const> = "SOURCE_DATE_EPOCH=1700000000"

    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "base")
    end)
    teardown(sdme.clean_all)
    after_each(forget)

    it("gives the same bytes for the same inputs", function()
        local path <const> = recipe.write([[
            b:run { "sh", "-c", "dpkg-query -W >/etc/packages; "
                .. "tar -C /etc --mtime=@$SOURCE_DATE_EPOCH"
                .. " --sort=name -cf /root/etc.tar .;"
                .. "ldconfig; useradd -m someone; mkdir -p /srv/a/b && ln -s a /srv/c &&"
                .. "ln /etc/packages /srv/d; rm /etc/motd" }
            b:write("/srv/new/motd", "hello", { owner = "someone" })
            b:enable "systemd-networkd"
            b:run "touch -d @1600000000 /srv/old; echo $SOURCE_DATE_EPOCH >/srv/epoch"]],
            { from = '"base"' })
        local digests <const> = {}
        for i = 1, 2 do
            local made <const> = sdme.pipe(EPOCH, "fs", "build", "web", path)
            assert.equal(0, made.status, made.err)
            local archive <const> = scratch.directory() .. "/web.tar"
            local list <const> = {}
            for _, id in ipairs(layers "web") do
                -- But for what overlayfs notes for itself, such as which inodes it has copied.
                shell.run("tar -C %s/layers/%s/tree --sort=name --xattrs "
                    .. "--xattrs-exclude=trusted.overlay.* "
                    .. "--pax-option=exthdr.name=%%d/%%f,delete=atime,delete=ctime -cf %s .",
                    sdme.datadir(), id, archive)
                list[#list + 1] = shell.run("sha256sum <%s", archive)
            end
            digests[i] = list
            core.poll.wait({}, 1.1)
            forget()
        end
        assert.equal(5, #digests[1])
        assert.same(digests[1], digests[2])
    end)
end)
