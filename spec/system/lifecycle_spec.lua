local core <const> = require "sdme.core"
local host <const> = require "sdme.host"
local lifecycle <const> = require "sdme.container.lifecycle"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local wait <const> = require "spec.support.wait"

local function ps(name)
    for line in sdme.ok("ps"):gmatch "[^\n]+" do
        if line:match "^%S+" == name then
            return line:match "^%S+%s+(%S+)%s+(%S+)"
        end
    end
end

-- What is said of a command that ended with its container, unheard.
local UNKNOWN_END <const> =
    { status = 255, out = "", err = "sdme: web went down while the command ran\n" }

describe("a clone of the host", function()
    setup(sdme.select)
    after_each(sdme.clean)

    it("is made, and prints its name", function()
        assert.equal("web", sdme.ok("create", "--name", "web"))
        assert.same({ "stopped", "-" }, { ps "web" })
    end)

    it("gets a name that can be pronounced, if none is given", function()
        assert.matches("^%l+%-%l+$", sdme.ok "create")
    end)

    it("is running when start returns, and its systemd is content", function()
        sdme.ok("create", "--name", "web")
        local result <const> = sdme.run("start", "web")
        assert.equal(0, result.status)
        assert.equal("", result.out)
        assert.matches("^web is up after %d+%.%d%d s\n$", result.err)
        assert.same({ "running", "ok" }, { ps "web" })
        assert.equal("running", shell.run "systemctl -M web is-system-running")
    end)

    it("mounts nothing on the host", function()
        local before <const> = shell.run "cat /proc/self/mountinfo"
        sdme.ok("create", "--name", "web", "--started")
        assert.equal(before, shell.run "cat /proc/self/mountinfo")
    end)

    it("sees the host's files and changes only its own", function()
        shell.run "echo ours >/etc/sdme-spec"
        sdme.ok("create", "--name", "web", "--started")
        assert.equal("ours", sdme.ok("exec", "web", "cat", "/etc/sdme-spec"))
        sdme.ok("exec", "web", "sh", "-c",
            "echo theirs >/etc/sdme-spec; touch /usr/new; rm /etc/motd")
        assert.equal("theirs", sdme.ok("exec", "web", "cat", "/etc/sdme-spec"))
        assert.equal("ours", shell.run "cat /etc/sdme-spec; rm /etc/sdme-spec")
        assert.is_nil(core.file.stat "/usr/new")
        assert.is_truthy(core.file.stat "/etc/motd")
    end)

    it("has its own name, hosts, machine id and fstab, and not our data", function()
        sdme.ok("create", "--name", "web", "--started")
        assert.equal("web", sdme.ok("exec", "web", "hostname"))
        assert.matches("127.0.1.1 web", sdme.ok("exec", "web", "cat", "/etc/hosts"))
        assert.equal("", sdme.ok("exec", "web", "cat", "/etc/fstab"))
        assert.not_equal(shell.run "cat /etc/machine-id",
            sdme.ok("exec", "web", "cat", "/etc/machine-id"))
        assert.equal("", sdme.ok("exec", "web", "ls", "-A", sdme.datadir()))
    end)

    it("doesn't see the host's own units and logs", function()
        shell.run "touch /var/log/sdme-spec /etc/systemd/system/sdme-spec.service"
        sdme.ok("create", "--name", "web", "--started")
        local listed <const> = sdme.ok("exec", "web", "ls", "/var/log", "/etc/systemd/system")
        shell.run "rm /var/log/sdme-spec /etc/systemd/system/sdme-spec.service"
        assert.not_matches("sdme%-spec", listed)
    end)

    it("hides the directories that it is told to", function()
        sdme.ok("create", "--name", "web", "-o", "/etc/systemd/system,/usr/share/doc", "--started")
        assert.equal("", sdme.ok("exec", "web", "ls", "-A", "/usr/share/doc"))
        assert.not_equal("", sdme.ok("exec", "web", "ls", "-A", "/var/log"))
    end)

    it("has an overlay of its own on each mount of the host", function()
        shell.run [[mkdir -p /srv/sdme-spec && mount --bind /usr/share /srv/sdme-spec]]
        sdme.ok("create", "--name", "web", "--started")
        local ok, why = pcall(function()
            assert.equal(shell.run "ls /usr/share", sdme.ok("exec", "web", "ls", "/srv/sdme-spec"))
            sdme.ok("exec", "web", "touch", "/srv/sdme-spec/new")
            assert.is_nil(core.file.stat "/srv/sdme-spec/new")
            sdme.ok("restart", "web")
            sdme.ok("exec", "web", "test", "-e", "/srv/sdme-spec/new")
        end)
        shell.run "umount /srv/sdme-spec && rmdir /srv/sdme-spec"
        assert(ok, why)
    end)

    it("keeps its changes over a stop and a start", function()
        sdme.ok("create", "--name", "web", "--started")
        sdme.ok("exec", "web", "touch", "/root/kept")
        sdme.ok("stop", "web")
        assert.same({ "stopped", "-" }, { ps "web" })
        sdme.ok("start", "web")
        sdme.ok("exec", "web", "test", "-e", "/root/kept")
    end)

    it("comes back when its guest reboots", function()
        sdme.ok("create", "--name", "web", "--started")
        local before <const> = sdme.ok("exec", "web", "cat", "/proc/sys/kernel/random/boot_id",
            "/proc/1/stat")
        sdme.run("exec", "web", "systemctl", "reboot")
        for _ = 1, 300 do
            core.poll.wait({}, 0.1)
            local now <const> = sdme.run("exec", "web", "cat", "/proc/sys/kernel/random/boot_id",
                "/proc/1/stat")
            if now.status == 0 and now.out:gsub("\n$", "") ~= before then
                return
            end
        end
        error "it did not come back in 30 s"
    end)

    it("goes down by a command in it, which has then done what it should", function()
        sdme.ok("create", "--name", "web")
        for _, command in ipairs { { "poweroff" }, { "systemctl", "poweroff" }, { "reboot" } } do
            sdme.ok("start", "web")
            assert.same({ status = 0, out = "", err = "" },
                sdme.run("exec", "web", table.unpack(command)))
            wait.until_true("it is down, or up again", function()
                return ps "web" == (command[1] == "reboot" and "running" or "stopped")
            end)
        end
    end)

    -- Runs a command that says when it runs, and then a line of shell on the host.
    local function exec_until(line, ...)
        local ready <const> = sdme.datadir() .. "/containers/web/upper/ready"
        sdme.ok("start", "web")
        return sdme.pipe(([[rm -f %s; (until test -e %s; do sleep 0.05; done
            %s) >/dev/null 2>&1 &]]):format(ready, ready, line), "exec", "web", ...)
    end

    it("ends the commands in it when it is stopped", function()
        sdme.ok("create", "--name", "web")
        local result <const> = exec_until(sdme.program .. " stop web", "sh", "-c",
            "touch /ready; sleep 100")
        -- On a busy host the guest's bus may end before all is told that its manager has to tell.
        local told <const> = { status = 143, out = "", err = "" }
        assert.same(result.status == UNKNOWN_END.status and UNKNOWN_END or told, result)
    end)

    it("is told from a command of which nobody knows how it ended", function()
        sdme.ok("create", "--name", "web")
        local result = exec_until("systemctl kill --kill-whom=main --signal=KILL sdme@web",
            "sh", "-c", "touch /ready; sleep 100")
        assert.same(UNKNOWN_END, result)
        sdme.ok("start", "web")
        result = sdme.run("exec", "web", "sh", "-c",
            "systemctl kill --kill-whom=main --signal=KILL dbus; sleep 100")
        assert.same({ status = 1, out = "",
            err = "sdme: the connection to the bus of web is closed\n" }, result)
    end)

    it("can be started and stopped when it is up or down already", function()
        sdme.ok("create", "--name", "web")
        sdme.ok("stop", "web")
        sdme.ok("start", "web")
        assert.matches("web is up already", sdme.run("start", "web").err)
    end)

    it("stops by each of the ways there are", function()
        sdme.ok("create", "--name", "web")
        for _, how in ipairs { "--term", "--kill" } do
            sdme.ok("start", "web")
            sdme.ok("stop", "web", how)
            assert.same({ "stopped", "-" }, { ps "web" })
        end
    end)

    it("leaves nothing when it is removed", function()
        sdme.ok("create", "--name", "web", "--userns", "--memory", "200M", "--enable", "--started")
        sdme.ok("rm", "web")
        assert.equal("", sdme.traces())
    end)

    it("can be removed while it runs, at once with --force", function()
        sdme.ok("create", "--name", "web", "--started")
        sdme.ok("rm", "--force", "web")
        assert.equal("", sdme.traces())
    end)

    it("is gone when it stops, if it is ephemeral", function()
        sdme.ok("create", "--name", "web", "--ephemeral", "--userns", "--started")
        sdme.ok("stop", "web")
        assert.equal("", sdme.traces())
    end)

    it("isn't swept away between the call that starts it and its start", function()
        sdme.ok("create", "--name", "web", "--ephemeral")
        lifecycle.mark_ephemeral "web"
        local job <const> = host.manager():start_unit("sdme@web.service", "replace")
        lifecycle.sweep()
        assert.equal("done", task.await(job))
        assert.is_true(lifecycle.is_running "web")
    end)

    it("is gone when its guest powers off, if it is ephemeral", function()
        sdme.ok("create", "--name", "web", "--ephemeral", "--started")
        sdme.run("exec", "web", "systemctl", "poweroff")
        for _ = 1, 200 do
            if sdme.traces() == "" then
                return
            end
            core.poll.wait({}, 0.1)
        end
        assert.equal("", sdme.traces())
    end)

    it("survives a reboot of its guest, if it is ephemeral", function()
        sdme.ok("create", "--name", "web", "--ephemeral", "--started")
        sdme.ok("exec", "web", "touch", "/root/kept")
        sdme.run("exec", "web", "systemctl", "reboot")
        for _ = 1, 300 do
            core.poll.wait({}, 0.1)
            if sdme.run("exec", "web", "sh", "-c",
                "test -e /root/kept && systemctl is-system-running"
                ).status == 0 then
                return
            end
        end
        error "it did not come back in 30 s"
    end)
end)

