-- Applications of containers with a user namespace in the network of a pod, which only the host can
-- enter.

local application <const> = require "spec.support.application"
local debian <const> = require "spec.support.debian"
local refused <const> = require "spec.support.refused"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local HELD <const> = "/run/sdme/netns/pods/"
local REQUEST <const> = "/oci/apps/web/root/.sdme/request --socket /run/sdme/broker -- "

-- What of a process its children have too.
local INHERITED <const> = [[
    grep -E '^(Umask|[UG]id|Groups|Seccomp.*|Cap.*|NoNewPrivs|Sig(Blk|Ign)|Cpus.*):' $P/status
    cat $P/limits $P/oom_score_adj $P/personality $P/timerslack_ns $P/cgroup
    cut -d')' -f2 $P/stat | cut -d' ' -f17,18,40,41
    for n in user mnt uts cgroup; do readlink /proc/self/ns/$n; done]]

local function start(name, ...)
    sdme.ok("create", "--name", name, "--started", ...)
end

local function inside(name, line)
    return sdme.ok("exec", name, "sh", "-c", line)
end

-- Both streams of a command of root in the container, whatever comes of it.
local function tried(name, line)
    return sdme.run("exec", name, "sh", "-c", line .. " 2>&1; true").out
end

local function netns_of(path)
    return shell.run("stat -Lc %%i %s", path)
end

local function leader(name)
    return shell.run("machinectl show %s --property Leader --value", name)
end

local function ping(name)
    local result <const> = sdme.run("exec", name, "bash", "-c",
        "exec 3<>/dev/tcp/127.0.0.1/6379 && echo PING >&3 && head -n 1 <&3")
    return result.status == 0 and result.out:match "%w+" or nil
end

-- What a process of a container has, by the name of its program.
local function inherited(name, program)
    return (inside(name,
        ("for P in /proc/[0-9]*; do if [ $(cat $P/comm) = %s ]; then %s; fi; done"):format(program,
            INHERITED)):gsub("\n[^\n]*%[%d+%]", ""))
end

local function unit(name, property)
    return inside(name, "systemctl show sdme-oci-web -P " .. property)
end

local function clean()
    sdme.clean()
    for name in sdme.run("__complete", "pod").out:gmatch "[^\n]+" do
        sdme.ok("pod", "rm", name)
    end
end

-- A container with an application that does nothing, or what it is told.
local function start_idle(...)
    application.change("idle", { cmd = { "sh", "-c", ... or "exec sleep inf" } })
    sdme.ok("pod", "new", "shop")
    start("one", "-r", "idle", "--userns", "--oci-pod", "shop")
end

