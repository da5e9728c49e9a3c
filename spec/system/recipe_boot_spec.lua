-- Steps that boot what a recipe has made.

local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local recipe <const> = require "spec.support.recipe"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local wait <const> = require "spec.support.wait"

local file <const> = core.file

local DEBIAN <const> = { from = '"debian"' }

describe("a step that boots", function()
    local dir

    setup(function()
        sdme.select()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(sdme.clean_all)

    before_each(function()
        dir = recipe.directory()
    end)
    after_each(sdme.clean)

    -- What the last step's layer has, but for directories.
    local function layer()
        return shell.run("cd %s && find . ! -type d -printf '%%P %%y %%u:%%g %%m\\n' | sort",
            sdme.top_layer "web")
    end

    local function fails(steps, ...)
        local result <const> = recipe.run(dir, steps, DEBIAN, ...)
        assert.not_equal(0, result.status)
        return result.err
    end

    local function leftovers()
        return sdme.traces():gsub("[^\n]*/staging/?\n?", "")
    end

    it("has a function work in a guest, and keeps what changed", function()
        recipe.build(dir, [[
            b:write("/srv/before", "1")
            b:boot(function(c)
                local said = c:exec { "sh", "-c", "systemctl is-system-running; cat /srv/before; "
                    .. "echo done > /srv/after; chown 7:8 /srv/after; rm /srv/before" }
                assert(said.stdout == "running\n1", said.stdout)
                c:exec { "systemctl", "disable", "apt-daily.timer", check = true }
            end)
            assert(b:read "/srv/after" == "done\n" and not b:exists "/srv/before")
            assert(b:stat("/srv/after").uid == 7)
            assert(not b:exists "/etc/systemd/system/timers.target.wants/apt-daily.timer")]],
            DEBIAN)
        assert.equal("", leftovers())
    end)

    it("leaves nothing of the guest in the layer", function()
        recipe.build(dir, [[b:boot(function(c)
            c:exec { "sh", "-c", "logger something; hostname; touch /srv/x", check = true }
        end)]], DEBIAN)
        assert.equal("srv/x f root:root 644\nvar/lib/dbus/machine-id l root:root 777", layer())
        local root <close> = recipe.open()
        assert.equal("", file.read("/etc/machine-id", { root = root }) or "")
        assert.is_nil(file.readlink("/etc/systemd/system/systemd-resolved.service",
            { root = root }))
    end)

    it("isn't done again where nothing has changed, and keeps quiet then", function()
        local steps <const> = [[
            local word = "a"
            b:boot(function(c) c:exec { "sh", "-c", "echo " .. word .. " > /srv/x" } end)]]
        recipe.build(dir, steps, DEBIAN)
        assert.matches("web 1: boot [^\n]*: found", recipe.build(dir, steps, DEBIAN, "--why"))
        -- Neither its line nor the names of its variables matter, but their values do.
        local renamed <const> = "\n\n" .. steps:gsub("word", "renamed")
        assert.matches("boot [^\n]*: found", recipe.build(dir, renamed, DEBIAN, "--why"))
        assert.matches("changed: code",
            recipe.build(dir, steps:gsub('"a"', '"b"'), DEBIAN, "--why"))
        assert.equal("b\n", recipe.read "/srv/x")
    end)

    it("is told by a key instead of the code", function()
        local steps <const> =
            [[b:boot(function(c) c:exec { "touch", "/srv/%s" } end, { key = "%s" })]]
        recipe.build(dir, steps:format("a", "one"), DEBIAN)
        recipe.build(dir, steps:format("b", "one"), DEBIAN)
        assert.equal("", recipe.read "/srv/a")
        recipe.build(dir, steps:format("b", "two"), DEBIAN)
        assert.equal("", recipe.read "/srv/b")
    end)

    it("takes settings of the guest, which count", function()
        recipe.build(dir, [[b:boot(function(c)
            local env = c:exec { "sh", "-c", "echo $WORD" }
            assert(env.stdout == "hello\n", env.stdout)
            local links = c:exec { "ls", "/sys/class/net" }
            assert(links.stdout == "lo\n", links.stdout)
        end, { env = { WORD = "hello" }, timeout = 60 })]], DEBIAN)
    end)

    it("can be pushed to, and read from", function()
        assert(file.write(dir .. "/in", "pushed"))
        recipe.build(dir, ([[b:boot(function(c)
            c:push("%s/in", "/srv/in")
            assert(c:exec({ "cat", "/srv/in" }).stdout == "pushed")
            c:exec { "sh", "-c", "echo out > /srv/out" }
            c:pull("/srv/out", "%s/out")
        end)]]):format(dir, dir), DEBIAN)
        assert.equal("out\n", shell.run("cat %s/out", dir) .. "\n")
    end)

    it("boots after other steps, and before others, in one build", function()
        recipe.build(dir, [[
            b:boot(function(c) c:exec { "touch", "/srv/1" } end)
            b:run "touch /srv/2"
            b:boot(function(c) c:exec { "sh", "-c", "ls /srv > /srv/list" } end)]], DEBIAN)
        assert.equal("1\n2\nlist\n", recipe.read "/srv/list")
    end)

    it("gives equal layers for equal work with SOURCE_DATE_EPOCH", function()
        local digests <const> = {}
        for i = 1, 2 do
            recipe.write(dir, [[b:boot(function(c) c:exec { "touch", "/srv/x" } end)]], DEBIAN)
            local result <const> = sdme.pipe("SOURCE_DATE_EPOCH=1700000000 </dev/null", "fs",
                "build", "web", dir .. "/web.lua", "-f", "--no-cache")
            assert.equal(0, result.status, result.err)
            digests[i] = shell.run("tar -C %s --sort=name -cf - . | sha256sum",
                sdme.top_layer "web")
        end
        assert.equal(digests[1], digests[2])
    end)

    describe("that fails", function()
        it("names the line of the function, and shows the guest's last lines", function()
            local said <const> = fails [[b:boot(function(c)
    c:exec { "sh", "-c", "systemd-cat echo the last words" }
    c:exec { "false", check = true }
end)]]
            assert.matches("sdme: [^\n]*web%.lua:5?[^\n]*false in build%-%x+ ended with status 1",
                said)
            assert.matches("the last words", said)
            assert.equal("", leftovers())
        end)

        it("tells a mistake in the function from a failure in the guest", function()
            local said <const> = fails [[b:boot(function(c)
    local x = nil
    return x.y
end)]]
            assert.matches("web%.lua:5: attempt to index a nil value %(local 'x'%)", said)
            assert.is_nil(said:match "stack traceback")
            assert.equal("", leftovers())
        end)

        it("keeps the steps before it", function()
            fails [[b:write("/srv/x", "x") b:boot(function() error "no" end)]]
            assert.matches("web 1: write [^\n]*: found",
                recipe.build(dir, [[b:write("/srv/x", "x")]], DEBIAN, "--why"))
        end)

        it("says why a guest didn't boot", function()
            local said <const> = fails [[
                b:run "ln -sf /bin/false /usr/lib/systemd/systemd; ln -sf /bin/false /sbin/init"
                b:boot(function() end)]]
            assert.matches("sdme: [^\n]*start build%-%x+: ", said)
            assert.equal("", leftovers())
        end)

        it("says what a guest without systemd lacks", function()
            local result <const> = recipe.run(dir, [[b:boot(function() end)]])
            assert.equal(1, result.status)
            assert.equal("", leftovers())
        end)
    end)

    local MISUSE <const> = {
        { "b:boot()", "boot: expected a function, not a nil" },
        { "b:boot(function() end, 1)", "boot: expected a table of options, not a number" },
        { "b:boot(function() end, { key = 1 })", "boot: 'key' is a text" },
        { "b:boot(function() end, { name = 'x' })", "boot has no option 'name'" },
        { "b:boot(function() end, { userns = true })", "boot has no option 'userns'" },
        { "b:boot(function() end, { nonsense = 1 })", "nonsense" },
        { "b:boot(function() end, { memory = 'x' })", "memory" },
    }
    for _, one in ipairs(MISUSE) do
        it("refuses " .. one[1], function()
            local result <const> = recipe.run(dir, one[1])
            assert.equal(2, result.status)
            assert.matches("web%.lua:3: [^\n]*" .. one[2]:gsub("%p", "%%%0"), result.err)
        end)
    end

    describe("that is killed", function()
        local function guest()
            return sdme.ok("ps"):match "\n(build%-%x+)"
        end

        local function start()
            recipe.write(dir, [[b:write("/srv/done", "x")
                b:boot(function(c) c:exec { "sleep", "1000" } end)]], DEBIAN)
            local build <const> = sdme.spawn("fs", "build", "web", dir .. "/web.lua", "-f")
            wait.until_true("the guest is up", function()
                local name <const> = guest()
                return name and sdme.run("exec", name, "--", "pidof", "sleep").status == 0
            end)
            return build
        end

        local function kill(build)
            build:kill "KILL"
            task.await(build:wait())
            wait.until_true("the guest is gone", function()
                return guest() == nil
            end)
        end

        it("is shown by ps as what it is", function()
            local build <close> = start()
            assert.matches("build%-%x+ +running +ok +Debian[^\n]* build of web", sdme.ok "ps")
            kill(build)
        end)

        it("leaves a guest that the next command takes away", function()
            local build <close> = start()
            kill(build)
            assert.equal("", leftovers())
            assert.matches("web 1: write [^\n]*: found",
                recipe.build(dir, [[b:write("/srv/done", "x")]], DEBIAN, "--why"))
        end)

        it("stops the guest when it is interrupted", function()
            local build <close> = start()
            build:kill "INT"
            assert.equal(130, assert(task.await(build:wait())).code)
            assert.equal("", leftovers())
        end)

        it("leaves nothing for good, whenever that is", function()
            for tenths = 1, 25, 6 do
                recipe.write(dir, [[b:boot(function(c) c:exec { "touch", "/srv/x" } end)]], DEBIAN)
                local build <close> = sdme.spawn("fs", "build", "web", dir .. "/web.lua", "-f",
                    "--no-cache")
                core.poll.wait({}, tenths / 10)
                kill(build)
                assert.equal("", leftovers())
            end
        end)
    end)
end)
