-- Applications: services of a container, with files of their own.

local application <const> = require "spec.support.application"
local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local ROOT <const> = "/oci/apps/web/root"

-- Waits for a file of an application, and gives its content.
local function written(container, path)
    return wait.until_true(path, function()
        local result <const> = sdme.run("exec", container, "cat", path)
        return result.status == 0 and result.out ~= "" and result.out
    end)
end

local function exists(container, path)
    wait.until_true(path, function()
        return sdme.run("exec", container, "test", "-e", path).status == 0
    end)
end

-- What comes before each NUL, and what is left.
local function split(text)
    local parts <const> = {}
    for part in (text .. "\0"):gmatch "(%Z*)%z" do
        parts[#parts + 1] = part
    end
    return parts
end

-- Imports what is below them, and makes a rootfs of it with one that does nothing.
local function prepare()
    sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    application.make("idle", "debian", { web = { cmd = { "sleep", "inf" } } })
end

-- A container with applications that do what an image says.
local function start(configs, ...)
    application.make("app", "debian", configs)
    sdme.ok("create", "--started", "-r", "app", "--name", "web", ...)
end

local function inspect(name)
    return json.decode(sdme.ok("inspect", name))
end

describe("an application", function()
    setup(prepare)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    local function check_service(...)
        start({ web = {
            cmd = { "sh", "-c", "touch /own; ls / >/list.new; mv /list.new /list; sleep inf" },
        } }, ...)
        local list <const> = written("web", ROOT .. "/list")
        assert.matches("\nown\n", list)
        assert.falsy(list:find "oci")
        assert.is_true(sdme.run("exec", "web", "test", "-e", "/own").status ~= 0)
        assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
        assert.same({ { name = "web", state = "running", layers = inspect("web").layers } },
            inspect("web").apps)
    end

    it("is a service of its container, with a root of its own", function()
        check_service()
    end)

    it("is that in a user namespace, too", function()
        check_service "--userns"
    end)

    it("is that where nobody gains privileges, too", function()
        check_service "--no-new-privileges"
    end)

    it("gains privileges by setuid programs, but not in a hardened container", function()
        local line <const> = "cp /usr/bin/id /var/id; chmod 4755 /var/id; "
            .. "exec setpriv --reuid daemon --clear-groups /var/id"
        start { web = { cmd = { "sleep", "inf" } } }
        assert.matches("euid=0", sdme.ok("exec", "web", "--app", "--", "sh", "-c", line))
        sdme.ok("rm", "--force", "web")
        sdme.ok("create", "--started", "-r", "app", "--name", "web", "--hardened")
        local hardened <const> = sdme.run("exec", "web", "--app", "--", "sh", "-c", line)
        assert.matches("chmod: .*not permitted", hardened.err)
        assert.falsy(hardened.out:find "euid")
    end)

    it("is confined as its container is, from its next start on", function()
        start({ web = { cmd = { "sleep", "inf" } } }, "--userns")
        local function directive(name)
            return sdme.ok("exec", "web", "systemctl", "show", "--value", "-p", name,
                "sdme-oci-web")
        end
        assert.equal("no", directive "NoNewPrivileges")
        sdme.ok("stop", "web")
        sdme.ok("set", "web", "--strict", "--capability", "sys_time")
        sdme.ok("start", "web")
        assert.equal("yes", directive "NoNewPrivileges")
        assert.matches("cap_sys_time", directive "CapabilityBoundingSet")
        assert.equal("no", directive "ProtectClock")
        assert.equal("running", inspect("web").apps[1].state)
    end)

    it("has a container without such a program degraded, which says why", function()
        start { web = { cmd = { "nosuch" } } }
        wait.until_equal("degraded", function() return inspect("web").health end)
        assert.equal("failed", inspect("web").apps[1].state)
        assert.matches("isolate: nosuch: not found", sdme.ok("logs", "web", "--app"))
    end)

    it("has its arguments and environment byte for byte", function()
        local odd <const> = "a  b\t%n %% $HOME ${PATH} $$ \\n 'q' \"d\" `c` ; \r\nü\1\127 "
        start({ web = {
            cmd = { "/bin/sh", "-c", [[ printf "%s\0" "$@" "$ONE" "$TWO" >/new; mv /new /seen
                sleep inf ]], "sh", odd, "", ";", "\\;", "@x" },
            env = { "ONE=" .. odd, "TWO=two" },
        } }, "--oci-env", "TWO=2" .. odd)
        assert.same({ odd, "", ";", "\\;", "@x", odd, "2" .. odd, "" },
            split(written("web", ROOT .. "/seen")))
        assert.falsy(sdme.ok("inspect", "web"):find("2a  b", 1, true))
        assert.equal("2" .. odd, sdme.run("exec", "web", "--app", "--", "printenv", "TWO").out
            :sub(1, -2))
    end)

    it("has a /run that is as in its image whenever its container starts", function()
        start { web = { cmd = { "sleep", "inf" } } }
        sdme.ok("exec", "web", "--app", "--", "touch", "/run/old")
        sdme.ok("restart", "web")
        sdme.ok("exec", "web", "--app", "--", "test", "-d", "/run/lock")
        assert.equal(1, sdme.run("exec", "web", "--app", "--", "test", "-e", "/run/old").status)
    end)

    it("runs as the user and where its image says, in a directory that is made", function()
        start { web = {
            cmd = { "sh", "-c", "sleep inf" }, user = "daemon:games", workdir = "/srv/new",
        } }
        assert.equal("daemon\ngames\n/srv/new\n/usr/sbin", sdme.ok("exec", "web", "--app", "--",
            "sh", "-c", "id -un; id -gn; pwd; echo $HOME"))
        assert.equal("0\n/etc", sdme.ok("exec", "web", "--app", "--user", "root", "--cwd", "/etc",
            "--", "sh", "-c", "id -u; pwd"))
    end)

    it("doesn't run as a user whose number is none", function()
        start { web = { cmd = { "sleep", "inf" }, user = "4294967295:0" } }
        wait.until_equal("failed", function() return inspect("web").apps[1].state end)
        assert.matches("4294967295", sdme.ok("logs", "web", "--app"))
    end)

    it("is ended by the signal that its image names", function()
        start { web = {
            cmd = { "sh", "-c", [[trap 'echo quit >/quit; exit 0' QUIT; echo >/up
                while :; do sleep .1; done]] },
            stop_signal = "SIGQUIT",
        } }
        exists("web", ROOT .. "/up")
        sdme.ok("exec", "web", "systemctl", "stop", "sdme-oci-web")
        assert.equal("quit", sdme.ok("exec", "web", "cat", ROOT .. "/quit"))
    end)

    it("hasn't failed when that signal has killed it", function()
        start { web = { cmd = { "sleep", "inf" } } }
        sdme.ok("exec", "web", "systemctl", "stop", "sdme-oci-web")
        assert.equal("inactive\n",
            sdme.run("exec", "web", "systemctl", "is-active", "sdme-oci-web").out)
    end)

    it("is one of several in a container, each by its name", function()
        start({
            one = { cmd = { "sh", "-c", "echo first; sleep inf" } },
            two = { cmd = { "sh", "-c", "echo second; sleep inf" } },
        }, "--userns")
        assert.same({ "one", "two" }, { inspect("web").apps[1].name, inspect("web").apps[2].name })
        wait.until_true("output", function()
            return sdme.ok("logs", "web", "--app=two"):find "second"
        end)
        assert.falsy(sdme.ok("logs", "web", "--app=two"):find "first")
        sdme.ok("exec", "web", "--oci=one", "--", "touch", "/mine")
        assert.equal(1, sdme.run("exec", "web", "--app=two", "--", "test", "-e", "/mine").status)
        assert.equal("sdme: web has several applications\nhint: name one: one, two\n",
            sdme.run("exec", "web", "--app", "--", "true").err)
        assert.equal("sdme: web has no application 'three'\nhint: it has one, two\n",
            sdme.run("logs", "web", "--app=three").err)
    end)

    it("can be heard when its container has stopped, if that keeps its journal", function()
        local config <const> = {
            cmd = { "sh", "-c", "echo out; echo err >&2; echo `seq 3` done; sleep inf" },
        }
        start({ one = config, two = { cmd = { "sh", "-c", "echo other; sleep inf" } } }, "--userns")
        wait.until_true("output", function()
            return sdme.ok("logs", "web", "--app=one"):find "3 done"
                and sdme.ok("logs", "web", "--app=two"):find "other"
        end)
        assert.matches("%u%l%l %d%d [^\n]*other", sdme.ok("logs", "web", "--app=two"))
        sdme.ok("exec", "web", "journalctl", "--sync")
        sdme.ok("stop", "web")
        local left <const> = sdme.run("logs", "web", "--app=one")
        assert.same({ 0, "" }, { left.status, left.err })
        assert.matches("%d out\n[^\n]+ err\n[^\n]+ 1 2 3 done\n", left.out)
        assert.falsy(left.out:find "other")
        assert.equal("sdme: logs web: to follow an application takes a running container\n"
            .. "hint: sdme start web\n", sdme.run("logs", "web", "--app=one", "--follow").err)
        assert.equal("sdme: web has no application 'x'\nhint: it has one, two\n",
            sdme.run("logs", "web", "--app=x").err)
        shell.run("rm -r %s/containers/web/upper/var/log/journal", sdme.datadir())
        assert.matches("^sdme: logs web: it keeps no journal while it doesn't run\nhint: ",
            sdme.run("logs", "web", "--app=one").err)
        shell.run("ln -s /var/log/journal %s/containers/web/upper/var/log/journal", sdme.datadir())
        assert.equal(1, sdme.run("logs", "web", "--app=one").status)
        sdme.ok("start", "web")
    end)

    it("is refused where its image names no command", function()
        application.make("app", "debian", { web = {} })
        local refused <const> = sdme.run("create", "-r", "app", "--name", "web")
        assert.same({ 1, "sdme: application web: its image names no command\n" },
            { refused.status, refused.err })
    end)
end)

describe("a command in an application", function()
    setup(function()
        prepare()
        sdme.ok("create", "--started", "-r", "idle", "--name", "web", "--oci-env", "ONE=1")
    end)
    teardown(sdme.clean_all)

    local function run(...)
        return sdme.run("exec", "web", "--app", ...)
    end

    it("has its status, signal, streams and processes", function()
        assert.equal(7, run("--", "sh", "-c", "exit 7").status)
        assert.equal(128 + 9, run("--", "sh", "-c", "kill -9 $$").status)
        assert.equal(127, run("--", "nosuch").status)
        local bytes <const> = core.digest.random(100000)
        local path <const> = scratch.directory() .. "/bytes"
        assert(core.file.write(path, bytes))
        assert.equal(bytes, sdme.pipe("<" .. path, "exec", "web", "--app", "--", "cat").out)
        assert.equal("isolate", run("--", "cat", "/proc/1/comm").out:sub(1, -2))
        assert.matches("0::/system.slice/sdme%-oci%-web.service\n",
            run("--", "cat", "/proc/self/cgroup").out)
    end)

    it("has the application's environment, and what is given with it", function()
        assert.equal("1\n2\n", run("--env", "TWO=2", "--", "sh", "-c", "echo $ONE; echo $TWO").out)
    end)

    it("can have a terminal, as a shell can", function()
        local terminal <const> = "TERM=dumb script -qec '%s' /dev/null </dev/null"
        local line <const> = ("%s exec web --app -t -- sh -c tty"):format(sdme.program)
        assert.matches("/dev/pts/%d+", shell.run("export SDME_DATADIR=%s; "
            .. terminal:format(line), sdme.datadir()))
        local result <const> = sdme.pipe("echo 'echo $ONE; exit 3' |", "join", "web", "--app")
        assert.same({ 3, "1\n" }, { result.status, result.out })
    end)

    it("needs it to run", function()
        sdme.ok("exec", "web", "systemctl", "stop", "sdme-oci-web")
        assert.equal("sdme: application web of web is not running\n"
            .. "hint: sdme logs web --app=web\n", run("--", "true").err)
        sdme.ok("exec", "web", "systemctl", "start", "sdme-oci-web")
    end)
end)

describe("the health of an application", function()
    setup(prepare)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    local function states()
        local found <const> = inspect "web"
        return found.health .. " " .. (found.apps[1].health or "none")
    end

    local function check(test)
        return {
            interval = 0.2, retries = 2, start_period = 0, test = test, timeout = 5,
        }
    end

    it("is what the check of its image says, after so many failures in a row", function()
        start { web = {
            cmd = { "sleep", "inf" }, user = "daemon", env = { "FILE=/tmp/sick" },
            healthcheck = check { "CMD-SHELL", 'test "$(id -un)" = daemon && ! [ -e "$FILE" ]' },
        } }
        wait.until_equal("ok healthy", states)
        sdme.ok("exec", "web", "--app", "--", "touch", "/tmp/sick")
        wait.until_equal("unhealthy unhealthy", states)
        assert.is_true(inspect "web".apps[1].failures >= 2)
        assert.matches("\nweb +running +unhealthy ", sdme.ok "ps")
        assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
        sdme.ok("exec", "web", "--app", "--", "rm", "/tmp/sick")
        wait.until_equal("ok healthy", states)
    end)

    it("isn't that of what takes its time to start", function()
        local slow <const> = check { "CMD", "false" }
        slow.start_period, slow.start_interval = 3600, 0.1
        slow.test = { "CMD-SHELL", "echo >>/checked; [ -e /well ]" }
        start { web = { cmd = { "sleep", "inf" }, healthcheck = slow } }
        wait.until_true("checks", function()
            return tonumber(sdme.ok("exec", "web", "sh", "-c",
                "wc -l <" .. ROOT .. "/checked || echo 0")) > 3
        end)
        assert.equal("ok starting", states())
        sdme.ok("exec", "web", "--app", "--", "touch", "/well")
        wait.until_equal("ok healthy", states)
    end)

    it("is that of its own run, and begins anew with the next one", function()
        local slow <const> = check { "CMD", "test", "-e", "/tmp/well" }
        slow.retries = 1
        start({ web = { cmd = { "sleep", "inf" }, healthcheck = slow } }, "--userns")
        wait.until_equal("unhealthy unhealthy", states)
        -- No further check before that of the next run.
        sdme.ok("exec", "web", "systemctl", "stop", "sdme-health-web.timer")
        sdme.ok("exec", "web", "systemctl", "stop", "sdme-oci-web")
        assert.equal("ok none", states())
        sdme.ok("exec", "web", "systemctl", "mask", "--runtime", "sdme-health-web.service")
        sdme.ok("exec", "web", "systemctl", "start", "sdme-oci-web")
        assert.equal("ok starting", states())
        sdme.ok("exec", "web", "systemctl", "unmask", "--runtime", "sdme-health-web.service")
        sdme.ok("exec", "web", "systemctl", "restart", "sdme-oci-web")
        wait.until_equal("unhealthy unhealthy", states)
        sdme.ok("exec", "web", "--app", "--", "touch", "/tmp/well")
        wait.until_equal("ok healthy", states)
        sdme.ok("restart", "web")
        wait.until_equal("ok healthy", states)
    end)

    it("goes on as it was when checks are killed, whatever is in the way", function()
        start { web = { cmd = { "sleep", "inf" }, healthcheck = check { "CMD", "sleep", "0.1" } } }
        wait.until_equal("ok healthy", states)
        for _ = 1, 3 do
            sdme.run("exec", "web", "systemctl", "kill", "-s", "KILL", "sdme-health-web.service")
        end
        sdme.ok("exec", "web", "sh", "-c",
            "systemctl reset-failed; cd /run/sdme-health; rm web; mkfifo web")
        wait.until_equal("ok healthy", states)
        sdme.ok("exec", "web", "sh", "-c", [[systemctl stop sdme-health-web.timer
            systemctl stop sdme-health-web; cd /run/sdme-health; rm -f web; ln -s /etc/passwd web]])
        assert.equal("ok starting", states())
    end)

    it("isn't asked for where the image doesn't say how", function()
        start { web = { cmd = { "sleep", "inf" } } }
        assert.equal("ok none", states())
    end)
end)

describe("the files of an application", function()
    setup(prepare)
    teardown(sdme.clean_all)
    after_each(function()
        sdme.clean()
        sdme.ok("prune", "--force", "--except", "debian,app,idle")
    end)

    local function write_volumes(...)
        start({ web = {
            cmd = { "/bin/sh", "-c", "echo $$ >>/data/log; touch /var/mail/x; exec sleep inf" },
            volumes = { "/data", "/var/mail" },
        } }, ...)
        written("web", ROOT .. "/data/log")
        exists("web", ROOT .. "/var/mail/x")
        assert.equal("root:mail:2775\nroot:mail:644", sdme.ok("exec", "web", "--app", "--",
            "stat", "-c", "%U:%G:%a", "/var/mail", "/var/mail/x"))
        assert.equal("0:8 0:0", shell.run("cd %s && echo $(stat -c %%u:%%g web*mail web*data)",
            sdme.datadir() .. "/volumes/web"))
    end

    it("keep its volumes on the host, with what the image has there", function()
        write_volumes()
        sdme.ok("rm", "--force", "web")
        write_volumes "--userns"
        local log <const> = sdme.datadir() .. "/volumes/web/web%2Fdata/log"
        assert.equal("2", shell.run("wc -l <%s", log))
        assert.falsy(sdme.ok("prune", "--dry-run"):find "volume")
        sdme.ok("stop", "web")
        sdme.ok("rename", "web", "other")
        sdme.ok("rm", "other")
        assert.matches("volume +other/web%%2Fdata +", sdme.ok("prune", "--dry-run"))
        sdme.ok("prune", "--force", "--except", "debian,app,idle,other")
        assert.equal("2", shell.run("wc -l <%s", (log:gsub("volumes/web", "volumes/other"))))
        sdme.ok("prune", "--force", "--except", "debian,app,idle")
        assert.equal("", shell.run("ls %s", sdme.datadir() .. "/volumes"))
    end)

    local WRITER <const> = {
        cmd = { "/bin/sh", "-c", "mkdir -p /data; echo $$ >>/data/log; exec sleep inf" },
        volumes = { "/data" },
    }

    it("go in and out of volumes while the container is stopped, too", function()
        application.make("app", "debian", { web = {
            cmd = { "sleep", "inf" }, volumes = { "/var/mail" },
        } })
        sdme.ok("create", "-r", "app", "--name", "web", "--userns")
        sdme.ok("cp", "/etc/hostname", "web:" .. ROOT .. "/var/mail/in")
        sdme.ok("start", "web")
        assert.equal("0:8", sdme.ok("exec", "web", "--app", "--", "stat", "-c", "%u:%g",
            "/var/mail/in"))
        sdme.ok("exec", "web", "--app", "--", "sh", "-c", "echo out >/var/mail/in")
        sdme.ok("stop", "web")
        local target <const> = scratch.directory() .. "/in"
        sdme.ok("cp", "web:" .. ROOT .. "/var/mail/in", target)
        assert.equal("out\n", core.file.read(target))
    end)

    it("have another directory where the user binds one to a volume's path", function()
        local directory <const> = scratch.directory()
        start({ web = WRITER }, "--bind", directory .. ":" .. ROOT .. "/data")
        written("web", ROOT .. "/data/log")
        assert(core.file.stat(directory .. "/log"))
        assert.is_nil(core.file.stat(sdme.datadir() .. "/volumes/web"))
    end)

    it("are the container's own without volumes", function()
        start({ web = WRITER }, "--no-oci-volumes")
        written("web", ROOT .. "/data/log")
        assert.is_nil(core.file.stat(sdme.datadir() .. "/volumes/web"))
    end)

    it("can't be changed in a container that can't, but for volumes and /run", function()
        start({ web = {
            cmd = { "/bin/sh", "-c", "touch /data/x /run/x; touch /x; sleep inf" },
            volumes = { "/data" }, workdir = "/srv/new",
        } }, "--read-only")
        exists("web", ROOT .. "/data/x")
        local result <const> = sdme.run("exec", "web", "--app", "--", "sh", "-c",
            "[ -e /run/x ] && ! [ -e /x ] && ! touch /y && pwd")
        assert.equal("/srv/new\n", result.out)
    end)

    -- What the container's launcher says of an image that wants too much.
    local function refusal(config, fill)
        application.make("app", "debian", { web = config })
        sdme.ok("create", "-r", "app", "--name", "web")
        fill()
        return sdme.run("start", "web").err
    end

    it("are where links of the image lead to, and never outside of it", function()
        application.make("app", "debian", { web = {
            cmd = { "sh", "-c", "touch /data/x; sleep inf" }, volumes = { "/data" },
        } })
        sdme.ok("create", "-r", "app", "--name", "web")
        local outside <const> = scratch.directory()
        shell.run("ln -s ../../../../../../../..%s %s/data", outside, outside)
        sdme.ok("cp", outside .. "/data", "web:" .. ROOT .. "/")
        local refused <const> = sdme.run("start", "web")
        assert.matches("data", refused.err)
        assert.is_nil(core.file.stat(outside .. "/x"))
    end)

    it("aren't all a volume", function()
        local said <const> = refusal({ cmd = { "true" }, volumes = { "/all" } }, function()
            local link <const> = scratch.directory() .. "/all"
            shell.run("ln -s / %s", link)
            sdme.ok("cp", link, "web:" .. ROOT .. "/")
        end)
        assert.matches("application web: its volume /all is its whole root", said)
    end)

    -- Whether a container of a rootfs has the application as it was when that was made.
    local function check_snapshot(fs, ...)
        sdme.ok("create", "--started", "-r", fs, "--name", "copy", ...)
        assert.equal("daemon 4755\none\ngone", sdme.ok("exec", "copy", "chroot", ROOT, "sh", "-c",
            "stat -c '%U %a' /srv/new; cat /srv/new; [ -e /usr/bin/tac ] || echo gone"))
        assert.equal("active", sdme.ok("exec", "copy", "systemctl", "is-active", "sdme-oci-web"))
        sdme.ok("rm", "--force", "copy")
    end

    local function snapshots(...)
        sdme.ok("create", "-r", "idle", "--name", "web", ...)
        sdme.ok("cp", "/etc/hostname", "web:" .. ROOT .. "/srv/new")
        sdme.ok("start", "web")
        sdme.ok("exec", "web", "chroot", ROOT, "sh", "-c",
            "echo one >/srv/new; chown daemon /srv/new; chmod 4755 /srv/new; rm /usr/bin/tac")
        local diff <const> = sdme.ok("diff", "web", "--", ROOT .. "/srv", ROOT .. "/usr/bin")
        assert.matches("A " .. ROOT .. "/srv/new\n", diff)
        assert.matches("D " .. ROOT .. "/usr/bin/tac$", diff)
        for _, fs in ipairs { "running", "stopped" } do
            sdme.ok("snapshot", "web", fs)
            check_snapshot(fs)
            check_snapshot(fs, "--userns")
            sdme.ok("fs", "rm", "--force", fs)
            if fs == "running" then
                sdme.ok("stop", "web")
            end
        end
        sdme.ok("start", "web")
        assert.equal("one", sdme.ok("exec", "web", "cat", ROOT .. "/srv/new"))
    end

    it("are part of a snapshot", function()
        snapshots()
    end)

    it("are part of a snapshot of a user namespace", function()
        snapshots "--userns"
    end)

    it("are in what is written out, of a rootfs and of a container", function()
        sdme.ok("create", "-r", "idle", "--name", "web", "--userns")
        sdme.ok("cp", "/etc/hostname", "web:" .. ROOT .. "/srv/new")
        local directory <const> = shell.run "mktemp -d /var/tmp/sdme-spec.XXXXXX"
        scratch.finally(function() shell.run("rm -rf %s", directory) end)
        for _, name in ipairs { "fs:idle", "web" } do
            local path <const> = directory .. "/" .. name:gsub("%W", "")
            sdme.ok("fs", "export", name, path)
            assert(core.file.stat(path .. ROOT .. "/bin/sh"))
            assert.equal(name == "web", core.file.exists(path .. ROOT .. "/srv/new"))
            assert(core.file.stat(path .. "/etc/systemd/system/sdme-oci-web.service"))
        end
        sdme.ok("fs", "import", directory .. "/web", "--name", "plain")
        sdme.ok("create", "-r", "plain", "--name", "plain", "--started")
        assert.equal("active", sdme.ok("exec", "plain", "systemctl", "is-active", "sdme-oci-web"))
        assert.equal("0:42", shell.run("stat -c %%u:%%g %s", directory .. "/web" .. ROOT
            .. "/etc/shadow"))
    end)

    it("are copied from a rootfs, too", function()
        local target <const> = scratch.directory()
        sdme.ok("cp", "fs:idle:" .. ROOT .. "/etc/passwd", target)
        assert.matches("^root:", shell.run("cat %s", target .. "/passwd"))
    end)
end)

describe("the ports of an application", function()
    setup(prepare)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    local SERVER <const> = {
        cmd = { "perl", "-MIO::Socket::INET", "-e", [[
            $s = IO::Socket::INET->new(LocalPort => 8181, Listen => 5, ReuseAddr => 1) or die;
            while ($c = $s->accept) { print $c "hello\n"; close $c }]] },
        ports = { { port = 8181, protocol = "tcp" } },
    }

    local function answer(port)
        return wait.until_true("an answer", function()
            local said <const> = shell.run("nc -w 5 127.0.0.1 %s </dev/null; true", tostring(port))
            return said ~= "" and said
        end)
    end

    it("are open on the host", function()
        start({ web = SERVER }, "--network-veth")
        assert.equal("hello", answer(8181))
    end)

    it("are open where the user says", function()
        start({ web = SERVER }, "--network-veth", "--port", "8282:8181")
        assert.equal("hello", answer(8282))
        assert.falsy(shell.succeeds "nc -z -w 1 127.0.0.1 8181")
    end)

    it("aren't with --no-oci-ports", function()
        start({ web = SERVER }, "--network-veth", "--no-oci-ports")
        assert.falsy(shell.succeeds "nc -z -w 1 127.0.0.1 8181")
    end)

    it("are told to be taken as those of the user are", function()
        start({ web = SERVER }, "--network-veth")
        local refused <const> = sdme.run("create", "-r", "app", "--name", "two", "--started",
            "--network-veth")
        assert.equal("sdme: start two: port tcp 8181 of the host is taken by container web\n"
            .. "hint: sdme stop web, or take another: sdme set two --port tcp:8182:8181\n",
            refused.err)
    end)
end)
