-- Pods that scripts describe: brought up, changed where they differ, and taken down.

local application <const> = require "spec.support.application"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local killing <const> = require "spec.support.killing"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

-- Writes a script that returns the definition of a pod, as a table's inside.
local function write(inside)
    local path <const> = scratch.directory() .. "/shop.lua"
    local file <close> = assert(io.open(path, "w"))
    assert(file:write('local sdme = require "sdme"\nreturn sdme.pod {\n    name = "shop",\n',
        inside, "\n}\n"))
    return path
end

local function run(inside)
    return sdme.run("run", write(inside))
end

local function up(inside)
    local result <const> = sdme.run("run", write(inside))
    assert.equal("shop\n", result.out, result.err)
end

-- What would be done: "create pod shop, create container shop-db".
local function plan(inside)
    local words <const> = {}
    for _, step in ipairs(json.decode(sdme.ok("run", "--dry-run", "--json", write(inside)))) do
        words[#words + 1] = ("%s %s%s"):format(step.action, step.name,
            step.why and " (" .. step.why .. ")" or "")
    end
    return table.concat(words, ", ")
end

local function clean()
    sdme.clean_pods()
    for name in sdme.run("__complete", "secret").out:gmatch "[^\n]+" do
        sdme.ok("secret", "rm", name)
    end
end

local function inode(name)
    return shell.run("stat -c %%i %s/containers/%s", sdme.datadir(), name)
end

local function boots(name)
    return shell.run("cat %s/containers/%s/invocation", sdme.datadir(), name)
end

local function unit_property(name, property)
    return shell.run("systemctl show --value --property %s sdme@%s.service", property, name)
end

