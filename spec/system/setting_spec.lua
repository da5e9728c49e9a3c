-- Each setting of a container has the effect that its help promises.

local core <const> = require "sdme.core"
local json <const> = require "sdme.json"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

local function property(name, of)
    return shell.run("systemctl show --value -p %s %s", name, "sdme@" .. of .. ".service")
end

local function start(...)
    sdme.ok("create", "--name", "web", "--started", ...)
end

local function inside(...)
    return sdme.ok("exec", "web", ...)
end

local function status_of(name)
    return ("\n" .. sdme.ok "ps"):match("\n" .. name .. "%s+(%S+)")
end

describe("a limit", function()
    after_each(sdme.clean)

    it("is a property of the unit", function()
        start("--memory", "300M", "--cpus", "1.5", "--cpu-weight", "50", "--tasks", "500")
        assert.equal(tostring(300 << 20), property("MemoryMax", "web"))
        assert.equal("0", property("MemorySwapMax", "web"))
        assert.matches("^1%.50*s$", property("CPUQuotaPerSecUSec", "web"))
        assert.equal("50", property("CPUWeight", "web"))
        assert.equal("500", property("TasksMax", "web"))
    end)

    it("of tasks is 16384 if none is given", function()
        start()
        assert.equal("16384", property("TasksMax", "web"))
        assert.equal("infinity", property("MemoryMax", "web"))
    end)

    it("can be changed, and taken away, while the container runs", function()
        start("--memory", "300M")
        local result <const> = sdme.run("set", "web", "--memory", "1G", "--tasks", "700")
        assert.same({ 0, "" }, { result.status, result.err })
        assert.equal(tostring(1 << 30), property("MemoryMax", "web"))
        assert.equal("700", property("TasksMax", "web"))
        sdme.ok("set", "web", "--memory", "")
        assert.equal("infinity", property("MemoryMax", "web"))
        assert.equal("700", property("TasksMax", "web"))
    end)

    it("is there again after a restart of the container", function()
        start("--memory", "300M")
        sdme.ok("restart", "web")
        assert.equal(tostring(300 << 20), property("MemoryMax", "web"))
    end)
end)

for _, userns in ipairs { false, true } do
    local u <const> = userns and "--userns" or "--network-veth=no"
    describe("a bound directory" .. (userns and " under a user namespace" or ""), function()
        local directory

        before_each(function()
            directory = shell.run "mktemp -d /var/tmp/sdme-bind.XXXXXX"
            scratch.finally(function()
                shell.run("rm -rf %s", directory)
            end)
        end)
        after_each(sdme.clean)

        it("is written to by both", function()
            shell.run("echo host >%s", directory .. "/a")
            start(u, "--bind", directory .. ":/data")
            assert.equal("host", inside("cat", "/data/a"))
            inside("sh", "-c", "echo guest >/data/b")
            assert.equal("guest 0:0", shell.run("cat %s; stat -c %%u:%%g %s", directory .. "/b",
                directory .. "/b"):gsub("\n", " "))
        end)

        it("can be read-only", function()
            start(u, "--bind", directory .. ":/data:ro")
            assert.equal(1, sdme.run("exec", "web", "touch", "/data/x").status)
        end)

        it("may have colons and spaces in its name", function()
            local odd <const> = directory .. "/a: b\\c"
            shell.run("mkdir %s && touch %s", odd, odd .. "/x")
            start(u, "--bind", odd:gsub("[\\:]", "\\%0") .. ":/data")
            assert.equal("x", inside("ls", "/data"))
        end)
    end)
end

