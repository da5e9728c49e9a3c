-- Servers that people run, which their own clients find by name: in pods, across pods and in zones.
-- Nothing of it is left afterwards, however it ends.

local footprint <const> = require "spec.support.footprint"
local debian <const> = require "spec.support.debian"
local images <const> = require "spec.support.images"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local start <const> = sdme.start

-- What somebody in an application says, as soon as it says something else than that it can't.
local function said(name, ...)
    local words <const> = { ... }
    return wait.until_true(name .. ": " .. table.concat(words, " "), function()
        local result <const> = sdme.run("exec", name, "--app", "--", table.unpack(words))
        return result.status == 0 and result.out:match "^[^\n]*"
    end)
end

local function ping(from, to)
    wait.until_equal("PONG", function() return said(from, "redis-cli", "-h", to, "ping") end)
end

local function head(from, to)
    local status
    wait.until_true(("%s answers %s"):format(to, from), function()
        local result <const> = sdme.run("exec", from, "bash", "-c",
            ([[exec 3<>/dev/tcp/%s/80 && printf 'HEAD / HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3]])
                :format(to))
        status = result.status == 0 and result.out:match "^HTTP/1%.1 %d+"
        return status
    end)
    assert.equal("HTTP/1.1 200", status)
end

-- Two pods that are both in the zone "lab", and one that is in a zone as such.
local function attach()
    for _, pod in ipairs { "back", "shop" } do
        sdme.ok("pod", "new", pod)
        sdme.ok("pod", "net", "attach", pod, "zone=lab")
    end
end

local SCENARIOS <const> = {
    ["in one pod"] = function()
        sdme.ok("pod", "new", "shop")
        start("cache", "-r", "redis", "--oci-pod", "shop")
        start("db", "-r", "postgresql", "--pod", "shop", "--userns")
        start("front", "-r", "nginx", "--pod", "shop", "--strict")
        ping("cache", "cache")
        assert.equal("2", said("db", "psql", "-h", "db", "-U", "postgres", "-At", "-c",
            "select 1 + 1"))
        head("db", "front")
    end,
    ["across pods"] = function()
        attach()
        start("cache", "-r", "redis", "--pod", "back", "--userns")
        start("client", "-r", "redis", "--oci-pod", "shop")
        start("front", "-r", "nginx", "--oci-pod", "shop")
        ping("client", "cache")
        head("cache", "front")
    end,
    ["of a zone"] = function()
        start("cache", "-r", "redis", "--network-zone", "lab", "--no-oci-ports",
            "--userns")
        start("client", "-r", "redis", "--network-zone", "lab", "--no-oci-ports")
        ping("client", "cache")
        ping("cache", "client")
        sdme.ok("restart", "cache")
        ping("client", "cache")
    end,
}

local function remove_pods()
    for name in sdme.run("__complete", "pod").out:gmatch "[^\n]+" do
        sdme.ok("pod", "rm", name)
    end
end

local function running()
    return shell.run "systemctl list-units --plain --no-legend 'sdme@*' | cut -d' ' -f 1"
end

local ENDINGS <const> = {
    ["are stopped"] = function()
        sdme.ok("stop", "--all")
        sdme.ok("rm", "--all", "--force")
    end,
    ["are killed"] = function()
        shell.run "systemctl kill --signal KILL 'sdme*.service'"
        wait.until_equal("", running)
        sdme.ok("rm", "--all", "--force")
    end,
}

for where, run in pairs(SCENARIOS) do
    describe("servers " .. where, function()
        setup(function()
            sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
            for _, name in ipairs { "nginx", "redis", "postgresql" } do
                sdme.ok("fs", "import", images.path(name), "--base-fs", "debian", "--name", name)
            end
        end)
        teardown(sdme.clean_all)
        after_each(function()
            sdme.clean()
            remove_pods()
        end)

        for how, finish in pairs(ENDINGS) do
            it("find each other, and leave nothing when they " .. how, function()
                footprint.take()
                run()
                footprint.assert_changed()
                finish()
                remove_pods()
                footprint.assert_unchanged()
            end)
        end
    end)
end
