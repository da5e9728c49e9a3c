-- What AppArmor keeps a container from.

local vm <const> = require "spec.support.vm"

local GROUP <const> = "/sys/fs/cgroup/machine.slice/sdme@web.service"

-- A profile of somebody's own.
local OWN <const> = [[
    profile own flags=(attach_disconnected, mediate_deleted) {
        capability, file, mount, network, pivot_root, ptrace, remount, signal, umount,
        deny /etc/hidden r,
    }]]

-- How each of a container's processes is confined, systemd-nspawn included.
local function confinements()
    return vm.run([[for process in $(find %s -name cgroup.procs -exec cat {} +); do
        cat /proc/$process/attr/current; done | sort -u]], GROUP)
end

local function start(options)
    vm.run("sdme create --name web --started -t 300 " .. options)
end

-- Whether the container's root can run a script.
local function can(script)
    return (vm.attempt("sdme exec web sh -c %s", script)) == 0
end

-- What the kernel shares with containers, and how a container's root gets at it.
local SHARED <const> = {
    ["its own device nodes"] = "mount -t devtmpfs devtmpfs /mnt",
    ["what debugs it"] = "mount -t debugfs debugfs /mnt",
    ["the program that gets dumps"] = "mount -t proc proc /mnt && "
        .. "pattern=$(cat /mnt/sys/kernel/core_pattern) && "
        .. "echo \"$pattern\" >/mnt/sys/kernel/core_pattern",
    ["the key for emergencies"] = "mount -t proc proc /mnt && : >/mnt/sysrq-trigger",
}

describe("--apparmor-profile", function()
    after_each(vm.clean)

    it("confines everything in the container, until it is taken away", function()
        vm.run("printf %%s %s | apparmor_parser -r", OWN)
        start "--apparmor-profile own"
        assert.equal("own (enforce)", confinements())
        assert.equal("own (enforce)", vm.run "sdme exec web cat /proc/self/attr/current")
        vm.run "sdme exec web sh -c 'echo x >/etc/hidden'"
        assert.is_false(can "cat /etc/hidden")
        vm.run "sdme stop web && sdme set web --apparmor-profile '' && sdme start -t 300 web"
        assert.equal("unconfined", confinements())
        assert.is_true(can "cat /etc/hidden")
        for what, script in pairs(SHARED) do
            assert.is_true(can(script), what)
        end
    end)

    it("of a profile that isn't loaded fails before the start", function()
        vm.run "sdme create --name web --apparmor-profile none"
        local status <const>, output <const> = vm.attempt "sdme start web"
        assert.equal(1, status)
        assert.equal("sdme: start web: AppArmor has no profile none\nhint: load it with "
            .. "apparmor_parser, or do without: sdme set web --apparmor-profile ''", output)
    end)

    it("says how our own is loaded, as --strict asks for it", function()
        vm.run "sdme create --name web --strict"
        assert.matches("\nhint: load it: sdme apparmor-profile | apparmor_parser -r, or",
            select(2, vm.attempt "sdme start web"), 1, true)
    end)
end)

describe("sdme-default", function()
    setup(function()
        vm.run "sdme apparmor-profile | apparmor_parser -r"
    end)
    teardown(function()
        vm.run "sdme apparmor-profile | apparmor_parser -R"
    end)
    after_each(vm.clean)

    it("keeps a container from what the kernel shares with it, and leaves it whole", function()
        start "--apparmor-profile sdme-default"
        assert.equal("sdme-default (enforce)", confinements())
        assert.equal("running", vm.run "sdme exec web systemctl is-system-running")
        for what, script in pairs(SHARED) do
            assert.is_false(can(script), what)
        end
        vm.run "sdme stop web"
    end)

    it("does so with a user namespace and without new privileges", function()
        start "--apparmor-profile sdme-default --userns --no-new-privileges --network-veth"
        assert.equal("sdme-default (enforce)", confinements())
        assert.equal("running", vm.run "sdme exec web systemctl is-system-running")
    end)

    it("is part of --strict, and left out of it by the name for none", function()
        start "--strict"
        assert.equal("sdme-default (enforce)", confinements())
        assert.equal("running", vm.run "sdme exec web systemctl is-system-running")
        assert.matches('"level": "strict"', vm.run "sdme inspect web", 1, true)
        vm.run "sdme stop web && sdme set web --apparmor-profile unconfined"
        assert.matches('"apparmor_profile"\n', vm.run "sdme inspect web", 1, true)
        vm.run "sdme start -t 300 web"
        assert.equal("unconfined", confinements())
    end)
end)
