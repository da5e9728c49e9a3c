-- A root filesystem is what others have made. Whatever lies in it, nothing outside of it is read or
-- written, and a command either works or says why not.

local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local refused <const> = require "spec.support.refused"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local small <const> = require "spec.support.small_system"
local step <const> = require "sdme.step"

-- A directory of the host that nothing may come to, and nothing go from.
local outside

local function prepare()
    outside = shell.run "mktemp -d /var/tmp/sdme-spec.XXXXXX"
    shell.run("cd %s && mkdir log system && echo secret >machine-id && echo secret >hostname && "
        .. "echo secret >log/messages && echo 'PRETTY_NAME=secret' >os-release", outside)
end

local function listing()
    return shell.run("cd %s && find . -printf '%%p %%T@ %%C@ %%l\n' | sort && cat hostname "
        .. "machine-id", outside)
end

-- A path that leads from anywhere in a tree to the directory, by way of the host's root.
local function way_out(name)
    return ("../"):rep(20) .. outside .. "/" .. name
end

local function import(directory, name, ...)
    return sdme.ok("fs", "import", directory, "--name", name, "--install-packages=no", ...)
end

-- A small system in which a script has run, with the way out as $1.
local function system(script)
    local directory <const> = small.directory "hostile"
    shell.run("cd %s && set -- %s && eval %s", directory, outside, script)
    return directory
end

describe("os-release of a root filesystem", function()
    setup(prepare)
    teardown(function()
        sdme.clean_all()
        shell.run("rm -r %s", outside)
    end)
    after_each(function()
        sdme.ok("fs", "rm", "hostile")
        scratch.clean()
    end)

    for what, script in pairs {
        ["a fifo"] = "mkfifo F", ["a device that never ends"] = "mknod F c 1 5",
        ["a terminal"] = "mknod F c 5 0", ["a directory"] = "mkdir F",
        ["a link to the host's"] = "ln -s $1/os-release F",
        ["a link out of it"] = "ln -s ../../../../../../../../../../..$1/os-release F",
        ["a link to itself"] = "ln -s os-release F", ["a gigabyte"] = "truncate -s 1G F",
        ["no text"] = "head -c 5000 /dev/urandom >F", ["missing"] = ":",
    } do
        it(("may be %s: then it says nothing"):format(what), function()
            import(system("rm etc/os-release usr/lib/os-release; "
                .. script:gsub("F", "etc/os-release")), "hostile")
            assert.is_nil(small.inspect("hostile").os.name)
            assert.matches("\nhostile +%- ", sdme.ok("fs", "ls"))
        end)
    end

    it("may try to write on a terminal, and is shown without that", function()
        import(system [[printf 'PRETTY_NAME="\033[2Jx\007\nID=\233\n"' >etc/os-release]], "hostile")
        assert.is_nil(sdme.ok("fs", "ls"):find "[^\n\32-\126]")
        assert.is_nil(sdme.ok("fs", "inspect", "hostile"):find "[^\n\32-\126]")
    end)

    it("may be at a path that is no text", function()
        local directory <const> = system ":"
        shell.run("mv %s %s", directory, directory .. "\xff\27")
        import(directory .. "\xff\27", "hostile")
        assert.is_nil(sdme.ok("fs", "inspect", "hostile"):find "[^\n\32-\126]")
    end)
end)

describe("a root filesystem", function()
    teardown(sdme.clean_all)
    after_each(sdme.clean_all)

    for what, script in pairs {
        ["is empty"] = "rm -r *", ["has no /usr"] = "rm -r usr bin", ["has no /etc"] = "rm -r etc",
        ["has files where directories belong"] = "rm -r etc var; touch etc var usr/lib/systemd",
        ["has links where directories belong"] = "rm -r etc var; ln -s usr etc; ln -s / var",
    } do
        it(("that %s is refused, or imported as files that don't boot"):format(what), function()
            prepare()
            local directory <const>, before <const> = system(script), listing()
            refused.by(1, ".* has no systemd, and .*", "fs", "import", directory, "--name", "k")
            import(directory, "k")
            sdme.ok("create", "-r", "k", "--name", "web")
            local result <const> = sdme.run("start", "web")
            assert.equal(1, result.status)
            assert.matches("^sdme: start web: [^\n]*\n", result.err)
            assert.matches("\nweb +stopped", sdme.ok "ps")
            assert.equal(before, listing())
        end)
    end
end)

describe("what a guest has put where sdme writes", function()
    setup(function()
        prepare()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(function()
        sdme.clean_all()
        shell.run("rm -r %s", outside)
    end)
    after_each(function()
        sdme.clean()
        sdme.run("fs", "rm", "hostile")
    end)

    local function upper(name)
        return sdme.datadir() .. "/containers/" .. name .. "/upper"
    end

    -- A rootfs with Debian and, above it, what a script makes.
    local function change(script)
        sdme.ok("create", "-r", "debian", "--name", "evil")
        shell.run("cd %s && set -- %s && eval %s", upper "evil", way_out "", script)
    end

    local LINKS <const> = {
        ["names"] = "rm -f etc/hostname etc/hosts etc/machine-id etc/fstab; "
            .. "for f in hostname hosts machine-id fstab; do ln -s $1$f etc/$f; done",
        ["units"] = "mkdir -p etc/systemd; rm -rf etc/systemd/system etc/systemd/network; "
            .. "ln -s $1system etc/systemd/system; ln -s $1system etc/systemd/network",
        ["the id of D-Bus"] = "rm -rf var; mkdir -p var/lib; ln -s $1 var/lib/dbus",
        ["the environment"] = "mkdir -p etc/systemd; ln -s $1system etc/systemd/system.conf.d",
        ["a fifo for the environment"] = "mkdir -p etc/systemd/system.conf.d; "
            .. "mkfifo etc/systemd/system.conf.d/sdme-environment.conf",
        ["systemd's directory"] = "rm -rf etc/systemd; ln -s $1 etc/systemd",
    }

    for what, script in pairs(LINKS) do
        it("is nothing to a container made from it: " .. what, function()
            change(script)
            local before <const> = listing()
            sdme.ok("snapshot", "evil", "hostile")
            sdme.ok("create", "-r", "hostile", "--name", "web", "--network-veth", "--env", "A=b")
            assert.equal("web", core.file.read(upper "web" .. "/etc/hostname"):match "%w+")
            sdme.run("start", "web")
            assert.equal(before, listing())
        end)

        it("is nothing to the container when its settings change: " .. what, function()
            change(script)
            local before <const> = listing()
            sdme.run("set", "evil", "--network-veth", "--env", "A=b")
            sdme.run("rename", "evil", "good")
            sdme.run("start", "good")
            assert.equal(before, listing())
        end)
    end

    it("is nothing to who cleans up a step's layer", function()
        local tree <const> = scratch.directory()
        shell.run("cd %s && mkdir -p var/lib && ln -s %s/log var/log && ln -s %s etc && "
            .. "ln -s %s var/lib/dbus && ln -s %s dev && ln -s %s tmp", tree, way_out "",
            way_out "", way_out "", way_out "", outside)
        local before <const> = listing()
        sdme.select()
        step.clean(tree, { small.inspect("debian").layers[1].id })
        assert.equal(before, listing())
    end)
end)
