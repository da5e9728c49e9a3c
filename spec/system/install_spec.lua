-- Systems without systemd become bootable: by a package manager that runs in a container of them,
-- and gets its packages from a server on the host.

local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local layouts <const> = require "spec.support.oci_layout"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local terminal <const> = require "spec.support.terminal"
local wait <const> = require "spec.support.wait"
local web <const> = require "spec.support.web"

local file <const> = core.file

local OWN <const> = "/etc/sdme/distro.d"

-- Answers with the files of a directory.
local FILES <const> = [[
    local name = request.target:gsub("^/%%./", "/"):gsub("%%%%(%%x%%x)", function(digits)
        return string.char(tonumber(digits, 16))
    end)
    local file <close> = io.open(%q .. name, "rb")
    answer:whole(file and 200 or 404, file and file:read "a" or "")
]]

local function layers()
    return file.list(sdme.datadir() .. "/layers") or {}
end

local function layer_ids(name)
    local ids <const> = {}
    for i, layer in ipairs(json.decode(sdme.ok("fs", "inspect", name)).layers) do
        ids[i] = layer.id
    end
    return ids
end

-- The tree of the topmost layer.
local function top(name)
    local ids <const> = layer_ids(name)
    return ("%s/layers/%s/tree"):format(sdme.datadir(), ids[#ids])
end

-- What is left of an import that failed: processes, mounts, staging, locks, layers, names.
local function traces()
    local processes <const> = shell.run([[
        for directory in /proc/[0-9]*; do
            tr '\0' ' ' 2>/dev/null <$directory/cmdline | grep %s/staging/ || true
        done]], sdme.datadir())
    local stored <const> = shell.run("cd %s && ls -d fs/* layers/* 2>/dev/null || true",
        sdme.datadir())
    return sdme.traces() .. processes .. stored
end

local archive, server

-- Serves the packages again, whatever it did.
local function serve()
    server:script(FILES:format(debian.path "packages"))
end

-- A Debian without systemd, whose packages come from a server on this host.
local function make_archive()
    local directory <const> = shell.run "mktemp -d /var/tmp/sdme-spec.XXXXXX"
    scratch.finally(function()
        shell.run("rm -rf %s", directory)
    end)
    server = web.serve ""
    serve()
    archive = directory .. "/bare.tar"
    shell.run("cd %s && mkdir root && tar -C root -xf %s", directory, debian.path "bare.tar")
    shell.run("cd %s && echo 'deb [trusted=yes] %s/ ./' >root/etc/apt/sources.list"
        .. " && tar -C root -cf %s . && rm -r root", directory, server.url, archive)
end

local function import(...)
    return sdme.run("fs", "import", archive, "--name", "debian", ...)
end

local function remove_all()
    sdme.run("rm", "--all", "--force")
    for name in sdme.ok("__complete", "rootfs"):gmatch "[^\n]+" do
        sdme.ok("fs", "rm", name)
    end
    sdme.ok("fs", "cache", "clean")
end

-- Nothing is left of an import that failed but what it has unpacked, which the cache has.
local function check_kept()
    sdme.ok("fs", "gc")
    local kept <const> = json.decode(sdme.ok("fs", "cache", "ls", "--json"))
    assert.same({ 1, "archive", archive, 1 },
        { #kept, (kept[1] or {}).kind, (kept[1] or {}).source, #layers() })
    sdme.ok("fs", "cache", "clean")
    assert.equal("", traces())
end

describe("a Debian that systemd was installed in", function()
    local said

    setup(function()
        make_archive()
        local result <const> = import "--install-packages=yes"
        assert.same({ 0, "debian\n" }, { result.status, result.out }, result.err)
        said = result.err
    end)
    teardown(sdme.clean_all)
    after_each(function()
        serve()
        sdme.run("rm", "--all", "--force")
    end)

    it("tells what it is made with", function()
        assert.matches("\ninstalling systemd with apt%-get\n$", said)
    end)

    for how, options in pairs { plainly = {}, ["in a user namespace"] = { "--userns" } } do
        it("boots " .. how, function()
            sdme.ok("create", "-r", "debian", "--name", "web", "--started", table.unpack(options))
            assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
            assert.equal("root", sdme.ok("join", "web", "id", "-un"))
        end)
    end

    it("has a layer with only what belongs to the system", function()
        local tree <const> = top "debian"
        assert.equal("file", file.stat(tree .. "/usr/bin/dbus-daemon").type)
        assert.equal("", file.read(tree .. "/etc/machine-id"))
        for _, path in ipairs {
            "/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/var/lib/dbus/machine-id",
            "/dev", "/proc", "/run", "/sys", "/tmp",
        } do
            assert.is_nil(file.stat(tree .. path), path)
        end
        assert.equal("", shell.run([[cd %s && find var/lib/apt/lists var/cache var/log \
            ! -type d ! -path var/log/README]], tree))
    end)

    it("shares that layer with another one of it, for which no package manager runs", function()
        server:script "answer:whole(503, '')"
        local asked <const> = #server:requests()
        local again <const> = sdme.run("fs", "import", archive, "--name", "again",
            "--install-packages=yes")
        assert.equal(0, again.status)
        assert.not_matches("installing", again.err)
        assert.same(layer_ids "debian", layer_ids "again")
        assert.equal(asked, #server:requests())
    end)

    it("is the same as the layer of an image", function()
        local layout <const> = layouts.new(archive:gsub("[^/]*$", "image"))
        layout:tag(layout:image { layout:layer(archive) }, "latest")
        sdme.ok("fs", "import", layout.directory, "--name", "image", "--install-packages=yes")
        assert.same(layer_ids "debian", layer_ids "image")
        sdme.ok("create", "-r", "image", "--name", "web", "--started")
        assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
    end)

    it("is installed anew with --no-cache", function()
        server:script "answer:whole(503, '')"
        assert.equal(1, import("--install-packages=yes", "--force", "--no-cache").status)
        sdme.ok("fs", "cache", "clean")
        assert.equal(2, #layers())
    end)
end)

describe("installing systemd", function()
    setup(make_archive)
    teardown(sdme.clean_all)
    after_each(function()
        serve()
        shell.run("rm -rf %s", OWN)
        remove_all()
    end)

    it("tells in one line what failed, and leaves what was unpacked for the next try", function()
        server:script "answer:whole(503, '')"
        local failed <const> = import "--install-packages=yes"
        assert.same({ 1, "" }, { failed.status, failed.out })
        assert.matches("\nsdme: debian: `apt%-get update` ended with status 100\n", failed.err)
        assert.matches("\n  E: Failed to fetch [^\n]* 503 ", failed.err)
        assert.matches("it is unpacked already\n", import "--install-packages=yes".err)
        check_kept()
    end)

    -- Sends a signal while the package manager waits for the server.
    local function interrupt(signal)
        server:script "answer:stall()"
        local asked <const> = #server:requests()
        local process <close> = sdme.spawn("fs", "import", archive, "--name", "debian",
            "--install-packages=yes")
        wait.until_true("the package manager fetches", function()
            return #server:requests() > asked
        end)
        process:kill(signal)
        return task.await(process:wait())
    end

    it("leaves no more when it is interrupted", function()
        assert.same({ code = 130 }, interrupt "INT")
        check_kept()
    end)

    it("leaves no more that the next command doesn't remove when it is killed", function()
        assert.same({ signal = 9 }, interrupt "KILL")
        wait.until_equal("", function()
            sdme.ok("fs", "gc")
            return sdme.traces()
        end)
        check_kept()
    end)

    -- A person at a terminal who is asked, and answers.
    local function answer(line)
        local env <const> = { SDME_DATADIR = sdme.datadir(), PATH = os.getenv "PATH" }
        local shown <const>, ended <const> = terminal.talk(
            { sdme.program, "fs", "import", archive, "--name", "debian" }, env,
            { { "%[y/N%] $", line } })
        assert.matches("Debian GNU/Linux 12 (bookworm) has no systemd; install it with apt-get?"
            .. " [y/N] ", shown, 1, true)
        assert.same({ code = 0 }, ended)
        return json.decode(sdme.ok("fs", "inspect", "debian"))
    end

    it("is asked about on a terminal", function()
        local made = answer "n\n"
        assert.same({ false, 1 }, { made.systemd, #made.layers })
        sdme.ok("fs", "rm", "debian")
        made = answer "y\n"
        assert.same({ true, 2 }, { made.systemd, #made.layers })
    end)

    it("goes by an administrator's own family", function()
        assert(file.mkdir(OWN, { parents = true, mode = "0755" }))
        assert(file.write(OWN .. "/debian.lua", [[
            local MARK <const> = "echo $COLOUR >/etc/mark; echo >/var/cache/junk"
            return {
                name = "Ours", ids = { "debian" },
                systemd = { "/etc/mark" }, dbus = { "/etc/mark" },
                managers = {
                    { program = "no-such-program", install = { { "false" } } },
                    { program = "sh", install = { { "sh", "-c", MARK } } },
                },
                environment = { COLOUR = "blue" }, clean = { "/var/cache" },
                mask = { "a.service" },
            }]]))
        local imported <const> = import "--install-packages=yes"
        assert.matches("\ninstalling systemd with sh\n", imported.err)
        assert.equal("Ours", json.decode(sdme.ok("fs", "inspect", "debian")).os.family)
        local tree <const> = ("%s/layers/%s/tree"):format(sdme.datadir(), layer_ids "debian"[2])
        assert.equal("blue\n", file.read(tree .. "/etc/mark"))
        assert.is_nil(file.stat(tree .. "/var/cache/junk"))
        assert.equal("/dev/null", file.readlink(top "debian" .. "/etc/systemd/system/a.service"))
    end)

    it("needs an administrator's families to be right before anything is read", function()
        assert(file.mkdir(OWN, { parents = true, mode = "0755" }))
        assert(file.write(OWN .. "/mine.lua", "return { name = 'Mine', ids = 'debian' }"))
        local refused <const> = import "--install-packages=yes"
        assert.equal(1, refused.status)
        assert.equal("sdme: /etc/sdme/distro.d/mine.lua: ids: expected a list, not a string\n",
            refused.err)
    end)
end)

describe("a Debian whose units are masked for another kind of container", function()
    local LOGIND <const> = "systemd-logind.service"
    local UNITS <const> = "/etc/systemd/system/"

    teardown(sdme.clean_all)
    after_each(function()
        shell.run("rm -rf %s", OWN)
        sdme.run("rm", "--all", "--force")
    end)

    it("has those unmasked that its family needs, unless it is to stay as it is", function()
        assert(file.mkdir(OWN, { parents = true, mode = "0755" }))
        assert(file.write(OWN .. "/debian.lua", ([[
            return { name = "Ours", ids = { "debian" }, unmask = { %q } }]]):format(LOGIND)))
        local directory <const> = shell.run "mktemp -d /var/tmp/sdme-spec.XXXXXX"
        scratch.finally(function()
            shell.run("rm -rf %s", directory)
        end)
        shell.run("tar -C %s -xf %s", directory, debian.path "debian.tar")
        assert(file.symlink("/dev/null", directory .. UNITS .. LOGIND))
        sdme.ok("fs", "import", directory, "--name", "masked", "--install-packages=no")
        assert.equal(1, #layer_ids "masked")
        sdme.ok("fs", "import", directory, "--name", "unmasked")
        assert.equal(2, #layer_ids "unmasked")
        sdme.ok("create", "-r", "unmasked", "--name", "web", "--started", "--userns")
        assert.equal("active", sdme.ok("exec", "web", "systemctl", "is-active", LOGIND))
        assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
    end)
end)

describe("a system that somebody has to be asked about, where there is nobody,", function()
    local path

    setup(function()
        local directory <const> = scratch.directory()
        shell.run("cd %s && mkdir -p root/etc root/usr/bin && touch root/usr/bin/apt-get"
            .. " && echo ID=debian >root/etc/os-release && tar -C root -cf x.tar .", directory)
        path = directory .. "/x.tar"
    end)
    before_each(function()
        sdme.ok("fs", "cache", "clean")
        local refused <const> = sdme.run("fs", "import", path)
        assert.equal(2, refused.status)
        assert.matches("\nsdme: x has no systemd; install it with apt%-get: nobody to ask, stdin is"
            .. " no terminal\nhint: give %-%-install%-packages=yes or %-%-install%-packages=no:"
            .. " what was unpacked is kept for that\n$", refused.err)
        assert.equal("", sdme.traces())
        sdme.ok("fs", "gc")
        assert.equal(1, #layers())
    end)
    after_each(remove_all)
    teardown(sdme.clean_all)

    it("is unpacked once", function()
        local again <const> = sdme.run("fs", "import", path)
        assert.same({ 2, true }, { again.status, again.err:find "is kept for that" ~= nil })
        local imported <const> = sdme.run("fs", "import", path, "--install-packages=no")
        assert.same({ 0, "x\n", path .. ": it is unpacked already\n" },
            { imported.status, imported.out, imported.err })
        assert.same({}, json.decode(sdme.ok("fs", "cache", "ls", "--json")))
        sdme.ok("fs", "rm", "x")
        assert.same({}, layers())
    end)

    it("is unpacked again where it is another one, or told to", function()
        for _, change in ipairs { "true", "touch %s/y && tar -C %s -rf %s y" } do
            local directory <const> = path:match "^(.*)/"
            shell.run(change, directory, directory, path)
            local imported <const> = sdme.run("fs", "import", path, "--install-packages=no",
                table.unpack(change == "true" and { "--no-cache" } or {}))
            assert.equal(0, imported.status, imported.err)
            assert.not_matches("already", imported.err)
            sdme.ok("fs", "rm", "x")
        end
    end)

    it("is looked at before it is copied, where that can be", function()
        local refused <const> = sdme.run("fs", "import", path:match "^(.*)/" .. "/root",
            "--name", "y")
        assert.same({ 2, "sdme: y has no systemd; install it with apt-get: nobody to ask, stdin is"
            .. " no terminal\nhint: give --install-packages=yes or --install-packages=no\n" },
            { refused.status, refused.err })
        assert.equal(1, #layers())
    end)

    it("is shown in the cache, and removed with it", function()
        local kept <const> = json.decode(sdme.ok("fs", "cache", "ls", "--json"))
        assert.same({ 1, "archive", path }, { #kept, kept[1].kind, kept[1].source })
        sdme.ok("fs", "cache", "clean")
        assert.same({}, layers())
    end)
end)

describe("a system that can't have systemd", function()
    teardown(sdme.clean_all)
    after_each(scratch.clean)

    it("is refused with a hint, and is imported where it is to serve as files", function()
        local directory <const> = scratch.directory()
        assert(file.mkdir(directory .. "/etc"))
        assert(file.write(directory .. "/etc/os-release",
            'ID=alpine\nPRETTY_NAME="Alpine Linux v3.20"\n'))
        for _, when in ipairs { "auto", "yes" } do
            local refused <const> = sdme.run("fs", "import", directory, "--name", "alpine",
                "--install-packages=" .. when)
            assert.equal(1, refused.status)
            assert.equal("sdme: Alpine Linux v3.20 has no systemd, and Alpine Linux has no packages"
                .. " of it\nhint: --install-packages=no imports it as it is; then it serves as"
                .. " files only\n", refused.err)
            assert.equal("", traces())
        end
        sdme.ok("fs", "import", directory, "--name", "alpine", "--install-packages=no")
        assert.is_false(json.decode(sdme.ok("fs", "inspect", "alpine")).systemd)
    end)
end)