describe("several containers", function()
    after_each(sdme.clean)

    it("are started by one command, side by side", function()
        for i = 1, 3 do
            sdme.ok("create", "--name", "c" .. i)
        end
        local result <const> = sdme.run("start", "--all")
        assert.equal(0, result.status)
        for i = 1, 3 do
            assert.matches(("c%d is up after"):format(i), result.err)
            assert.same({ "running", "ok" }, { ps("c" .. i) })
        end
        sdme.ok("stop", "c1", "c2", "c3")
    end)

    it("are each tried, and the failures told", function()
        sdme.ok("create", "--name", "here")
        local result <const> = sdme.run("start", "gone", "here")
        assert.equal(1, result.status)
        assert.matches("sdme: there is no container gone\n", result.err)
        assert.same({ "running", "ok" }, { ps "here" })
    end)

    it("are found by how their names begin, an exact name first", function()
        sdme.ok("create", "--name", "web")
        sdme.ok("create", "--name", "web-two")
        assert.equal(0, sdme.run("inspect", "web").status)
        assert.equal(0, sdme.run("inspect", "web-").status)
        local ambiguous <const> = sdme.run("inspect", "we")
        assert.equal(2, ambiguous.status)
        assert.matches("we is the beginning of several containers: web, web%-two", ambiguous.err)
    end)

    it("are removed at once only when somebody says yes", function()
        sdme.ok("create", "--name", "web")
        local result <const> = sdme.run("rm", "--all")
        assert.equal(2, result.status)
        assert.matches("hint: give %-%-force", result.err)
        sdme.ok("rm", "--all", "--force")
        assert.equal("", sdme.traces())
    end)
end)