describe("a pod that a script describes", function()
    after_each(clean)

    it("is brought up, found as it is, and taken down", function()
        local shop <const> = [[containers = {
            db = { memory = "256M", ready = { unit = "dbus.service" } },
            front = { after = { "db" }, ready = { exec = { "true" } } },
        }]]
        assert.equal("create shop, create shop-db, create shop-front", plan(shop))
        assert.equal("", sdme.ok("__complete", "pod"))
        up(shop)
        assert.matches("^::1 +db$", sdme.ok("exec", "shop-front", "getent", "hosts", "db"))
        assert.equal("keep shop-db, keep shop-front", plan(shop))
        local before <const> = boots "shop-db" .. boots "shop-front"
        up(shop)
        assert.equal(before, boots "shop-db" .. boots "shop-front")
        local inspected <const> = sdme.inspect_pod "shop"
        assert.equal(2, #inspected.containers)
        sdme.ok("pod", "rm", "shop")
        assert.equal("", sdme.ok("__complete", "container") .. sdme.ok("__complete", "pod"))
    end)

    it("is changed where it differs, and only there", function()
        up [[containers = { a = {}, b = { memory = "256M" }, c = {} }]]
        local a <const>, b <const> = boots "shop-a", boots "shop-b"
        local other <const> = [[containers = {
            a = {}, b = { memory = "300M" }, d = { enable = true },
        }]]
        assert.equal("keep shop-a, change shop-b (memory), create shop-d, "
            .. "remove shop-c (the definition hasn't got it)", plan(other))
        up(other)
        assert.equal(a .. b, boots "shop-a" .. boots "shop-b")
        assert.equal("keep shop-a, keep shop-b, keep shop-d", plan(other))
        assert.equal("shop-a\nshop-b\nshop-d", sdme.ok("__complete", "container"))
        local third <const> = [[containers = {
            a = { env = { TIER = "test" } }, b = { name = "base", memory = "300M" }, d = {},
        }]]
        local inodes <const> = inode "shop-a" .. inode "shop-b"
        assert.equal("restart shop-a (env), change base (it was called shop-b), "
            .. "change shop-d (it is not to start with the host)", plan(third))
        up(third)
        assert.not_equal(a, boots "shop-a")
        assert.equal(inodes, inode "shop-a" .. inode "base")
        assert.equal("keep shop-a, keep base, keep shop-d", plan(third))
        assert.equal("test\n", sdme.run("exec", "shop-a", "sh", "-c", "echo $TIER").out)
    end)

    it("has what was done to its containers undone", function()
        local shop <const> = [[containers = { a = {}, b = {} }]]
        up(shop)
        sdme.ok("stop", "shop-a")
        sdme.ok("set", "shop-b", "--env", "A=b")
        assert.equal("start shop-a, restart shop-b (env)", plan(shop))
        sdme.ok("set", "shop-b", "--env", "")
        assert.equal("start shop-a, restart shop-b (it was started before its settings changed)",
            plan(shop))
        up(shop)
        assert.equal("keep shop-a, keep shop-b", plan(shop))
        sdme.ok("rm", "--force", "shop-a")
        assert.equal("create shop-a, keep shop-b", plan(shop))
    end)

    it("starts each when those before it are ready", function()
        up [[containers = {
            server = { ready = { http = "http://127.0.0.1:8080/", timeout = 30, exec =
                "systemctl is-active -q web || systemd-run -q --unit web socat "
                .. "TCP-LISTEN:8080,fork,reuseaddr 'SYSTEM:echo HTTP/1.0 204 none; echo'",
            } },
            client = { after = { "server" }, ready = {
                exec = "socat -u TCP:127.0.0.1:8080 - | grep 204", timeout = 10,
            } },
        }]]
    end)

    it("starts them one after another with the host", function()
        up [[containers = {
            a = { enable = true, after = { "b" } }, b = { enable = true, after = "c" }, c = {},
        }]]
        sdme.ok("stop", "--all")
        sdme.ok("rename", "shop-b", "base")
        shell.run "systemctl start multi-user.target"
        assert.equal("inactive", unit_property("shop-c", "ActiveState"))
        local is_up <const> = unit_property("base", "ActiveEnterTimestampMonotonic")
        local begins <const> = unit_property("shop-a", "InactiveExitTimestampMonotonic")
        assert.is_true(tonumber(is_up) > 0 and tonumber(is_up) <= tonumber(begins))
        up [[containers = {
            a = { enable = true, after = { "c" } }, b = { name = "base" }, c = {},
        }]]
        assert.not_matches("base", unit_property("shop-a", "After"))
        assert.matches("sdme@shop%-c.service", unit_property("shop-a", "After"))
    end)

    it("tells which one isn't ready, and leaves the others", function()
        local result <const> = run [[containers = {
            a = {}, b = { ready = { tcp = 81, timeout = 1 } }, c = { after = "b" },
        }]]
        assert.equal(1, result.status)
        assert.matches("sdme: pod shop: b: shop%-b isn't ready after 1 seconds: "
            .. "connect: Connection refused\n  c: it comes after b, which failed\n"
            .. "hint: sdme logs shop%-b\n$", result.err)
        assert.equal("shop-a\nshop-b", sdme.ok("__complete", "container"))
        up [[containers = { a = {}, b = {}, c = { after = "b" } }]]
    end)

    it("is refused as a whole before anything is done", function()
        for pattern, inside in pairs {
            ["shop%.lua:2: sdme%.pod: container db: there is no setting 'memroy'\n"
                .. "hint: did you mean memory"] = [[containers = { db = { memroy = 1 } }]],
            ["shop%.lua:2: sdme%.pod: containers wait for each other: a after b after a"] =
                [[containers = { a = { after = "b" }, b = { after = "a" } }]],
            ["container b: there is no secret pg"] =
                [[containers = { a = {}, b = { secrets = "pg" } }]],
            ["there is no rootfs absent"] = [[containers = { a = {}, b = { fs = "absent" } }]],
        } do
            local result <const> = run(inside)
            assert.matches(pattern, result.err)
            assert.equal(1, select(2, result.err:gsub("sdme: ", "")))
            assert.equal("", sdme.ok("__complete", "container") .. sdme.ok("__complete", "pod"))
        end
        sdme.ok("create", "--name", "shop-a")
        assert.matches("container a: shop%-a exists, and is not of pod shop",
            run([[containers = { a = {} }]]).err)
    end)

    it("keeps containers of others", function()
        up [[containers = { a = {} }]]
        sdme.ok("create", "--name", "guest", "--pod", "shop")
        assert.matches("pod shop is in use: guest, shop%-a", sdme.run("pod", "rm", "shop").err)
        assert.equal("keep shop-a", plan [[containers = { a = {} }]])
        sdme.ok("pod", "rm", "--force", "shop")
        assert.equal("", sdme.ok("__complete", "container"))
    end)

    it("is attached to a network, and to another", function()
        assert.equal("create shop, attach shop (veth)", plan [[containers = {}, network = "veth"]])
        up [[containers = {}, network = "veth"]]
        up [[containers = {}, network = "veth"]]
        local other <const> = [[containers = {}, network = { zone = "blue" }]]
        assert.equal("detach shop (veth), attach shop (zone=blue)", plan(other))
        up(other)
        assert.equal("", plan(other))
    end)

    it("has ports of the host, and others", function()
        local function shop(port)
            return ([[ports = { "%d:8080" }, containers = { a = { ready = { tcp = 8080, exec =
                "systemctl is-active -q web || systemd-run -q --unit web socat "
                .. "TCP-LISTEN:8080,fork,reuseaddr SYSTEM:'echo hello'" } } }]]):format(port)
        end
        up(shop(8081))
        assert.equal("hello", shell.run "socat -u TCP:127.0.0.1:8081 -")
        assert.equal("keep shop-a", plan(shop(8081)))
        assert.equal("change shop (ports), keep shop-a", plan(shop(8082)))
        up(shop(8082))
        assert.equal("hello", shell.run "socat -u TCP:127.0.0.1:8082 -")
    end)

    it("is completed by the next run, whenever one is killed", function()
        local shop <const> = [[containers = { a = { env = { A = "%d" } }, b = { after = "a" } }]]
        for i, step in ipairs { 2, 6, 20, 30, 45 } do
            killing.at(step, "run", write(shop:format(i)))
            up(shop:format(i))
            assert.equal("keep shop-a, keep shop-b", plan(shop:format(i)))
        end
        for i, step in ipairs { 1, 3, 5 } do
            killing.at(step, "pod", "rm", "shop")
            up(shop:format(9 + i))
        end
        sdme.ok("pod", "rm", "shop")
        assert.equal("", sdme.traces())
    end)
end)

describe("applications of a pod that a script describes", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        application.make("service", "debian", { service = { cmd = { "sleep", "infinity" } } })
    end)
    teardown(sdme.clean_all)
    after_each(clean)

    local function inside(name, line)
        return sdme.run("exec", name, "--app", "--", "sh", "-c", line).out
    end

    it("share volumes, which outlive them", function()
        local shop <const> = [[containers = {
            a = { fs = "service", app_only = true, volumes = { data = "/data", etc = "/etc/apt" } },
            b = { fs = "service", volumes = { data = "/srv/data" }, userns = true },
            c = { fs = "debian", volumes = { data = "/data" } },
        }]]
        up(shop)
        inside("shop-a", "echo of a >/data/a")
        inside("shop-b", "echo of b >/srv/data/b")
        assert.equal("of a\nof b\n", inside("shop-b", "cat /srv/data/*"))
        assert.equal("of a\nof b\n", sdme.run("exec", "shop-c", "sh", "-c", "cat /data/*").out)
        assert.matches("sources.list", inside("shop-a", "ls /etc/apt"))
        assert.equal("keep shop-a, keep shop-b, keep shop-c", plan(shop))
        sdme.ok("pod", "rm", "shop")
        up(shop)
        assert.equal("of a\nof b\n", inside("shop-a", "cat /data/*"))
        assert.not_matches("volume", sdme.ok("prune", "--dry-run"))
        sdme.ok("pod", "rm", "shop")
        assert.matches("volume%s+@shop/data", sdme.ok("prune", "--dry-run"))
        sdme.ok("prune", "--force", "--except", "debian,service")
    end)

    it("have secrets, and are started again when these change", function()
        local shop <const> = [[containers = {
            a = { fs = "service", secrets = "pg", oci_env = { PASSWORD = sdme.secret "pg" } },
        }]]
        sdme.pipe("printf first |", "secret", "set", "pg")
        up(shop)
        assert.equal("first first", inside("shop-a", "echo -n $PASSWORD $(cat /run/secrets/pg)"))
        sdme.pipe("printf first |", "secret", "set", "pg")
        assert.equal("keep shop-a", plan(shop))
        sdme.pipe("printf second |", "secret", "set", "pg")
        assert.equal("restart shop-a (a secret has changed)", plan(shop))
        up(shop)
        assert.equal("second second", inside("shop-a", "echo -n $PASSWORD $(cat /run/secrets/pg)"))
    end)

    it("are made anew where they are made from something else", function()
        local shop <const> = [[containers = { a = { fs = "service" } }]]
        up(shop)
        application.change("service", { cmd = { "sleep", "1000" } })
        assert.equal("replace shop-a (its root filesystem has changed)", plan(shop))
        up(shop)
        assert.equal("keep shop-a", plan(shop))
        assert.equal("replace shop-a (userns is another)",
            plan [[containers = { a = { fs = "service", userns = true } }]])
        application.change("service", { cmd = { "sleep", "infinity" } })
    end)
end)
