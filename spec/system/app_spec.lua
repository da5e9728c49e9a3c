-- Applications of images: services of a container, with files of their own.

local application <const> = require "spec.support.application"
local debian <const> = require "spec.support.debian"
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

describe("an application", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        application.make("web", "debian", { web = {
            cmd = { "/bin/sh", "-c", "id -u; cat /proc/1/comm; exec sleep inf" },
        } })
    end)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    local function files(...)
        application.make("app", "debian", { web = {
            cmd = { "/bin/sh", "-c", "touch /own; ls / >/list.new; mv /list.new /list; sleep inf" },
        } })
        sdme.ok("create", "--started", "-r", "app", "--name", "web", ...)
        local list <const> = written("web", ROOT .. "/list")
        assert.matches("\nown\n", list)
        assert.falsy(list:find "oci")
        assert.is_true(sdme.run("exec", "web", "test", "-e", "/own").status ~= 0)
    end

    it("is a service of its container, with a root of its own", function()
        files()
        assert.equal("active", sdme.ok("exec", "web", "systemctl", "is-active",
            "sdme-oci-web.service"))
        assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
    end)

    it("has its argument and environment byte for byte", function()
        local odd <const> = "a  b\t%n %% $HOME ${PATH} $$ \\n 'q' \"d\" `c` ; \r\nü\1\127 "
        application.make("app", "debian", { web = {
            cmd = { "/bin/sh", "-c", [[ printf "%s\0" "$@" "$ONE" "$TWO" >/new; mv /new /seen
                sleep inf ]], "sh", odd, "", ";", "\\;", "@x" },
            env = { "ONE=" .. odd, "TWO=two" },
        } })
        sdme.ok("create", "--started", "-r", "app", "--name", "web", "--oci-env", "TWO=2" .. odd)
        assert.same({ odd, "", ";", "\\;", "@x", odd, "2" .. odd, "" },
            split(written("web", ROOT .. "/seen")))
        assert.falsy(sdme.ok("inspect", "web"):find("2a  b", 1, true))
    end)

    local function volumes(...)
        application.make("app", "debian", { web = {
            cmd = { "/bin/sh", "-c", "echo $$ >>/data/log; touch /var/mail/x; exec sleep inf" },
            volumes = { "/data", "/var/mail" },
        } })
        sdme.ok("create", "--started", "-r", "app", "--name", "web", ...)
        written("web", ROOT .. "/data/log")
        exists("web", ROOT .. "/var/mail/x")
        assert.equal("root:mail:2775\nroot:mail:644", sdme.ok("exec", "web", "chroot", ROOT,
            "stat", "-c", "%U:%G:%a", "/var/mail", "/var/mail/x"))
        assert.equal("0:8 0:0", shell.run("cd %s && echo $(stat -c %%u:%%g web*mail web*data)",
            sdme.datadir() .. "/volumes/web"))
    end

    -- Whether a container of a rootfs has the application as it was when that was made.
    local function check_snapshot(fs, ...)
        sdme.ok("create", "--started", "-r", fs, "--name", "copy", ...)
        assert.equal("daemon 4755\none\ngone", sdme.ok("exec", "copy", "chroot", ROOT, "sh", "-c",
            "stat -c '%U %a' /srv/new; cat /srv/new; [ -e /usr/bin/tac ] || echo gone"))
        assert.equal("active", sdme.ok("exec", "copy", "systemctl", "is-active", "sdme-oci-web"))
        sdme.ok("rm", "--force", "copy")
    end

    local function snapshots(...)
        sdme.ok("create", "-r", "web", "--name", "web", ...)
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

    it("is part of a snapshot", function()
        snapshots()
    end)

    it("is part of a snapshot of a user namespace", function()
        snapshots "--userns"
    end)

    it("keeps its volumes on the host, with what the image has there", function()
        volumes()
        sdme.ok("rm", "--force", "web")
        volumes "--userns"
        local log <const> = sdme.datadir() .. "/volumes/web/web%2Fdata/log"
        assert.equal("2", shell.run("wc -l <%s", log))
        assert.falsy(sdme.ok("prune", "--dry-run"):find "volume")
        sdme.ok("stop", "web")
        sdme.ok("rename", "web", "other")
        sdme.ok("rm", "other")
        assert.matches("volume +other/web%%2Fdata +", sdme.ok("prune", "--dry-run"))
        sdme.ok("prune", "--force", "--except", "debian,app,web")
        assert.equal("", shell.run("ls %s", sdme.datadir() .. "/volumes"))
    end)

    it("is that in a user namespace, too", function()
        files "--userns"
    end)
end)
