-- Pods: containers, or their applications, that share a network.

local application <const> = require "spec.support.application"
local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local killing <const> = require "spec.support.killing"
local raised <const> = require "spec.support.raised"
local refused <const> = require "spec.support.refused"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local wait <const> = require "spec.support.wait"

local HELD <const> = "/run/sdme/netns/pods/"

-- Number 12 of capabilities(7).
local CAP_NET_ADMIN <const> = 1 << 12

local clean <const>, inside <const>, start <const>, inspect <const> =
    sdme.clean_pods, sdme.inside, sdme.start, sdme.inspect_pod

-- The namespaces that are there, those of mounts too, and what pods leave on the host.
local function traces()
    return shell.run([[
        lsns --noheadings --type net --output NS
        grep /run/sdme/ /proc/self/mountinfo
        ls %s 2>/dev/null
        ls %s/pods %s/locks %s/staging
        true]], HELD, sdme.datadir(), sdme.datadir(), sdme.datadir())
end

-- Of a namespace that is held at a path, or of a process: the number that tells it from others.
local function netns_of(path)
    return shell.run("stat -Lc %%i %s", path)
end

local function leader(name)
    return shell.run("machinectl show %s --property Leader --value", name)
end

local function listen(name, port, answer)
    sdme.ok("exec", name, "systemd-run", "--quiet", "socat",
        ("TCP-LISTEN:%d,reuseaddr,fork,bind=127.0.0.1"):format(port), "SYSTEM:echo " .. answer)
end

-- What somebody says at a port of a container's own loopback address; nil if nobody is there.
local function said(name, port)
    local result <const> = sdme.run("exec", name, "socat", "-T5", "-",
        ("TCP:127.0.0.1:%d"):format(port))
    return result.status == 0 and result.out:match "^[^\n]+" or nil
end

local function has_net_admin(pid)
    for _, set in ipairs { "CapBnd", "CapEff", "CapPrm" } do
        local mask <const> = shell.run("grep %s: /proc/%s/status", set, pid):match "%x+$"
        if tonumber(mask, 16) & CAP_NET_ADMIN ~= 0 then
            return true
        end
    end
    return false
end

