local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local machined <const> = require "sdme.machined"
local plain_guest <const> = require "spec.support.plain_guest"
local raised <const> = require "spec.support.raised"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local wait <const> = require "spec.support.wait"

local NAME <const> = "spec-machined"

local bus, machines, container

-- What comes out of a terminal until its other end is closed.
local function read(master)
    return assert(task.await(task.timeout(core.stream.reader(master), 20)))
end

describe("sdme.machined", function()
    setup(function()
        container = plain_guest.start(NAME, 524288)
        bus = assert(core.bus.open_system())
        machines = machined.machines(bus)
    end)

    teardown(function()
        bus:close()
        container.stop()
    end)

    it("lists the machines", function()
        for _, machine in ipairs(machines:list()) do
            if machine.name == NAME then
                assert.same(
                    { name = NAME, class = "container", service = "systemd-nspawn" }, machine)
                return
            end
        end
        error "it is not in the list"
    end)

    it("tells all about one", function()
        local machine <const> = machines:get(NAME)
        assert.equal(NAME, machine.name)
        assert.equal("container", machine.class)
        assert.equal("running", machine.state)
        assert.equal("sdme-spec-" .. NAME .. ".service", machine.unit)
        assert.equal("systemd",
            shell.run("cat %s", ("/proc/%d/comm"):format(machine.leader)))
        assert.is_true(machine.since // 1000000 <= os.time())
        assert.same({}, machine.interfaces)
    end)

    it("tells nothing of a machine that doesn't exist", function()
        assert.is_nil(machines:get "spec-no-such-machine")
        assert.equal("ENOENT", raised(machines.os_release, machines, "spec-no-such-machine").code)
    end)

    it("knows no addresses of a machine on the host's network", function()
        assert.same({}, machines:addresses(NAME))
    end)

    it("reads a machine's os-release", function()
        assert.equal(shell.run ". /etc/os-release; echo $ID", machines:os_release(NAME).ID)
    end)

    it("tells where a machine's user ids begin", function()
        assert.equal(524288, machines:uid_shift(NAME))
    end)

    it("opens a terminal in a machine", function()
        local master <const>, path <const> = machines:open_pty(NAME)
        local guard <close> = master
        assert.truthy(path:match "^/dev/pts/%d+$")
        local leader <const> = machines:get(NAME).leader
        shell.run("echo through > %s", ("/proc/%d/root%s"):format(leader, path))
        assert.equal("through\r\n", read(master))
    end)

    it("opens a shell in a machine", function()
        local master <const> = machines:open_shell(NAME, {
            user = "daemon", argv = { "/bin/sh", "-c", 'echo "$(id -un) $WORD"' },
            env = { WORD = "here" },
        })
        local guard <close> = master
        -- A newer systemd tells the terminal of its own about the session.
        assert.truthy(read(master):find "daemon here\r\n")
    end)

    it("kills and ends machines", function()
        local victim <const> = plain_guest.start "spec-victim"
        finally(victim.stop)
        assert.equal("EINVAL",
            raised(machines.kill, machines, "spec-victim", "leader", "NONE").code)
        local match <close> = assert(bus:match {
            sender = "org.freedesktop.machine1", member = "MachineRemoved", arg0 = "spec-victim",
        })
        machines:kill("spec-victim", "leader", "USR2")
        machines:terminate "spec-victim"
        assert(task.await(match:next { timeout = 30 }))
        wait.until_true("it is forgotten", function()
            return not machines:get "spec-victim"
        end)
        assert.is_true(fault.is(raised(machines.terminate, machines, "spec-victim"), "ENOENT"))
    end)
end)