describe("the environment", function()
    after_each(sdme.clean)

    it("reaches services and commands unchanged, whatever is in it", function()
        local value <const> = [[a b  "c" 'd' \n %n %% $HOME ${x} ; # é]]
        start("--env", "ODD=" .. value, "-e", "PLAIN=1")
        assert.equal(value, inside("printenv", "ODD"))
        assert.equal("1", inside("printenv", "PLAIN"))
    end)

    it("is kept from the process list and from inspect", function()
        start("--env", "SECRET=sesame")
        assert.not_matches("sesame", shell.run "ps axww; ps axeww | grep nspawn | grep -v grep")
        assert.not_matches("sesame", sdme.ok("inspect", "web"))
        assert.equal("sesame", json.decode(sdme.ok("inspect", "web", "--show-secrets"))
            .settings.env.SECRET)
    end)

    it("changes at the next start, and says so", function()
        start("--env", "A=1")
        local result <const> = sdme.run("set", "web", "--env", "A=2")
        assert.equal("web runs: env will change when it is restarted\n", result.err)
        assert.equal("1", inside("printenv", "A"))
        sdme.ok("restart", "web")
        assert.equal("2", inside("printenv", "A"))
        sdme.ok("set", "web", "--env", "")
        sdme.ok("restart", "web")
        assert.equal(1, sdme.run("exec", "web", "printenv", "A").status)
    end)
end)

describe("a device", function()
    after_each(sdme.clean)

    it("can be used only by the container that was given it", function()
        shell.run "test -c /dev/sdme-spec || mknod -m 666 /dev/sdme-spec c 1 8"
        scratch.finally(function()
            shell.run "rm -f /dev/sdme-spec"
        end)
        start("--device", "/dev/sdme-spec")
        assert.equal("4", inside("sh", "-c", "head -c 4 /dev/sdme-spec | wc -c"))
        assert.matches("/dev/sdme%-spec rw", (property("DeviceAllow", "web"):gsub("\n", " ")))
        assert.equal(1, sdme.run("exec", "web", "sh", "-c",
            "mknod /root/disk b 7 0 && head -c 1 /root/disk").status)
    end)
end)

describe("security", function()
    after_each(sdme.clean)

    local function capabilities()
        return tonumber(inside("sh", "-c", "grep CapBnd /proc/self/status | cut -f2"), 16)
    end

    it("keeps root's ids out of the host, with a user namespace", function()
        start "--userns"
        local leader <const> = json.decode(sdme.ok("inspect", "web")).leader
        local base <const> = tonumber(shell.run("stat -c %%u %s", "/proc/" .. leader))
        assert.is_true(base >= 0x80000 and base % 65536 == 0)
        assert.equal("0", inside("id", "-u"))
        assert.equal("0:0", inside("stat", "-c", "%u:%g", "/usr/bin/su"))
        assert.equal("4755", inside("stat", "-c", "%a", "/usr/bin/su"))
        inside("sh", "-c", "touch /root/x && chown 1000:1000 /root/x")
        assert.equal(tostring(base + 1000), shell.run("stat -c %%u %s/containers/web/upper/root/x",
            sdme.datadir()))
        assert.equal("running", inside("systemctl", "is-system-running"))
    end)

    it("gives each user namespace ids of its own, and gives them back", function()
        sdme.ok("create", "--name", "a", "--userns")
        sdme.ok("create", "--name", "b", "--userns")
        local a <const> = json.decode(sdme.ok("inspect", "a")).userns.base
        assert.not_equal(a, json.decode(sdme.ok("inspect", "b")).userns.base)
        sdme.ok("rm", "a")
        sdme.ok("create", "--name", "a", "--userns")
        assert.equal(a, json.decode(sdme.ok("inspect", "a")).userns.base)
    end)

    it("copies nothing for a user namespace", function()
        start "--userns"
        local kilobytes <const> = shell.run("du -sk %s/containers/web/upper | cut -f1",
            sdme.datadir())
        assert.is_true(tonumber(kilobytes) < 1024)
    end)

    it("shifts the owners of what can't be mapped, without copying it", function()
        shell.run [[
            mkdir -p /srv/sdme-spec /var/tmp/sdme-lower && echo content >/var/tmp/sdme-lower/file
            head -c 4M /dev/urandom >/var/tmp/sdme-lower/big
            cp -p /usr/bin/su /var/tmp/sdme-lower/su
            mkdir -p /var/tmp/sdme-empty && mount -t overlay \
                -o lowerdir=/var/tmp/sdme-lower:/var/tmp/sdme-empty overlay /srv/sdme-spec]]
        scratch.finally(function()
            shell.run [[umount /srv/sdme-spec; rm -rf /var/tmp/sdme-lower /var/tmp/sdme-empty
                rmdir /srv/sdme-spec]]
        end)
        start "--userns"
        assert.equal("0:0 4755", inside("stat", "-c", "%u:%g %a", "/srv/sdme-spec/su"))
        inside("sh", "-c", "cat /srv/sdme-spec/file && echo new >/srv/sdme-spec/file")
        local kilobytes <const> = shell.run("du -sk %s/containers/web/mounts | cut -f1",
            sdme.datadir())
        assert.is_true(tonumber(kilobytes) < 1024)
        sdme.ok("restart", "web")
        assert.equal("new", inside("cat", "/srv/sdme-spec/file"))
        assert.equal("content", shell.run "cat /srv/sdme-spec/file")
    end)

    it("takes capabilities away and gives them", function()
        start("--drop-capability", "CAP_CHOWN", "--capability", "net_admin")
        assert.equal(0, capabilities() & 1)
        assert.not_equal(0, capabilities() & 1 << 12)
    end)

    it("lets nobody gain privileges", function()
        start "--no-new-privileges"
        assert.matches("NoNewPrivs:%s*1", inside("cat", "/proc/self/status"))
    end)

    it("are hardened by one flag", function()
        start("--hardened", "--network-veth")
        local status <const> = inside("cat", "/proc/self/status")
        assert.matches("NoNewPrivs:%s*1", status)
        assert.equal(0, capabilities() & 1 << 19) -- CAP_SYS_PTRACE
        assert.not_equal(0, capabilities() & 1)
        assert.matches("^%s*0%s+[1-9]", inside("cat", "/proc/self/uid_map"))
    end)

    it("makes the container's files read-only", function()
        start "--read-only"
        assert.equal(1, sdme.run("exec", "web", "touch", "/usr/x").status)
        inside("touch", "/tmp/x", "/run/x")
    end)

    it("forbids system calls", function()
        start("--system-call-filter", "~chroot")
        local result <const> = sdme.run("exec", "web", "chroot", "/", "true")
        assert.is_true(result.status ~= 0)
    end)
end)

describe("services", function()
    after_each(sdme.clean)

    it("can be masked, and that can change while it is stopped", function()
        start("--masked-services", "systemd-logind,cron.service")
        assert.equal("masked", sdme.run("exec", "web", "systemctl", "is-enabled", "systemd-logind")
            .out:gsub("\n", ""))
        local refused <const> = sdme.run("set", "web", "--masked-services", "")
        assert.equal(1, refused.status)
        assert.matches("hint: sdme stop web", refused.err)
        sdme.ok("stop", "web")
        sdme.ok("set", "web", "--masked-services", "")
        sdme.ok("start", "web")
        assert.not_matches("masked", sdme.run("exec", "web", "systemctl", "is-enabled",
            "systemd-logind").out)
    end)
end)

describe("hidden directories", function()
    after_each(sdme.clean)

    it("can be changed while it is stopped", function()
        sdme.ok("create", "--name", "web", "-o", "/usr/share/zoneinfo")
        sdme.ok("set", "web", "-o", "/usr/share/doc")
        sdme.ok("start", "web")
        assert.equal("", inside("ls", "-A", "/usr/share/doc"))
        assert.equal(shell.run "ls -A /usr/share/zoneinfo",
            inside("ls", "-A", "/usr/share/zoneinfo"))
    end)
end)

describe("a container that ends by itself", function()
    after_each(sdme.clean)

    local function kill_guest()
        sdme.run("exec", "web", "sh", "-c",
            "kill -SEGV 1 2>/dev/null; systemctl --force --force poweroff")
    end

    local function comes_back()
        for _ = 1, 150 do
            core.poll.wait({}, 0.1)
            if status_of "web" == "running" and sdme.run("exec", "web", "true").status == 0 then
                return true
            end
        end
        return false
    end

    it("stays down, unless --restart says otherwise", function()
        start()
        kill_guest()
        core.poll.wait({}, 3)
        assert.equal("stopped", status_of "web")
    end)

    it("is started again, with --restart always", function()
        start("--restart", "always")
        kill_guest()
        assert.is_true(comes_back())
        sdme.ok("stop", "web")
        core.poll.wait({}, 1)
        assert.equal("stopped", status_of "web")
    end)

    it("is started again after a crash, with --restart on-failure", function()
        start("--restart", "on-failure")
        shell.run "systemctl kill --kill-whom=main --signal=KILL sdme@web.service"
        assert.is_true(comes_back())
    end)
end)

describe("enable", function()
    after_each(sdme.clean)

    it("starts a container with the host, until disable", function()
        sdme.ok("create", "--name", "web", "--enable")
        assert.equal("enabled", shell.run "systemctl is-enabled sdme@web.service")
        sdme.ok("disable", "web")
        assert.equal("disabled", shell.run "systemctl is-enabled sdme@web.service || true")
        sdme.ok("enable", "web")
        assert.is_true(json.decode(sdme.ok("inspect", "web")).enabled)
        assert.matches("sdme@web", shell.run "systemctl list-dependencies multi-user.target")
    end)

    it("goes with the container's name", function()
        sdme.ok("create", "--name", "web", "--enable", "--memory", "200M")
        sdme.ok("rename", "web", "front")
        assert.equal("enabled", shell.run "systemctl is-enabled sdme@front.service")
        assert.equal("disabled", shell.run "systemctl is-enabled sdme@web.service || true")
        assert.equal(tostring(200 << 20), property("MemoryMax", "front"))
    end)
end)

describe("rename", function()
    after_each(sdme.clean)

    it("keeps what the container holds, and changes what it is called", function()
        start "--userns"
        inside("touch", "/root/kept")
        local refused <const> = sdme.run("rename", "web", "front")
        assert.equal("sdme: rename web: it is running\nhint: sdme stop web\n", refused.err)
        sdme.ok("stop", "web")
        sdme.ok("rename", "web", "front")
        sdme.ok("start", "front")
        assert.equal("front", sdme.ok("exec", "front", "hostname"))
        sdme.ok("exec", "front", "test", "-e", "/root/kept")
        sdme.ok("rm", "--force", "front")
        assert.equal("", sdme.traces())
    end)

    it("takes no name that is taken or wrong", function()
        sdme.ok("create", "--name", "web")
        sdme.ok("create", "--name", "front")
        assert.equal(1, sdme.run("rename", "web", "front").status)
        assert.equal(2, sdme.run("rename", "web", "Front").status)
        assert.equal("stopped", status_of "web")
    end)
end)