describe("a pod", function()
    setup(function()
        math.randomseed(os.time())
        sdme.ok "ps"
        sdme.ok("pod", "new", "first") -- makes the directories that stay
        sdme.ok("pod", "rm", "first")
    end)
    after_each(clean)

    it("is a network with nothing but loopback", function()
        assert.equal("shop", sdme.ok("pod", "new", "shop"))
        assert.equal("lo", shell.run("nsenter --net=%s ls /sys/class/net | cat", HELD .. "shop")
            :match "lo")
        local links <const> = shell.run("nsenter --net=%s ip -br addr", HELD .. "shop")
        assert.matches("^lo%s+UNKNOWN%s+127%.0%.0%.1/8 ::1/128%s*$", links)
        local found <const> = inspect "shop"
        assert.equal("up", found.status)
        assert.equal(HELD .. "shop", found.netns)
        assert.same({}, found.addresses)
        assert.same({}, found.containers)
        assert.matches("^NAME%s.*\nshop%s+up%s+%-%s+%-%s+%-%s+%-%s+2%d+", sdme.ok("pod", "ls"))
        assert.same({ found }, json.decode(sdme.ok("pod", "ls", "--json")))
    end)

    it("leaves nothing when it is removed", function()
        local before <const> = traces()
        sdme.ok("pod", "new", "shop")
        assert.not_equal(before, traces())
        sdme.ok("pod", "rm", "shop")
        wait.until_equal(before, traces)
    end)

    it("may have a name of 64 characters", function()
        local one <const> = ("a"):rep(15) .. ("b"):rep(49)
        local other <const> = ("a"):rep(15) .. ("c"):rep(49)
        sdme.ok("pod", "new", one)
        sdme.ok("pod", "new", other)
        assert.not_equal(netns_of(HELD .. one), netns_of(HELD .. other))
        assert.same({ one, other }, { sdme.ok("pod", "ls"):match "\n(%S+).-\n(%S+)" })
        refused.by(2, ".*64 at most.*", "pod", "new", one .. "b")
    end)

    it("isn't made or found under a name that can't be, or twice", function()
        for _, name in ipairs { "", ".", "..", "a/b", "Shop", "1", "a\nb", "shop-" } do
            refused.by(2, ".*", "pod", "new", name)
            assert.not_equal(0, sdme.run("pod", "rm", name).status)
        end
        sdme.ok("pod", "new", "shop")
        local before <const> = traces()
        assert.equal("sdme pod rm shop", refused.by(1, "a pod shop exists", "pod", "new", "shop"))
        assert.equal(before, traces())
        refused.by(1, "there is no pod sho", "pod", "inspect", "sho")
        refused.by(1, "there is no pod sho", "pod", "rm", "sho")
        local hint <const> = refused.by(1, "create web: there is no pod sho", "create", "--name",
            "web", "--pod", "sho")
        assert.equal("sdme pod new sho", hint)
    end)

    it("isn't made of the network of another data directory's", function()
        sdme.ok("pod", "new", "shop")
        local datadir <const> = "SDME_DATADIR=" .. sdme.datadir() .. "/other"
        local other <const> = sdme.pipe(datadir, "pod", "new", "shop")
        assert.equal(1, other.status)
        assert.matches("make pod shop: a pod of another data directory has " .. HELD .. "shop",
            other.err, 1, true)
        shell.run("nsenter --net=%s true", HELD .. "shop")
    end)

    it("that is damaged is shown, and can be removed", function()
        sdme.ok("pod", "new", "shop")
        shell.run("echo '{' >%s/pods/shop.json", sdme.datadir())
        assert.matches("\nshop%s+damaged", sdme.ok("pod", "ls"))
        refused.by(1, ".*/pods/shop%.json is damaged: .*", "pod", "inspect", "shop")
        sdme.ok("pod", "rm", "shop")
        assert.falsy(sdme.ok("pod", "ls"):find "shop")
    end)

    it("stays while a container is in it, which may be stopped", function()
        sdme.ok("pod", "new", "shop")
        sdme.ok("create", "--name", "web", "--pod", "shop")
        assert.equal("sdme rm web", refused.by(1, "pod shop is in use: web", "pod", "rm", "shop"))
        assert.falsy(sdme.ok("prune", "--dry-run"):find "shop")
        assert.same({ { name = "web", app_only = false } }, inspect("shop").containers)
        sdme.ok("rm", "web")
        assert.matches("\npod%s+shop%s", sdme.ok("prune", "--dry-run"))
        assert.falsy(sdme.ok("prune", "--dry-run", "--except", "shop"):find "shop")
        sdme.ok("prune", "--force")
        assert.equal("", shell.run("ls %s %s/pods | grep shop || true", HELD, sdme.datadir()))
    end)

    it("isn't removed while somebody makes a container in it", function()
        for i = 1, 12 do
            sdme.ok("pod", "new", "shop")
            local making <close> = sdme.spawn("create", "--name", "web", "--pod", "shop")
            core.poll.wait({}, i * 0.004)
            local removed <const> = sdme.run("pod", "rm", "shop").status == 0
            local made <const> = task.await(making:wait()).code == 0
            assert.are_not.equal(made, removed)
            sdme.run("rm", "web")
            assert.equal(removed and 1 or 0, sdme.run("pod", "rm", "shop").status)
        end
    end)

    it("is whole, or not there, after SIGKILL", function()
        local before <const> = traces()
        local function check(when)
            local there <const> = sdme.run("pod", "inspect", "k").status == 0
            if there then
                sdme.ok("create", "--name", "k", "--pod", "k", "--started")
                assert.equal("up", inspect("k").status, when)
                sdme.ok("rm", "--force", "k")
                sdme.ok("pod", "rm", "k")
            end
            sdme.ok "ps"
            wait.until_equal(before, traces)
        end
        killing.everywhere(4, 0.02, function() end, check, "pod", "new", "k")
        local step = 0
        repeat
            step = step + 1
            sdme.ok("pod", "new", "k")
            local killed <const> = killing.at(step, "pod", "rm", "k")
            check(("before change %d of rm"):format(step))
        until not killed
        assert.is_true(step > 2)
    end)
end)

