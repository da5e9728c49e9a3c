-- The scripts in examples/, as their users run them, and what they leave: nothing.

local debian <const> = require "spec.support.debian"
local images <const> = require "spec.support.images"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

-- What a script prints; its progress on stderr isn't looked at.
local function run(name, ...)
    return sdme.ok("run", ("examples/%s.lua"):format(name), ...)
end

describe("the example", function()
    after_each(function()
        local left <const> = sdme.traces() .. sdme.ok("__complete", "rootfs")
        sdme.clean_all()
        assert.equal("", left)
    end)

    it("hello boots a clone and leaves the host as it was", function()
        local said <const> = run "hello"
        assert.matches("it says it is running\nits /etc/motd: hello from %S+\n", said)
        assert.matches("ours is untouched: true\ncontainers left: 0$", said)
    end)

    it("rootfs keeps what was done to an imported system", function()
        assert.matches("a container of the snapshot has: made by an example\n"
            .. "root filesystems left: 0$", run("rootfs", debian.path "debian.tar"))
    end)

    it("fleet shares work among clones", function()
        local said <const> = run("fleet", "3")
        assert.matches("worker%-1 found 87 primes\nworker%-2 found 1 primes\n", said)
        assert.matches("168 below a thousand$", said)
    end)

    it("fork has each experiment begin where the preparation ended", function()
        assert.equal("1: A /srv/data/chosen\n2: D /srv/data/numbers\n3: M /srv/data/numbers",
            run "fork")
    end)

    it("matrix tells which systems pass a test, and fails if one doesn't", function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        local passed <const> = sdme.run("run", "examples/matrix.lua", "debian", "--", "true")
        local failed <const> = sdme.run("run", "examples/matrix.lua", "debian", "absent", "--",
            "sh", "-c", "exit 3")
        sdme.ok("fs", "rm", "debian")
        assert.same({ 0, 1 }, { passed.status, failed.status })
        assert.matches("^ok +debian +Debian [^\n]+, status 0\n$", passed.out)
        assert.matches("^FAIL +debian +Debian [^\n]+, status 3\n"
            .. "FAIL +absent +there is no rootfs absent\n$", failed.out)
    end)

    it("rolling restarts one container after another", function()
        sdme.ok("create", "--name", "one", "--started")
        sdme.ok("create", "--name", "two", "--started")
        local said <const> = run("rolling", "one", "two")
        sdme.ok("rm", "--force", "one", "two")
        assert.matches("^one is back after %S+ s\ntwo is back after %S+ s$", said)
    end)

    it("pod brings up two servers, and finds them as they are the next time", function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        for _, name in ipairs { "redis", "nginx" } do
            sdme.ok("fs", "import", images.path(name), "--base-fs", "debian", "--name", name)
        end
        assert.matches("there is no secret token", sdme.run("run", "examples/pod.lua").err)
        sdme.pipe("printf s3cr3t |", "secret", "set", "token")
        local page <const> = shell.run "cat doc/man/sdme_pod.lua"
        local function assert_shown(path)
            assert.is_truthy(page:find(sdme.ok("run", "--dry-run", path), 1, true))
        end
        assert_shown "examples/pod.lua"
        assert.equal("shop", run "pod")
        local other <const> = scratch.directory() .. "/shop.lua"
        shell.run("sed s/512M/600M/ examples/pod.lua >%s", other)
        assert_shown(other)
        local front <const> = sdme.ok("exec", "shop-front", "--app", "--", "sh", "-c",
            "echo $TOKEN $(cat /sys/class/net/lo/ifindex)")
        assert.equal("s3cr3t 1", front)
        assert.equal("PONG", sdme.ok("exec", "shop-db", "--app", "--", "redis-cli", "ping"))
        local plan <const> = sdme.ok("run", "--dry-run", "examples/pod.lua")
        assert.matches("\nkeep +container +shop%-db +%-\nkeep +container +shop%-front +%-$", plan)
        sdme.ok("pod", "rm", "shop")
        sdme.ok("secret", "rm", "token")
        sdme.ok("fs", "rm", "redis", "nginx", "debian")
        sdme.ok("prune", "--force")
    end)

    it("session has a clone at hand, until it is left", function()
        local typed <const> = [[sh "echo a >/etc/made; hostname"\nchanges "/etc/made"\n]]
        local said <const> = sdme.pipe("printf " .. shell.quote(typed) .. " |", "repl", "-i",
            "examples/session.lua")
        assert.matches("^(%S+) is up: .-\n%1\n0\n{ \"A /etc/made\" }\n$", said.out)
    end)

    it("watch tells which containers come and go", function()
        sdme.ok("create", "--name", "one")
        local told <const> = sdme.pipe(([[sh -c '"$0" "$@" & sleep 1;
            "$0" start one && "$0" stop one && "$0" rm one; wait']]), "run", "examples/watch.lua",
            "8")
        assert.matches("^one came up\none is gone\n$", told.out)
    end)
end)
