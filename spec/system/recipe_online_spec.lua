-- The recipes in recipes/, made from Debian's and Ubuntu's mirrors as their users make them.

local needs <const> = require "spec.support.needs"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local MIRRORS <const> = {
    debian = "http://deb.debian.org/debian/dists/bookworm/InRelease",
    ubuntu = "http://archive.ubuntu.com/ubuntu/dists/noble/InRelease",
}

local function needs_mirror(name)
    needs.that(shell.succeeds("curl -fsS -m 20 -o /dev/null " .. MIRRORS[name]), MIRRORS[name])
end

local function make(name, ...)
    return sdme.ok("run", ("recipes/%s.lua"):format(name), ...)
end

-- A container of what a recipe made, which runs until the example is over.
local function boot(name, ...)
    sdme.ok("create", "--name", "made", "-r", name, "--started", ...)
    return function(...)
        return sdme.ok("exec", "made", ...)
    end
end

describe("the recipe", function()
    after_each(sdme.clean)
    teardown(function()
        sdme.clean_all()
        shell.run "rm -rf /var/cache/sdme"
    end)

    it("debian makes a system that boots, from a mirror alone", function()
        needs_mirror "debian"
        assert.equal("debian", make "debian")
        local run <const> = boot "debian"
        assert.equal("running", run("systemctl", "is-system-running"))
        assert.equal("bookworm", run("sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME"))
    end)

    it("ubuntu does, too", function()
        needs_mirror "ubuntu"
        assert.equal("ubuntu", make "ubuntu")
        local run <const> = boot "ubuntu"
        assert.equal("running", run("systemctl", "is-system-running"))
        assert.equal("ubuntu", run("sh", "-c", ". /etc/os-release; echo $ID"))
    end)

    it("nginx serves the files that it was given", function()
        needs_mirror "debian"
        local site <const> = shell.run "mktemp -d /var/tmp/site.XXXXXX"
        shell.run("echo hello >%s/index.html", site)
        make("nginx", site)
        shell.run("rm -r %s", site)
        boot("nginx", "-p", "18080:80")
        assert.equal("hello", shell.run "curl -fsS http://127.0.0.1:18080/")
    end)

    it("redis answers those who come from elsewhere, and has what it was built with", function()
        needs_mirror "debian"
        make("redis", "64")
        local run <const> = boot("redis", "--network-veth")
        assert.equal("sdme", run("redis-cli", "get", "built-by"))
        assert.equal("maxmemory\n67108864", run("redis-cli", "config", "get", "maxmemory"))
        assert.matches("0.0.0.0:6379", run("ss", "-Hltn"))
    end)

    it("postgres has the database that was made while it ran", function()
        needs_mirror "debian"
        make("postgres", "shop")
        local run <const> = boot("postgres")
        wait.until_equal("shop|shop", function()
            return run("runuser", "-u", "postgres", "--", "psql", "-Atd", "shop", "-c",
                "select current_database(), usename from pg_user where usename = 'shop'")
        end)
    end)

    it("devbox has its user with sudo, dotfiles and ssh, and keys of its own", function()
        needs_mirror "debian"
        local dotfiles <const> = shell.run "mktemp -d /var/tmp/dotfiles.XXXXXX"
        shell.run("echo 'set -o vi' >%s/.bashrc", dotfiles)
        make("devbox", "ann", dotfiles)
        shell.run("rm -r %s", dotfiles)
        local run <const> = boot "devbox"
        local function as_ann(...)
            return sdme.ok("exec", "made", "--user", "ann", ...)
        end
        assert.equal("set -o vi", as_ann("cat", "/home/ann/.bashrc"))
        assert.equal("0", as_ann("sudo", "id", "-u"))
        assert.equal("ann", run("stat", "-c", "%U", "/home/ann/.bashrc"))
        wait.until_equal("active", function()
            return run("systemctl", "is-active", "ssh.service")
        end)
        assert.matches("ED25519", run("sh", "-c", "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key"))
    end)

    it("docker runs containers inside", function()
        needs_mirror "debian"
        make "docker"
        local run <const> = boot("docker", "--device", "/dev/fuse")
        run("sh", "-ec", [[
            mkdir -p /srv/box/bin /srv/box/proc /srv/box/dev /srv/box/sys
            cp /bin/sh /srv/box/bin/
            for library in $(ldd /bin/sh | grep -o '/[^ ]*'); do
                install -D $library /srv/box$library
            done
            tar -C /srv/box -c . | docker import - box]])
        assert.equal("inner", run("docker", "run", "--rm", "box", "/bin/sh", "-c", "echo inner"))
    end)

    it("kernel-ci ends as the test does, and keeps the journal", function()
        needs_mirror "debian"
        local directory <const> = shell.run "mktemp -d /var/tmp/test.XXXXXX"
        shell.run("printf '#!/bin/sh\necho tested; exit 7\n' >%s/test && chmod +x %s/test",
            directory, directory)
        local result <const> = sdme.run("run", "recipes/kernel-ci.lua", directory .. "/test",
            directory .. "/journal")
        local kept <const> = shell.run("grep -ac '^MESSAGE=tested' %s/journal; rm -r %s", directory,
            directory)
        assert.equal(7, result.status)
        assert.matches("^Linux %S+, status 7, journal in ", result.out)
        assert.equal("1", kept)
    end)
end)
