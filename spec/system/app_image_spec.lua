-- Images of servers that people run, and clients that speak to them.

local application <const> = require "spec.support.application"
local debian <const> = require "spec.support.debian"
local images <const> = require "spec.support.images"
local json <const> = require "sdme.json"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

-- What a server answers on a port of the host.
local function ask(port, request)
    return shell.run("printf %s | nc -w 5 -N 127.0.0.1 %s; true", request, tostring(port))
end

local function await_answer(expected, port, request)
    wait.until_true(expected, function()
        return ask(port, request):find(expected, 1, true)
    end)
end

local function inside(name, ...)
    return sdme.run("exec", name, "--app", "--", ...)
end

-- What each is asked from the host, and by its own client.
local SERVERS <const> = {
    nginx = function()
        await_answer("HTTP/1.1 200 OK", 80, [[GET / HTTP/1.0\r\n\r\n]])
        assert.matches("syntax is ok", inside("nginx", "nginx", "-t").err)
        wait.until_true("its log", function()
            return sdme.ok("logs", "nginx", "--app"):find '"GET / HTTP/1.0" 200'
        end)
    end,
    redis = function()
        await_answer("+PONG", 6379, [[PING\r\n]])
        assert.equal("OK\n", inside("redis", "redis-cli", "set", "name", "value").out)
        await_answer("value", 6379, [[GET name\r\nQUIT\r\n]])
        assert.equal("redis\n", inside("redis", "stat", "-c", "%U", "/data").out)
    end,
    postgresql = function()
        -- An SSLRequest, which is answered by one letter (PostgreSQL, Message Formats).
        wait.until_true("an answer", function()
            return ask(5432, [[\0\0\0\010\004\322\026\057]]):find "^[SN]"
        end)
        wait.until_equal("2\n", function()
            return inside("postgresql", "psql", "-At", "-c", "select 1 + 1").out
        end)
    end,
}

for _, name in ipairs { "nginx", "redis", "postgresql" } do
    describe(name, function()
        setup(function()
            sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
            sdme.ok("fs", "import", images.path(name), "--base-fs", "debian", "--name", name)
        end)
        teardown(sdme.clean_all)
        after_each(sdme.clean)

        local function serves(...)
            sdme.ok("create", "--started", "-r", name, "--name", name, "--network-veth", ...)
            SERVERS[name]()
        end

        it("serves clients", function()
            serves()
            sdme.ok("restart", name)
            SERVERS[name]()
        end)

        it("serves clients from a user namespace", function()
            serves "--userns"
        end)

        it("serves clients from a hardened container", function()
            serves "--hardened"
        end)

        it("serves clients from a strict container", function()
            serves "--strict"
        end)

        it("serves clients without new privileges, and with fewer", function()
            serves("--no-new-privileges", "--drop-capability", "CAP_SYS_PTRACE",
                "--system-call-filter", "~@obsolete")
        end)
    end)
end

-- How each is checked: the image's own way, sooner.
local CHECKS <const> = {
    nginx = { "CMD", "bash", "-c", [=[exec 3<>/dev/tcp/127.0.0.1/80 &&
        printf 'GET / HTTP/1.0\r\n\r\n' >&3 && read -r line <&3 && [[ $line == *" 200 "* ]] ]=] },
    redis = { "CMD", "redis-cli", "ping" },
}

describe("the health of a server", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(sdme.clean_all)

    for name, test in pairs(CHECKS) do
        it("is what it is when it hangs, and when it goes on: " .. name, function()
            local function is(health)
                wait.until_equal(health, function()
                    return json.decode(sdme.ok("inspect", name)).apps[1].health
                end)
            end
            sdme.ok("fs", "import", images.path(name), "--base-fs", "debian", "--name", name)
            application.change(name, { healthcheck = {
                test = test, interval = 0.3, timeout = 1, retries = 2, start_period = 60,
                start_interval = 0.2,
            } })
            sdme.ok("create", "--started", "-r", name, "--name", name, "--userns",
                "--network-veth")
            is "healthy"
            sdme.ok("exec", name, "systemctl", "kill", "--signal", "STOP", "sdme-oci-" .. name)
            is "unhealthy"
            assert.matches(name .. " +running +unhealthy ", sdme.ok "ps")
            sdme.ok("exec", name, "systemctl", "kill", "--signal", "CONT", "sdme-oci-" .. name)
            is "healthy"
            assert.matches("unhealthy, failures in a row: 2\n.*the application is healthy",
                sdme.ok("exec", name, "journalctl", "--unit", "sdme-health-" .. name))
            sdme.ok("rm", "--force", name)
        end)
    end
end)
