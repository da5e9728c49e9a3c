-- Names: containers find each other and the host, and the host finds them.

local application <const> = require "spec.support.application"
local debian <const> = require "spec.support.debian"
local footprint <const> = require "spec.support.footprint"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local RECORDS <const> = "/run/sdme/names"

local clean <const>, inside <const>, start <const> = sdme.clean_pods, sdme.inside, sdme.start

local function hosts(name)
    return sdme.run("exec", name, "cat", "/etc/hosts").out
end

-- The addresses by which somebody knows a name, as the hosts file says.
local function known(text, name)
    local found <const> = {}
    for address in text:gmatch("(%S+) " .. name:gsub("[.-]", "%%%0") .. "\n") do
        found[#found + 1] = address
    end
    return table.concat(found, " ")
end

local function finds(from, to)
    wait.until_true(("%s finds %s"):format(from, to), function()
        return known(hosts(from), to) ~= ""
    end)
end

local function reaches(from, to)
    finds(from, to)
    wait.until_true(("%s reaches %s"):format(from, to), function()
        return sdme.run("exec", from, "ping", "-c", "1", "-W", "5", to).status == 0
    end)
end

local function service()
    return shell.run "systemctl is-active sdme-names || true"
end

-- A host that doesn't ask machined, for the time of one spec.
local function without_machined()
    shell.run "cp /etc/nsswitch.conf /run/nsswitch.spec; sed -i s/mymachines// /etc/nsswitch.conf"
    scratch.finally(function()
        shell.run "mv /run/nsswitch.spec /etc/nsswitch.conf"
    end)
end

describe("containers of a zone", function()
    before_each(footprint.take)
    after_each(function()
        clean()
        footprint.assert_unchanged()
    end)

    it("find each other and the host, as long as they run", function()
        local before <const> = shell.run "cat /etc/hosts"
        start("one", "--network-zone", "shop")
        start("two", "--network-zone", "shop", "--userns", "--read-only")
        start("three", "--network-veth", "--userns")
        reaches("one", "two")
        reaches("two", "one")
        for _, name in ipairs { "one", "two", "three" } do
            reaches(name, "host.sdme.internal")
        end
        assert.equal("", known(hosts "three", "one"))
        assert.equal("", known(hosts "one", "three"))
        wait.until_true("the host finds it too", function()
            return shell.run "getent ahosts two || true":find(known(hosts "one", "two"), 1, true)
        end)
        assert.equal(before, shell.run "cat /etc/hosts")
        sdme.ok("stop", "--kill", "two")
        wait.until_equal("", function() return known(hosts "one", "two") end)
        assert.equal("active", service())
        sdme.ok("stop", "--kill", "--all")
        wait.until_equal("inactive", service)
        assert.equal("", shell.run("ls %s", RECORDS))
    end)

    it("are found again by others when they are killed, and at another address", function()
        start("one", "--network-zone", "shop")
        start("two", "--network-zone", "shop")
        finds("one", "two")
        shell.run "systemctl kill --signal KILL sdme@two.service"
        wait.until_equal("", function() return known(hosts "one", "two") end)
        shell.run "systemctl kill --signal KILL sdme-names.service"
        sdme.ok("start", "two")
        finds("one", "two")
        local own <const> = known(hosts "one", "two")
        local other <const> = own:gsub("%d+$", function(last)
            return ("%d"):format((tonumber(last) + 7) % 100 + 100)
        end)
        inside("two", ("ip addr add %s/24 dev host0"):format(other))
        wait.until_true("the new address", function()
            return known(hosts "one", "two"):find(other, 1, true)
        end)
    end)

    it("can't take the name of another, or of what isn't theirs", function()
        start("one", "--network-zone", "shop")
        start("two", "--network-zone", "shop")
        finds("one", "two")
        local own <const> = known(hosts "one", "two")
        inside("two", [[for a in 8.8.8.8/32 127.5.5.5/8 169.254.1.1/16; do
            ip addr add $a dev host0; done; hostname one; echo one >/etc/hostname
            echo 10.0.0.1 one >>/etc/hosts || true; umount /etc/hosts || true
            echo 10.0.0.1 one >>/etc/hosts || true]])
        inside("two", "ip addr add 192.0.2.1/32 dev host0; ip addr del 192.0.2.1/32 dev host0")
        start("three", "--network-zone", "shop") -- all is looked at again
        finds("one", "three")
        assert.equal(own, known(hosts "one", "two"))
        assert.equal("", known(hosts "one", "one"):gsub("127%.0%.1%.1", ""))
    end)

    it("are in the host's own file where machined isn't asked", function()
        without_machined()
        local before <const> = shell.run "cat /etc/hosts; stat -c %%a%%u%%g /etc/hosts"
        start("one", "--network-zone", "shop")
        local function address()
            return known(shell.run "cat /etc/hosts" .. "\n", "one")
        end
        wait.until_true("its address", function() return address() ~= "" end)
        assert.equal(address(), shell.run "getent hosts one":match "%S+")
        start("clone")
        assert.falsy(hosts "clone":find(address(), 1, true))
        sdme.ok("stop", "--kill", "one")
        assert.equal(before, shell.run "cat /etc/hosts; stat -c %%a%%u%%g /etc/hosts")
    end)

    it("are in no file of the host's that isn't a file", function()
        without_machined()
        shell.run "mv /etc/hosts /etc/hosts.spec; ln -s hosts.spec /etc/hosts"
        scratch.finally(function()
            shell.run "mv /etc/hosts.spec /etc/hosts"
        end)
        start("one", "--network-zone", "shop")
        wait.until_true("a note", function()
            return shell.run("journalctl -u sdme-names --no-pager"):find(
                "/etc/hosts is no file; it says nothing of containers", 1, true)
        end)
        assert.equal("hosts.spec", shell.run "readlink /etc/hosts")
    end)

    it("leave nothing for ever when nobody tells of their end", function()
        without_machined()
        start("one", "--network-zone", "shop")
        wait.until_true("its address", function()
            return known(shell.run "cat /etc/hosts" .. "\n", "one") ~= ""
        end)
        shell.run("cp %s/one.json /run/kept.json", RECORDS)
        local block <const> = shell.run "cat /etc/hosts"
        sdme.ok("stop", "--kill", "one")
        shell.run("mv /run/kept.json %s/one.json", RECORDS)
        assert(require("sdme.core").file.write("/etc/hosts", block .. "\n"))
        sdme.ok "ps"
        assert.falsy(shell.run("cat /etc/hosts"):find "sdme")
        assert.equal("", shell.run("ls %s", RECORDS))
        shell.run("echo '{' >%s/one.json", RECORDS)
        sdme.ok("pod", "new", "shop")
        start("two", "--pod", "shop")
        sdme.ok "ps"
        assert.falsy(shell.run("ls %s", RECORDS):find "one")
        sdme.ok("rm", "--force", "two")
        assert(require("sdme.core").file.write("/etc/hosts", block .. "\n"))
        sdme.ok "ps"
        assert.falsy(shell.run("cat /etc/hosts"):find "sdme")
    end)
end)

describe("containers of a pod", function()
    before_each(footprint.take)
    after_each(function()
        clean()
        footprint.assert_unchanged()
    end)

    it("find each other on its loopback, as long as they run", function()
        sdme.ok("pod", "new", "shop")
        start("one", "--pod", "shop")
        start("two", "--pod", "shop", "--userns")
        assert.equal("127.0.0.1 ::1", known(hosts "one", "two"))
        assert.equal("127.0.0.1 ::1", known(hosts "two", "one"))
        assert.matches("^::1%s", inside("one", "getent hosts two"))
        assert.equal("", known(hosts "one", "host.sdme.internal"))
        assert.equal("inactive", service())
        sdme.ok("stop", "--kill", "two")
        assert.equal("", known(hosts "one", "two"))
        sdme.ok("restart", "one")
        assert.equal("", known(hosts "one", "two"))
        sdme.ok("rename", "two", "three")
        sdme.ok("start", "three")
        assert.equal("127.0.0.1 ::1", known(hosts "one", "three"))
    end)

    it("find those of other pods in a zone, for as long as theirs is there too", function()
        sdme.ok("pod", "new", "back")
        sdme.ok("pod", "new", "shop")
        start("one", "--pod", "shop", "--userns")
        start("two", "--pod", "back")
        sdme.ok("pod", "net", "attach", "shop", "zone=lab")
        assert.equal("", known(hosts "one", "two"))
        sdme.ok("pod", "net", "attach", "back", "zone=lab")
        reaches("one", "two")
        reaches("two", "one")
        reaches("one", "host.sdme.internal")
        start("three", "--network-zone", "lab")
        finds("three", "one")
        sdme.ok("pod", "net", "detach", "back", "zone=lab")
        for _, name in ipairs { "one", "three" } do
            assert.equal("", known(hosts(name), "two"))
        end
        assert.equal("", known(hosts "two", "host.sdme.internal"))
    end)

    it("take no names along in snapshots", function()
        sdme.ok("pod", "new", "shop")
        start("one", "--pod", "shop")
        start("two", "--pod", "shop")
        assert.equal("127.0.0.1 ::1", known(hosts "one", "two"))
        sdme.ok("snapshot", "one", "taken")
        assert.falsy(shell.run("cat %s/etc/hosts", sdme.top_layer "taken"):find "two")
        sdme.ok("rm", "--force", "one")
        start("again", "-r", "taken")
        assert.equal("", known(hosts "again", "two"))
        assert.equal("127.0.0.1", known(hosts "again", "host.sdme.internal"))
        sdme.ok("rm", "--force", "again")
        sdme.ok("fs", "rm", "taken")
    end)

    it("start with whatever is at /etc/hosts", function()
        sdme.ok("pod", "new", "shop")
        start("two", "--pod", "shop")
        for _, line in ipairs {
            "rm etc/hosts", "rm etc/hosts; mkdir etc/hosts", "rm etc/hosts; mkfifo etc/hosts",
            "rm etc/hosts; ln -s ../../../../etc/shadow etc/hosts",
            "rm etc/hosts; ln -s hosts etc/hosts", "head -c 100000 /dev/zero >etc/hosts",
        } do
            sdme.ok("create", "--name", "one", "--pod", "shop")
            shell.run("cd %s/containers/one/upper && " .. line, sdme.datadir())
            sdme.ok("start", "one")
            assert.equal("127.0.0.1 ::1", known(hosts "two", "one"), line)
            sdme.ok("rm", "--force", "one")
        end
    end)
end)

describe("a container on the network of its host", function()
    after_each(clean)

    it("finds that by its name", function()
        start "one"
        assert.matches("^127%.0%.0%.1%s", inside("one", "getent hosts host.sdme.internal"))
        assert.equal("", shell.run("ls %s", RECORDS))
    end)

    it("doesn't where it has none at all", function()
        start("one", "--private-network")
        assert.equal("", known(hosts "one", "host.sdme.internal"))
        assert.equal("127.0.1.1", known(hosts "one", "one"))
    end)
end)

describe("an application", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        application.make("idle", "debian", { web = { cmd = { "sleep", "inf" } } })
    end)
    teardown(sdme.clean_all)
    after_each(clean)

    it("finds those in its pod, and its container those in the other one", function()
        sdme.ok("pod", "new", "back")
        sdme.ok("pod", "new", "shop")
        start("db", "-r", "idle", "--oci-pod", "back", "--pod", "shop")
        start("front", "-r", "idle", "--pod", "shop", "--userns")
        start("side", "-r", "idle", "--oci-pod", "back")
        local function app(name)
            return sdme.ok("exec", name, "--app", "cat", "/etc/hosts") .. "\n"
        end
        assert.equal("127.0.0.1 ::1", known(app "db", "side"))
        assert.equal("", known(app "db", "front"))
        assert.equal("127.0.0.1 ::1", known(app "front", "db"))
        assert.equal("127.0.0.1 ::1", known(hosts "db", "front"))
        assert.equal("", known(hosts "db", "side"))
        assert.equal("127.0.0.1", known(hosts "side", "host.sdme.internal"))
        sdme.ok("stop", "--kill", "side")
        assert.equal("", known(app "db", "side"))
    end)
end)