for _, flags in ipairs { {}, { "--userns" }, { "--hardened" } } do
    describe("containers in a pod " .. (flags[1] or ""), function()
        after_each(clean)

        it("reach each other at 127.0.0.1, and nobody else does", function()
            sdme.ok("pod", "new", "shop")
            start("one", "--pod", "shop", table.unpack(flags))
            start("other", "--pod", "shop", table.unpack(flags))
            listen("one", 7000, "hello")
            wait.until_equal("hello", function() return said("other", 7000) end)
            assert.is_false(shell.succeeds "socat -T5 - TCP:127.0.0.1:7000 </dev/null")
            for _, name in ipairs { "one", "other" } do
                assert.equal(netns_of(HELD .. "shop"), netns_of("/proc/" .. leader(name)
                    .. "/ns/net"))
                -- A command that failed counts until the guest's systemd has forgotten it.
                wait.until_equal("running", function()
                    return sdme.run("exec", name, "systemctl", "is-system-running").out:match "%S+"
                end)
                assert.matches("\n" .. name .. "%s+running%s+ok%s.*%sshop%s+%-%s+%-\n",
                    sdme.ok "ps" .. "\n")
            end
        end)

        it("have any port there", function()
            sdme.ok("pod", "new", "shop")
            start("one", "--pod", "shop", table.unpack(flags))
            listen("one", 80, "hello")
            wait.until_equal("hello", function() return said("one", 80) end)
        end)

        it("can't change it, and see no interface of the host", function()
            sdme.ok("pod", "new", "shop")
            start("one", "--pod", "shop", table.unpack(flags))
            assert.is_false(has_net_admin(leader "one"))
            assert.equal("lo", inside("one", "ls /sys/class/net"))
            assert.matches("^lo%s[^\n]*127%.0%.0%.1/8 ::1/128%s*$", inside("one", "ip -br addr"))
            for _, line in ipairs {
                "ip link add type veth", "ip addr add 10.1.2.3/8 dev lo", "ip link set lo down",
                "nft add table x", "unshare --user --map-root-user ip link set lo down",
            } do
                assert.not_equal(0, sdme.run("exec", "one", "sh", "-c", line).status, line)
            end
            assert.equal("127.0.0.1/8", inside("one", "ip -br -4 addr show lo"):match "%S+/8")
        end)
    end)
end