describe("an application of a container with a user namespace", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        sdme.ok("fs", "import", debian.path "oci/redis", "--name", "redis", "--base-fs", "debian")
        application.make("idle", "debian", { web = { cmd = { "sleep", "inf" } } })
    end)
    teardown(sdme.clean_all)
    after_each(clean)

    for _, level in ipairs { "--userns", "--hardened", "--strict" } do
        it("is in the pod alone, and may what it else may: " .. level, function()
            sdme.ok("pod", "new", "shop", "--port", "16379:6379")
            start("db", "-r", "redis", level, "--oci-pod", "shop")
            start("front", "-r", "debian", "--pod", "shop")
            wait.until_equal("PONG", function() return ping "front" end)
            assert.is_nil(ping "db")
            assert.not_equal(netns_of(HELD .. "shop"), netns_of("/proc/" .. leader "db"
                .. "/ns/net"))
            assert.equal("PONG", sdme.ok("exec", "db", "--app", "redis-cli", "ping"))
            assert.equal(netns_of(HELD .. "shop"),
                sdme.ok("exec", "db", "--app", "readlink", "/proc/self/ns/net"):match "%d+")
            assert.matches("PONG", shell.run("bash -c %s",
                "exec 3<>/dev/tcp/127.0.0.1/16379 && echo PING >&3 && head -n 1 <&3"))
            assert.matches("\ndb%s.*%sapp:shop%s", sdme.ok "ps")
            start("other", "-r", "redis", level)
            assert.matches("CapBnd.*Seccomp_filters", inherited("db", "redis-server"))
            assert.equal(inherited("other", "redis-server"), inherited("db", "redis-server"))
            local own <const> = "P=/proc/self; " .. INHERITED .. " | sed 's/\\[.*//'"
            assert.equal(sdme.ok("exec", "other", "--app", "sh", "-c", own),
                sdme.ok("exec", "db", "--app", "sh", "-c", own))
            wait.until_equal("running", function()
                return sdme.run("exec", "db", "systemctl", "is-system-running").out:match "%S+"
            end)
        end)
    end

    it("sees no network but the pod's", function()
        start_idle()
        assert.equal("lo", sdme.ok("exec", "one", "--app", "sh", "-c",
            "sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev; ls /sys/class/net"))
        assert.equal("0", sdme.ok("exec", "one", "--app", "sh", "-c",
            "grep -c sdme.broker /proc/self/mountinfo || true"))
        assert.matches("0 1 2 3$", (sdme.ok("exec", "one", "--app", "sh", "-c",
            "echo $(ls /proc/self/fd)")))
    end)

    it("can't change it, and nor can its container, with an interface of its own", function()
        sdme.ok("pod", "new", "shop")
        start("one", "-r", "idle", "--userns", "--network-veth", "--oci-pod", "shop")
        local pid <const> = inside("one", "pgrep -x sleep || grep -lx sleep /proc/[0-9]*/comm")
            :match "%d+"
        assert.equal(netns_of(HELD .. "shop"), inside("one", "readlink /proc/" .. pid
            .. "/ns/net"):match "%d+")
        assert.not_equal(0, sdme.run("exec", "one", "nsenter", "--net=/proc/" .. pid .. "/ns/net",
            "true").status)
        refused.by(2, "%-%-oci%-pod and %-%-capability CAP_NET_ADMIN exclude each other", "create",
            "-r", "idle", "--userns", "--oci-pod", "shop", "--capability", "net_admin")
    end)

    it("is checked there", function()
        application.change("idle", {
            cmd = { "sleep", "inf" }, healthcheck = {
                test = { "CMD-SHELL", "readlink /proc/self/ns/net >/tmp/net" }, interval = 0.2,
                timeout = 5, retries = 1, start_period = 0,
            },
        })
        sdme.ok("pod", "new", "shop")
        start("one", "-r", "idle", "--userns", "--oci-pod", "shop")
        wait.until_true("it is healthy", function()
            return tried("one", "cat /run/sdme-health/web"):find "^healthy"
        end)
        assert.equal(netns_of(HELD .. "shop"),
            sdme.ok("exec", "one", "--app", "cat", "/tmp/net"):match "%d+")
        application.make("idle", "debian", { web = { cmd = { "sleep", "inf" } } })
    end)

    it("ends as its unit is told, and tells how", function()
        local function says(word)
            wait.until_true(word, function()
                return sdme.ok("logs", "one", "--app=web"):find(word)
            end)
        end
        start_idle "trap 'echo ended; exit 0' TERM; echo begun; while true; do sleep 0.1; done"
        says "begun"
        inside("one", "systemctl stop sdme-oci-web")
        assert.equal("success", unit("one", "Result"))
        says "ended"
        assert.equal("", inside("one", "cat /sys/fs/cgroup/system.slice/sdme-oci-web.service/"
            .. "cgroup.procs 2>/dev/null || true"))
        inside("one", "systemctl start sdme-oci-web")
        assert.equal(7, sdme.run("exec", "one", "--app", "sh", "-c", "exit 7").status)
        assert.equal(137, sdme.run("exec", "one", "--app", "sh", "-c", "kill -9 $$").status)
        assert.equal(127, sdme.run("exec", "one", "--app", "nothing").status)
    end)

    it("comes back whatever of it is killed", function()
        start_idle()
        for _, program in ipairs { "request", "isolate", "devfd" } do
            local before <const> = unit("one", "MainPID")
            inside("one", ("for P in /proc/[0-9]*; do [ $(cat $P/comm) = %s ] && "
                .. "kill -9 ${P#/proc/} && break; done"):format(program))
            wait.until_true(program .. " is back", function()
                local now <const> = unit("one", "MainPID")
                return now ~= "0" and now ~= before and unit("one", "ActiveState") == "active"
            end)
            wait.until_equal("1", function()
                return tried("one", "cat /proc/[0-9]*/comm | grep -cx sleep"):match "%d+"
            end)
        end
    end)

    it("has a shell with jobs at a terminal", function()
        start_idle()
        local said <const> = shell.run("SDME_DATADIR=%s script -qec '%s join one --app sh -c "
            .. "\"tty; cat /proc/self/stat\"' /dev/null </dev/null", sdme.datadir(), sdme.program)
        assert.matches("/dev/pts/", said)
    end)

    it("is brought into it by nobody but root of its container", function()
        start_idle()
        local asked <const> = REQUEST .. "/bin/echo made"
        assert.matches("made", tried("one", asked))
        assert.matches("permission denied", tried("one", "setpriv --reuid 1000 --clear-groups "
            .. asked))
        assert.matches("expected the user namespace of the container",
            tried("one", "unshare --user --map-root-user " .. asked))
        assert.matches("expected all capabilities of its bounding set",
            tried("one", "setpriv --securebits=+noroot,+noroot_locked " .. asked))
        local path <const> = "/run/sdme/broker/one.socket"
        assert.matches("expected the user namespace", shell.run(
            "perl -MSocket -e %s %s", [[socket(S, 1, 5, 0); connect(S, pack_sockaddr_un($ARGV[0]));
            recv(S, $_, 9, 0); send(S, "x", 0); recv(S, $_, 999, 0); print]], path)
            :gsub("Erequest: expected 3 descriptors.*", "expected the user namespace"))
    end)

    it("gets no more than who asks has", function()
        start_idle()
        local confined <const> = "systemd-run --quiet --pipe --wait "
            .. "-p 'CapabilityBoundingSet=~CAP_NET_RAW CAP_MKNOD' -p SystemCallFilter=~mkdir "
            .. "-p LimitNOFILE=77 -p UMask=0027 -p Nice=5 -p OOMScoreAdjust=300 "
            .. "-p NoNewPrivileges=yes -p CPUAffinity=0 -p TasksMax=50 -p Personality=x86 "
            .. "-p ProtectHome=yes -p PrivateTmp=yes -p SystemCallErrorNumber=EACCES %s"
            .. "/bin/sh -c 'P=/proc/self; mkdir /tmp/x; %s'"
        -- posix_spawn(3) has those that libc keeps for itself ignored once they were ever used.
        local function without_own_signals(mask)
            return ("SigIgn:\t%016x"):format(tonumber(mask, 16) & ~(1 << 31 | 1 << 32))
        end
        local function has(prefix)
            local said = tried("one", confined:format(prefix, (INHERITED:gsub("'", [['\'']]))))
            for _, own in ipairs { "[^\n]*%.service\n", "[^\n]*mnt:[^\n]*", "request: [^\n]*" } do
                said = said:gsub(own, "") -- of each unit, and of `request` that isn't answered
            end
            return (said:gsub("\n+", "\n"):gsub("SigIgn:\t(%x+)", without_own_signals))
        end
        local own <const> = has ""
        assert.matches("mkdir: .*Permission denied.*NoNewPrivs:\t1", own)
        assert.equal(own, has(REQUEST))
    end)

    it("is no way for anything of the host's, nor for nonsense", function()
        start_idle()
        assert.matches("too many levels of symbolic links",
            tried("one", REQUEST .. "/proc/self/exe"):lower())
        assert.matches("^1%s", tried("one", REQUEST .. "/bin/sh -c 'sed -n s/^PPid://p "
            .. "/proc/$$/status'"):gsub("^%s+", ""))
        local speak <const> = [[perl -MSocket -e '
            for my $said ("", "x", "x" x 200000, pack("LL", 1 << 31, 0)) {
                socket(S, 1, 5, 0); connect(S, pack_sockaddr_un("/run/sdme/broker"));
                recv(S, $_, 9, 0); send(S, $said, 0); recv(S, $_, 999, 0); print "$_\n";
            }']]
        for line in tried("one", speak):gmatch "[^\n]+" do
            assert.matches("^Erequest: expected 3 descriptors", line)
        end
        inside("one", [[systemd-run --quiet perl -MSocket -e '
            for (0 .. 9) {
                socket($s[$_], 1, 5, 0); connect($s[$_], pack_sockaddr_un("/run/sdme/broker"));
            } sleep 60']])
        assert.equal("made", sdme.ok("exec", "one", "--app", "echo", "made"))
    end)

    it("leaves nothing", function()
        start_idle()
        for _, how in ipairs { "kill --signal KILL", "stop" } do
            shell.run("systemctl " .. how .. " sdme@one")
            wait.until_equal("", function()
                return shell.run [[ls /run/sdme/broker
                    systemctl list-units --all --no-legend 'sdme-broker@*']]
            end)
            sdme.ok("start", "one")
        end
        sdme.ok("stop", "one")
        sdme.ok("set", "one", "--oci-pod", "")
        sdme.ok("start", "one")
        assert.equal(netns_of "/proc/self/ns/net",
            sdme.ok("exec", "one", "--app", "readlink", "/proc/self/ns/net"):match "%d+")
        sdme.ok("snapshot", "one", "taken")
        sdme.ok("rm", "--force", "one")
        start("again", "-r", "taken")
        assert.falsy(inside("again", "systemctl cat sdme-oci-web"):find "request")
    end)
end)
