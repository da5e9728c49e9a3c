-- SIGKILL of sdme at any moment leaves every container as it was or as it should become, nothing
-- mounted, and nothing that the next command doesn't clean up.

local core <const> = require "sdme.core"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

-- Moments to kill at, for each command; more of them find more.
local TIMES <const> = tonumber(os.getenv "SDME_KILLS") or 6

-- Runs a command and kills it after some part of the time that it takes; true if it was killed.
local function kill_within(seconds, ...)
    local process <close> = sdme.spawn(...)
    core.poll.wait({}, math.random() * seconds)
    process:kill "KILL"
    return task.await(process:wait()).signal ~= nil
end

-- Seconds that a command takes.
local function measure(...)
    local began <const> = core.poll.now()
    sdme.ok(...)
    return core.poll.now() - began
end

local function wait_until(what, condition)
    for _ = 1, 600 do
        if condition() then
            return
        end
        core.poll.wait({}, 0.05)
    end
    error("not within 30 s: " .. what)
end

local function status_of(name)
    return ("\n" .. sdme.ok "ps"):match("\n" .. name .. "%s+(%S+)")
end

-- What is left besides the containers that there should be.
local function leftovers()
    sdme.ok "ps" -- the next command
    return shell.run([[
        ls %s/staging
        test -e %s/containers/k || ls -d /etc/systemd/system/sdme@k* 2>/dev/null
        grep %s /proc/self/mountinfo
        true]], sdme.datadir(), sdme.datadir(), sdme.datadir())
end

describe("SIGKILL", function()
    setup(function()
        math.randomseed(os.time())
    end)
    after_each(sdme.clean)

    it("during create leaves a whole container or none", function()
        local arguments <const> = { "create", "--name", "k", "--userns" }
        local seconds <const> = measure(table.unpack(arguments))
        sdme.ok("rm", "k")
        for _ = 1, TIMES do
            kill_within(seconds, table.unpack(arguments))
            assert.equal("", leftovers())
            if status_of "k" then
                assert.equal("k", require("sdme.json").decode(sdme.ok("inspect", "k")).name)
                sdme.ok("rm", "k")
            end
            sdme.ok("create", "--name", "k", "--userns")
            sdme.ok("rm", "k")
            assert.equal("", sdme.traces())
        end
    end)

    it("during start leaves a container that boots, or can be started", function()
        sdme.ok("create", "--name", "k")
        local seconds <const> = measure("start", "k")
        for _ = 1, TIMES do
            sdme.ok("stop", "k", "--kill")
            kill_within(seconds, "start", "k")
            sdme.ok("start", "k")
            assert.equal("running", status_of "k")
        end
        sdme.ok("exec", "k", "true")
    end)

    it("during stop leaves a container that stops, or can be stopped", function()
        sdme.ok("create", "--name", "k", "--started")
        local seconds <const> = measure("stop", "k")
        for _ = 1, TIMES do
            sdme.ok("start", "k")
            kill_within(seconds, "stop", "k")
            sdme.ok("stop", "k")
            assert.equal("stopped", status_of "k")
        end
        assert.equal("", leftovers())
    end)

    it("during rm leaves a whole container or none", function()
        sdme.ok("create", "--name", "k")
        shell.run("mkdir -p %s/containers/k/upper/many && cd %s/containers/k/upper/many "
            .. "&& seq 5000 | xargs touch", sdme.datadir(), sdme.datadir())
        local seconds <const> = measure("rm", "k")
        for _ = 1, TIMES do
            sdme.ok("create", "--name", "k")
            kill_within(seconds, "rm", "k")
            assert.equal("", leftovers())
            if status_of "k" then
                sdme.ok("start", "k")
                sdme.ok("rm", "--force", "k")
            end
            assert.equal("", sdme.traces())
        end
    end)

    it("during new --ephemeral leaves nothing once the container has stopped", function()
        local arguments <const> = { "new", "--name", "k", "--ephemeral", "--", "true" }
        local seconds <const> = measure(table.unpack(arguments))
        for _ = 1, TIMES do
            kill_within(seconds, table.unpack(arguments))
            if status_of "k" then
                sdme.run("stop", "k")
            end
            wait_until("nothing is left", function()
                sdme.ok "ps"
                return sdme.traces() == ""
            end)
        end
    end)

    it("of systemd-nspawn itself takes the container down, and nothing stays mounted", function()
        sdme.ok("create", "--name", "k", "--started")
        shell.run "systemctl kill --kill-whom=main --signal=KILL sdme@k.service"
        wait_until("it is stopped", function()
            return status_of "k" == "stopped"
        end)
        assert.equal("", leftovers())
        sdme.ok("start", "k")
    end)

    it("of systemd-nspawn takes its end of the network with it, and a zone that is empty then",
        function()
            sdme.ok("create", "--name", "k", "--network-zone", "spec", "--started")
            sdme.ok("create", "--name", "a-name-beyond-an-interface", "--network-zone", "spec",
                "--started")
            local function links()
                return shell.run "ls /sys/class/net | grep ^v || true"
            end
            sdme.ok("stop", "--kill", "a-name-beyond-an-interface")
            assert.equal("vb-k\nvz-spec", links())
            sdme.ok("rm", "--force", "k")
            wait_until("the bridge of the zone is gone", function()
                return links() == ""
            end)
            sdme.ok("start", "a-name-beyond-an-interface")
            shell.run "systemctl kill --kill-whom=main --signal=KILL 'sdme@a-*.service'"
            wait_until("the bridge of the zone is gone again", function()
                return links() == ""
            end)
        end)
end)