describe("a container in a pod", function()
    after_each(clean)

    it("names the host's own name servers, and not the stub on the host's loopback", function()
        sdme.ok("pod", "new", "shop")
        start("one", "--pod", "shop")
        assert.equal(shell.run "cat /run/systemd/resolve/resolv.conf",
            inside("one", "cat /etc/resolv.conf"))
        assert.equal("masked", inside("one", "systemctl is-enabled systemd-resolved || true"))
    end)

    it("finds a new network where that of the pod has gone with the host", function()
        sdme.ok("pod", "new", "shop")
        sdme.ok("create", "--name", "one", "--pod", "shop")
        shell.run "umount /run/sdme/netns/pods/shop && rm -r /run/sdme"
        assert.equal("down", inspect("shop").status)
        sdme.ok("start", "one")
        assert.equal("up", inspect("shop").status)
        assert.equal(netns_of(HELD .. "shop"), netns_of("/proc/" .. leader "one" .. "/ns/net"))
    end)

    it("takes no dead file for its network, also where systemd starts it", function()
        sdme.ok("pod", "new", "shop")
        for _, name in ipairs { "one", "other" } do
            sdme.ok("create", "--name", name, "--pod", "shop")
        end
        sdme.ok("start", "one") -- so that its unit is there
        sdme.ok("stop", "--kill", "one")
        shell.run("umount %s", HELD .. "shop")
        shell.run("echo dead >%s", HELD .. "shop")
        assert.equal("down", inspect("shop").status)
        shell.run "systemctl start sdme@one.service sdme@other.service"
        assert.equal("up", inspect("shop").status)
        assert.equal(netns_of("/proc/" .. leader "one" .. "/ns/net"),
            netns_of("/proc/" .. leader "other" .. "/ns/net"))
        sdme.ok("stop", "--kill", "--all")
    end)

    it("doesn't start without the pod", function()
        sdme.ok("pod", "new", "shop")
        sdme.ok("create", "--name", "one", "--pod", "shop")
        shell.run("rm %s/pods/shop.json", sdme.datadir())
        assert.equal("sdme pod new shop",
            refused.by(1, "start one: there is no pod shop", "start", "one"))
        assert.is_false(shell.succeeds "systemctl start sdme@one.service")
        shell.run("umount %s", HELD .. "shop")
        sdme.ok("pod", "new", "shop")
        sdme.ok("start", "one")
    end)

    it("keeps it when it is renamed, restarted and killed", function()
        sdme.ok("pod", "new", "shop")
        start("one", "--pod", "shop", "--userns")
        local own <const> = netns_of(HELD .. "shop")
        shell.run "systemctl kill --signal KILL sdme@one.service"
        wait.until_true("it has ended", function()
            local state <const> = shell.run "systemctl show sdme@one.service -P ActiveState"
            return state == "inactive" or state == "failed"
        end)
        sdme.ok("rename", "one", "two")
        sdme.ok("start", "two")
        sdme.ok("restart", "two")
        assert.equal(own, netns_of("/proc/" .. leader "two" .. "/ns/net"))
        assert.same({ { name = "two", app_only = false } }, inspect("shop").containers)
        sdme.ok("snapshot", "two", "spec-pod-snapshot")
        sdme.ok("create", "--name", "three", "-r", "spec-pod-snapshot")
        assert.falsy(json.decode(sdme.ok("inspect", "three")).settings.pod)
        sdme.ok("rm", "three")
        sdme.ok("fs", "rm", "spec-pod-snapshot")
    end)

    it("goes in and out of it by set", function()
        sdme.ok("pod", "new", "shop")
        sdme.ok("create", "--name", "one", "--hardened")
        refused.by(2, "%-%-pod and %-%-private%-network exclude each other", "set", "one", "--pod",
            "shop")
        sdme.ok("set", "one", "--pod", "shop", "--private-network=no")
        refused.by(1, "set one: there is no pod nowhere", "set", "one", "--pod", "nowhere")
        refused.by(1, "pod shop is in use: one", "pod", "rm", "shop")
        sdme.ok("start", "one")
        assert.equal(netns_of(HELD .. "shop"), netns_of("/proc/" .. leader "one" .. "/ns/net"))
        assert.equal("one runs: pod will change when it is restarted\n",
            sdme.run("set", "one", "--pod", "").err)
        sdme.ok("restart", "one")
        assert.equal(netns_of "/proc/self/ns/net", netns_of("/proc/" .. leader "one" .. "/ns/net"))
        sdme.ok("pod", "rm", "shop")
    end)

    it("comes by the library as by the command line", function()
        sdme.select()
        local library <const> = require "sdme"
        local pod <const> = library.create_pod "shop"
        assert.equal("pod shop", tostring(pod))
        assert.equal("EUSAGE", raised(library.pod, {}).code)
        assert.equal("ENOENT", raised(library.pod, "sho").code)
        local one <const> = library.create { name = "one", pod = "shop" }
        assert.same({ "one" }, library.pod("shop"):containers())
        assert.equal("EBUSY", raised(pod.remove, pod).code)
        assert.equal("shop", library.pods()[1].name)
        assert.equal("up", pod:inspect().status)
        one:remove()
        pod:remove()
        assert.same({}, library.pods())
    end)
end)

