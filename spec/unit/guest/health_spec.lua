-- How `health` counts the checks of an application, which here is a process in a cgroup of its own.

local core <const> = require "sdme.core"
local guest_root <const> = require "spec.support.guest_root"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local process <const> = core.process

describe("health", function()
    local path, directory, group, cgroup
    local applications <const> = {}

    -- What stands for isolate.
    local function start_application()
        local child <const> = assert(process.spawn {
            argv = { "/bin/sh", "-c", "echo $$ >$0/cgroup.procs && exec sleep 98761", group },
            stdin = "null", death_signal = "KILL",
        })
        applications[#applications + 1] = child
        wait.until_true("the application runs", function()
            return shell.run("cat %s", group .. "/cgroup.procs") ~= ""
        end)
    end

    local function end_applications()
        while #applications > 0 do
            local child <close> = table.remove(applications)
            child:kill "KILL"
        end
        wait.until_equal("", function() return shell.run("cat %s", group .. "/cgroup.procs") end)
    end

    before_each(function()
        path = guest_root.program "health"
        needs.that(shell.succeeds "grep -q ^0:: /proc/self/cgroup", "cgroup v2")
        directory = scratch.directory()
        local mount <const> = shell.run(
            "findmnt -n -o TARGET -t cgroup2 | grep -m1 ^/sys/fs/cgroup")
        cgroup = shell.run "sed -n s/^0:://p /proc/self/cgroup":gsub("/$", "")
            .. "/sdme-health-spec"
        group = mount .. cgroup
        needs.that(shell.succeeds("mkdir %s", group), "a cgroup of our own")
        scratch.finally(function()
            end_applications()
            shell.run("for i in $(seq 100); do rmdir %s 2>/dev/null && break; sleep 0.05; done",
                group)
        end)
    end)
    after_each(scratch.clean)

    -- Runs it once, and gives what it says, and its status if that isn't 0.
    local function run(check, options)
        return shell.run([[s=0; %s --file %s --target %s --retries 2 --timeout 60000 ]]
            .. (options or "") .. [[ -- sh -c %s || s=$?; if [ $s != 0 ]; then echo status $s; fi]],
            path, directory .. "/web", cgroup, check)
    end

    -- Health, failures, and the two times.
    local function noted()
        local content <const> = core.file.read(directory .. "/web")
        return content and table.pack(content:match "^(%l+) (%d+) (%d+) (%d+)\n$")
    end

    local function state()
        local fields <const> = noted()
        return fields and fields[1] .. " " .. fields[2]
    end

    it("notes that an application is starting before it checks it", function()
        start_application()
        assert.equal("", run("touch " .. directory .. "/checked"))
        assert.equal("starting 0", state())
        assert.is_nil(core.file.stat(directory .. "/checked"))
    end)

    it("has it healthy after one success, unhealthy after failures in a row", function()
        start_application()
        run ""
        assert.equal("", run "exit 1")
        assert.equal("starting 1", state())
        assert.equal("health: the application is healthy", run "exit 0")
        assert.equal("healthy 0", state())
        run "exit 1"
        assert.equal("healthy 1", state())
        run "exit 0"
        run "exit 1"
        assert.equal("healthy 1", state())
        assert.equal("health: the application is unhealthy, failures in a row: 2",
            run "kill -SEGV $$")
        assert.equal("unhealthy 2", state())
        assert.equal("", run "exit 1")
        assert.equal("unhealthy 3", state())
        run "exit 0"
        assert.equal("healthy 0", state())
    end)

    it("tells when that was, by the clock that everything on this host has", function()
        start_application()
        local before <const> = core.poll.now()
        run ""
        local checked <const> = tonumber(noted()[4]) / 1000
        assert.is_true(checked > before - 0.001 and checked <= core.poll.now())
    end)

    it("begins anew when the application does", function()
        start_application()
        run ""
        run "exit 1"
        run "exit 1"
        assert.equal("unhealthy 2", state())
        local before <const> = noted()[3]
        end_applications()
        start_application()
        run "exit 1"
        assert.equal("starting 0", state())
        assert.is_true(tonumber(noted()[3]) > tonumber(before))
    end)

    it("does nothing where there is no application", function()
        assert.equal("", run "exit 1")
        assert.is_nil(noted())
        start_application()
        run ""
        run "exit 1"
        end_applications()
        run "exit 1"
        assert.equal("starting 1", state())
    end)

    local PERIOD <const> = "--start-period 3600000 --start-interval 20"

    it("checks often in the start period, in which failures don't count", function()
        start_application()
        assert.equal("health: the application is healthy",
            run("cd " .. directory .. "; echo >>log; [ $(wc -l <log) -ge 5 ]", PERIOD))
        assert.equal("healthy 0", state())
        assert.equal("5", shell.run("wc -l <%s/log", directory))
        run("exit 1", PERIOD)
        assert.equal("healthy 1", state())
    end)

    it("comes to an end with the start period", function()
        start_application()
        assert.equal("", run("exit 1", "--start-period 500 --start-interval 20"))
        assert.equal("starting", noted()[1])
        run("exit 1", "--start-period 500")
        run("exit 1", "--start-period 500")
        assert.equal("unhealthy", noted()[1])
    end)

    it("counts a check that takes too long as failed, and ends all of it", function()
        start_application()
        run ""
        assert.equal("health: the check hasn't ended within 50 ms",
            run("sleep 98762; exit 0", "--timeout 50"))
        assert.equal("starting 1", state())
        wait.until_equal(false, function() return shell.succeeds "pgrep -f '^sleep 98762'" end)
    end)

    it("counts nothing when it is told to end", function()
        start_application()
        run ""
        local child <close> = assert(process.spawn {
            argv = { path, "--file", directory .. "/web", "--target", cgroup, "--retries", "1",
                "--timeout", "60000", "--", "/bin/sh", "-c",
                "touch " .. directory .. "/running; sleep 98760; exit 1" },
        })
        wait.until_true("the check runs", function()
            return core.file.exists(directory .. "/running")
        end)
        child:kill "TERM"
        wait.until_equal(false, function() return shell.succeeds "pgrep -f '^sleep 98760'" end)
        assert.equal("starting 0", state())
    end)

    it("takes a file that isn't its own for none", function()
        start_application()
        for _, content in ipairs { "", "\n", "x", "healthy", "healthy 1", "healthy x 3 4\n",
            ("healthy 1 "):rep(100) } do
            assert(core.file.write(directory .. "/web", content))
            assert.equal("", run "exit 1")
            assert.equal("starting 0", state())
        end
        shell.run("cd %s && rm web && mkfifo web", directory)
        assert.equal("", run "exit 1")
        assert.equal("starting 0", state())
    end)

    it("says what is wrong with how it is run", function()
        for arguments, expected in pairs {
            ["--file x --target /a --retries 1 --timeout 1"] = "--file: expected an absolute path",
            ["--file /x --target a --retries 1 --timeout 1"] = "--target: expected a cgroup",
            ["--file /x --target /a --timeout 1"] = "--retries: expected a number above 0",
            ["--file /x --target /a --retries 1 --timeout 0"] =
                "--timeout: expected a number above 0",
            ["--file /x --target /a --retries 1 --timeout 1 --start-period -1"] =
                "--start-period: expected a number",
        } do
            assert.equal(("health: %s\n125"):format(expected),
                shell.run("%s " .. arguments .. " -- true; echo $?", path))
        end
        start_application()
        assert.matches("^health: /nosuch/web: no such file or directory\n125$", shell.run(
            "%s --file /nosuch/web --target %s --retries 1 --timeout 1 -- true; echo $?", path,
            cgroup))
    end)
end)
