-- Commands that `enter` runs where `isolate` runs another one.

local core <const> = require "sdme.core"
local guest_root <const> = require "spec.support.guest_root"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local process <const> = core.process

describe("enter", function()
    local root, application

    -- A command of `isolate` that runs until it is killed.
    local function start()
        local path <const> = guest_root.program "enter"
        needs.that(shell.succeeds "grep -q ^0:: /proc/self/cgroup", "cgroup v2")
        needs.program "pgrep"
        root = guest_root.make()
        application = assert(process.spawn {
            argv = { "/bin/sh", "-c", guest_root.line(root, "isolate",
                "--user web -- sh -c 'echo inside >/tmp/where; exec sleep 98764'") },
            stdin = "null", death_signal = "KILL",
        })
        wait.until_true("the application runs", function()
            return core.file.exists(root .. "/tmp/where")
        end)
        return path
    end

    local function enter(arguments)
        local path <const> = start()
        return shell.run("%s --target %s " .. arguments .. "; echo status $?", path,
            tostring(application:pid()))
    end

    after_each(function()
        if application then
            application:kill "KILL"
            application:close()
            application = nil
        end
        scratch.clean()
    end)

    it("runs a command with the processes and files of the other one", function()
        local output <const> = enter
            "-- sh -c 'cat /tmp/where; ls -d /proc/[0-9]* | wc -l; ls /guest; exit 9'"
        assert.matches("^inside\n[45]\n.*isolate.*\nstatus 9$", output)
    end)

    it("has the namespaces of the other one", function()
        assert.equal("same\nsame\nsame\nstatus 0", enter [[-- sh -c '
            for name in mnt pid ipc; do
                [ $(readlink /proc/self/ns/$name) = $(readlink /proc/1/ns/$name) ] && echo same
            done']])
    end)

    it("takes on users of the other one's root directory", function()
        assert.equal("1000 1001 1002 1003\nstatus 0",
            enter "--user web -- sh -c 'echo $(id -u) $(id -G)'")
        assert.matches("^enter: user 'nobody': not in /etc/passwd\nstatus 125$",
            enter "--user nobody -- true")
    end)

    it("may no more than the other one", function()
        assert.equal("denied\n0\nstatus 0", enter [[-- sh -c '
            mount -t tmpfs none /tmp 2>/dev/null || echo denied
            grep -c "^CapAmb.*[1-9a-f]" /proc/self/status; true']])
    end)

    it("is in the other one's cgroup, which whoever calls isn't", function()
        local path <const> = start()
        local mount <const> = shell.run(
            "findmnt -n -o TARGET -t cgroup2 | grep -m1 ^/sys/fs/cgroup")
        local own <const> = shell.run "sed -n s/^0:://p /proc/self/cgroup"
        local group <const> = mount .. own:gsub("/$", "") .. "/sdme-enter-spec"
        needs.that(shell.succeeds("mkdir %s", group), "a cgroup of our own")
        scratch.finally(function()
            shell.run("for i in $(seq 100); do rmdir %s 2>/dev/null && break; sleep 0.05; done",
                group)
        end)
        local outer <const> = tostring(application:pid())
        local init <const> = shell.run("pgrep -P %s -x isolate", outer)
        shell.run("echo %s >%s/cgroup.procs", init, group)
        assert.matches("/sdme%-enter%-spec$", shell.run(
            "%s --target %s -- sh -c 'grep ^0:: /proc/self/cgroup'", path, outer))

        -- A process of the application is no way to it: its root directory may be one of its own.
        local name <const> = own:gsub("/$", "") .. "/sdme-enter-spec"
        assert.matches("expected a process of isolate in it\n125$",
            shell.run("%s --target %s -- true; echo $?", path, name))
        assert.matches("expected one outside of the application\n125$",
            shell.run("%s --target %s -- true; echo $?", path, init))
        shell.run("echo %s >%s/cgroup.procs", outer, group)
        assert.equal("entered", shell.run("%s --target %s -- echo entered", path, name))
        application:kill "KILL"
    end)

    it("passes signals on, and tells what killed a command", function()
        local path <const> = start()
        assert.equal("status 33", shell.run([[
            %s --target %s -- bash -c 'trap "exit 33" USR1; echo >/tmp/ready
                while :; do sleep 0.01; done' & child=$!
            until [ -e %s/tmp/ready ]; do sleep 0.01; done
            kill -USR1 $child; wait $child; echo status $?]], path,
            tostring(application:pid()), root))
        assert.equal("status 137", shell.run("%s --target %s -- sh -c 'kill -9 $$'; echo status $?",
            path, tostring(application:pid())))
    end)

    it("ends its command when it is killed", function()
        local path <const> = start()
        shell.run([[%s --target %s --user web -- sh -c 'echo >/tmp/ready; exec sleep 98763' &
            child=$!; until [ -e %s/tmp/ready ]; do sleep 0.01; done
            chmod 777 %s/tmp; kill -KILL $child; wait $child; true]], path,
            tostring(application:pid()), root, root)
        wait.until_equal(false, function() return shell.succeeds "pgrep -f '^sleep 98763'" end)
    end)

    it("gives the command its terminal, so that a shell controls jobs", function()
        local path <const> = start()
        needs.program("script", "ps")
        local output <const> = shell.run("script -eqc %s /dev/null </dev/null; echo status $?",
            ("exec %s --target %d -- bash -ic 'ps -o sid= -p $$; sleep 1 & jobs; exit 6'"):format(
                path, application:pid())):gsub("\r", "")
        assert.not_matches("job control", output)
        assert.matches("^ *[1-9]", output)
        assert.matches("Running", output)
        assert.matches("status 6$", output)
    end)

    it("refuses what isn't such a process", function()
        local path <const> = guest_root.program "enter"
        for _, target in ipairs { "0", "-1", "x", "4194305", "99999999999999999999" } do
            assert.equal("enter: --target: expected the number of a process, or a cgroup\n125",
                shell.run("%s --target %s -- true; echo $?", path, target))
        end
        assert.matches("^enter: process 4194304: no such process",
            shell.run("%s --target 4194304 -- true; true", path))
        assert.matches("^enter: process %d+: ", shell.run("%s --target 1 -- true; true", path))
    end)
end)