describe("an application in a pod", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        sdme.ok("fs", "import", debian.path "oci/redis", "--name", "redis", "--base-fs", "debian")
        sdme.ok("fs", "import", debian.path "oci/nginx", "--name", "nginx", "--base-fs", "debian")
    end)
    teardown(sdme.clean_all)
    after_each(clean)

    local function redis_from(name)
        local result <const> = sdme.run("exec", name, "bash", "-c",
            "exec 3<>/dev/tcp/127.0.0.1/6379 && echo PING >&3 && head -n 1 <&3")
        return result.status == 0 and result.out:match "%w+" or nil
    end

    it("is reached by the others, while its container's systemd is elsewhere", function()
        sdme.ok("pod", "new", "shop")
        start("db", "-r", "redis", "--oci-pod", "shop")
        start("front", "-r", "nginx", "--pod", "shop", "--userns")
        start("side", "-r", "nginx", "--oci-pod", "shop", "--private-network")
        wait.until_equal("PONG", function() return redis_from "front" end)
        assert.is_nil(redis_from "db")
        assert.is_nil(redis_from "side")
        assert.is_false(shell.succeeds "socat -T5 - TCP:127.0.0.1:6379 </dev/null")
        assert.equal("PONG", sdme.ok("exec", "db", "--app", "redis-cli", "ping"))
        assert.equal(netns_of(HELD .. "shop"),
            sdme.ok("exec", "db", "--app", "readlink", "/proc/self/ns/net"):match "%d+")
        assert.equal(netns_of "/proc/self/ns/net", netns_of("/proc/" .. leader "db" .. "/ns/net"))
        assert.matches("\ndb%s.*%sapp:shop%s", sdme.ok "ps")
        assert.same({
            { name = "db", app_only = true }, { name = "front", app_only = false },
            { name = "side", app_only = true },
        }, inspect("shop").containers)
        refused.by(1, "pod shop is in use: db, front, side", "pod", "rm", "shop")
    end)

    it("can't change it, and nor can its container", function()
        sdme.ok("pod", "new", "shop")
        start("db", "-r", "redis", "--oci-pod", "shop", "--private-network")
        assert.is_false(has_net_admin(leader "db"))
        local app <const> = inside("db", "systemctl show sdme-oci-redis -P MainPID")
        assert.equal("0", inside("db", ("grep CapBnd /proc/%s/status"):format(app)):match("%x+$")
            :sub(-4, -4):gsub("[02468ace]", "0"))
        refused.by(2, "%-%-oci%-pod and %-%-capability CAP_NET_ADMIN exclude each other", "create",
            "-r", "redis", "--oci-pod", "shop", "--capability", "net_admin")
    end)

    it("is in another one than its container, and in the same one", function()
        sdme.ok("pod", "new", "back")
        sdme.ok("pod", "new", "shop")
        start("db", "-r", "redis", "--oci-pod", "back", "--pod", "shop")
        wait.until_equal("PONG", function()
            return sdme.run("exec", "db", "--app", "redis-cli", "ping").out:match "%w+"
        end)
        assert.is_nil(redis_from "db")
        assert.matches("%sshop,app:back%s", sdme.ok "ps")
        sdme.ok("set", "db", "--oci-pod", "shop")
        sdme.ok("restart", "db")
        wait.until_equal("PONG", function() return redis_from "db" end)
        sdme.ok("pod", "rm", "back")
        sdme.ok("set", "db", "--oci-pod", "")
        sdme.ok("restart", "db")
        wait.until_equal("PONG", function() return redis_from "db" end)
    end)

    it("has names and name servers that it can use there", function()
        sdme.ok("pod", "new", "shop")
        start("db", "-r", "redis", "--oci-pod", "shop")
        assert.equal(shell.run "cat /run/systemd/resolve/resolv.conf",
            sdme.ok("exec", "db", "--app", "cat", "/etc/resolv.conf"))
        assert.matches("127%.0%.1%.1 db", sdme.ok("exec", "db", "--app", "cat", "/etc/hosts"))
        assert.equal("running", inside("db", "systemctl is-system-running --wait"))
    end)

    it("isn't in one where there is none, or an interface that is set up", function()
        sdme.ok("pod", "new", "shop")
        refused.by(1, "create one: it has no application that could be in pod shop", "create",
            "--name", "one", "--oci-pod", "shop")
        refused.by(2, "%-%-oci%-pod and %-%-network%-veth exclude each other", "create", "-r",
            "redis", "--oci-pod", "shop", "--network-veth")
    end)

    it("is none of what a snapshot takes along", function()
        application.make("idle", "debian", { web = { cmd = { "sleep", "inf" } } })
        sdme.ok("pod", "new", "shop")
        start("db", "-r", "idle", "--oci-pod", "shop")
        sdme.ok("snapshot", "db", "taken")
        sdme.ok("rm", "--force", "db")
        sdme.ok("pod", "rm", "shop")
        start("again", "-r", "taken")
        assert.equal("active", inside("again", "systemctl is-active sdme-oci-web"))
        assert.falsy(inside("again", "systemctl cat sdme-oci-web"):find "NetworkNamespacePath")
        assert.equal("", inside("again", "ls /run/sdme 2>/dev/null || true"))
    end)
end)
