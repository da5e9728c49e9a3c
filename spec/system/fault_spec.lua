-- Whatever goes wrong is told in one clear line, and leaves nothing half-made.

local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"

local function state_path(name)
    return sdme.datadir() .. "/containers/" .. name .. "/state.json"
end

-- Fails with this status and this first line on stderr (a pattern); a hint may follow.
local function refuses(status, pattern, ...)
    local result <const> = sdme.run(...)
    assert.equal(status, result.status, result.err)
    assert.equal("", result.out)
    local first, rest = result.err:match "^(.-)\n(.*)$"
    assert.matches("^sdme: " .. pattern .. "$", first)
    assert.is_truthy(rest == "" or rest:find "^hint: [^\n]+\n$", rest)
end

-- A guest whose boot doesn't go as it should: a unit in its upper layer.
local function break_boot(name, command, ...)
    local units <const> = ("%s/containers/%s/upper/etc/systemd/system"):format(sdme.datadir(), name)
    shell.run("mkdir -p %s", units .. "/sysinit.target.wants")
    shell.run("printf '%%s\n' %s %s %s %s %s >%s", "[Unit]", "DefaultDependencies=no",
        "Before=sysinit.target", "[Service]", "Type=oneshot\nTimeoutStartSec=infinity\nExecStart="
        .. command:format(...), units .. "/break.service")
    shell.run("ln -s ../break.service %s", units .. "/sysinit.target.wants/break.service")
end

describe("names", function()
    after_each(sdme.clean)

    for _, name in ipairs { "Web", "1web", "-web", "we_b", "we/b", "..", "", ("x"):rep(65) } do
        it(("such as '%s' are refused"):format(name:sub(1, 20)), function()
            refuses(2, ".*%-%-name.*", "create", "--name", name)
        end)
    end

    it("of an existing container are refused", function()
        sdme.ok("create", "--name", "web")
        refuses(1, "create web: a container of that name exists", "create", "--name", "web")
    end)

    it("of an image of machined are refused", function()
        shell.run "mkdir -p /var/lib/machines/sdme-spec"
        local result <const> = sdme.run("create", "--name", "sdme-spec")
        shell.run "rmdir /var/lib/machines/sdme-spec"
        assert.equal(1, result.status)
        assert.matches("/var/lib/machines has an image of that name", result.err)
    end)

    it("of a machine that runs are refused", function()
        sdme.ok("create", "--name", "web", "--started")
        local result <const> = sdme.pipe(("SDME_DATADIR=%s/other"):format(sdme.datadir()), "create",
            "--name", "web")
        shell.run("rm -rf %s", sdme.datadir() .. "/other")
        assert.equal(1, result.status)
        assert.matches("a machine of that name is running", result.err)
    end)
end)

describe("options", function()
    after_each(sdme.clean)

    it("that nobody knows are refused, with the nearest one", function()
        local result <const> = sdme.run("create", "--memroy", "1G")
        assert.equal(2, result.status)
        assert.matches("%-%-memory", result.err)
    end)

    for flag, value in pairs {
        ["--memory"] = "12Q", ["--cpus"] = "-1", ["--cpu-weight"] = "20000", ["--tasks"] = "many",
        ["--bind"] = "relative:/x", ["--port"] = "70000", ["--env"] = "=x",
        ["--device"] = "/etc/passwd",
        ["--capability"] = "CAP_NONSENSE", ["--restart"] = "sometimes", ["--timeout"] = "0",
    } do
        it(("%s %s is refused, and named"):format(flag, value), function()
            local result <const> = sdme.run("create", flag, value)
            assert.equal(2, result.status)
            assert.is_truthy(result.err:find(flag, 1, true), result.err)
            assert.equal("", sdme.ok("ps"):match "\n(.*)" or "")
        end)
    end

    it("of the API that nobody knows are refused", function()
        local script <const> = scratch.directory() .. "/x.lua"
        shell.run("echo %s >%s", [[require("sdme").create { memroy = 1 }]], script)
        local result <const> = sdme.run("run", script)
        assert.equal(2, result.status)
        assert.matches("memroy", result.err)
    end)
end)

describe("users who aren't root", function()
    local program <const> = sdme.program

    -- The checkout may lie where nobody else can look.
    setup(function()
        sdme.program = "/var/tmp/sdme-spec-program"
        shell.run("install -m 755 %s %s", program, sdme.program)
    end)
    teardown(function()
        shell.run("rm %s", sdme.program)
        sdme.program = program
    end)

    local function as_nobody(...)
        return sdme.pipe("setpriv --reuid=65534 --regid=65534 --clear-groups env", ...)
    end

    it("are told that they need to be", function()
        local result <const> = as_nobody "ps"
        assert.equal(1, result.status)
        assert.equal("sdme: sdme ps needs root\nhint: run it with sudo\n", result.err)
    end)

    it("may ask for help, the version, completions and the doctor", function()
        for _, words in ipairs { { "--help" }, { "--version" }, { "completions", "bash" } } do
            assert.equal(0, as_nobody(table.unpack(words)).status)
        end
        assert.matches("FEATURE", as_nobody("doctor").out)
    end)
end)

describe("a state file", function()
    local function damage(content)
        sdme.ok("create", "--name", "web")
        local file <close> = assert(io.open(state_path "web", "w"))
        assert(file:write(content))
    end

    after_each(sdme.clean)

    for what, content in pairs {
        ["is empty"] = "", ["is cut off"] = '{ "version": 1, "na', ["isn't JSON"] = "\0\1\2",
        ["is no object"] = "[]",
    } do
        it(("that %s is named, and doesn't hide the others"):format(what), function()
            damage(content)
            sdme.ok("create", "--name", "other")
            refuses(1, ".*" .. sdme.datadir():gsub("%p", "%%%0") .. "/containers/web/state%.json.*",
                "start", "web")
            local listed <const> = sdme.ok "ps"
            assert.matches("\nweb%s+stopped%s+unknown", "\n" .. listed)
            assert.matches("\nother%s+stopped", "\n" .. listed)
        end)
    end

    it("of a newer sdme is left alone", function()
        damage '{ "version": 99 }'
        refuses(1, ".*has version 99, and this sdme knows versions up to 1", "start", "web")
    end)

    it("that is damaged doesn't keep its container from being removed", function()
        damage "{"
        sdme.ok("rm", "web")
        assert.equal("", sdme.traces())
    end)
end)

describe("what a container needs of the host", function()
    after_each(sdme.clean)

    it("is looked for before it starts: a bound directory that is gone", function()
        local directory <const> = scratch.directory()
        sdme.ok("create", "--name", "web", "--bind", directory .. ":/data")
        shell.run("rmdir %s", directory)
        refuses(1, "bind of web: " .. directory:gsub("%p", "%%%0") .. " is gone", "start", "web")
        shell.run("mkdir %s", directory)
    end)

    it("is looked for before it starts: a bridge", function()
        sdme.ok("create", "--name", "web", "--network-bridge", "nobridge")
        refuses(1, "network%-bridge of web: /sys/class/net/nobridge is gone", "start", "web")
    end)

    it("can be done without, as the hint says", function()
        local directory <const> = scratch.directory()
        sdme.ok("create", "--name", "web", "--bind", directory .. ":/data", "--bind", "/opt:/a b")
        shell.run("rmdir %s", directory)
        local command <const> = sdme.run("start", "web").err:match "\nhint: or do without: (.-)\n"
        assert.equal("sdme set web --bind '/opt:/a b'", command)
        sdme.ok("set", "web", "--bind", "/opt:/a b")
        sdme.ok("start", "web")
        shell.run("mkdir %s", directory)
    end)

    it("is looked for before it starts: the profile of AppArmor", function()
        sdme.ok("create", "--name", "web", "--apparmor-profile", "none")
        local result <const> = sdme.run("start", "web")
        assert.equal(1, result.status)
        assert.matches("^sdme: start web: AppArmor [^\n]+\nhint: [^\n]+, or do without: "
            .. "sdme set web %-%-apparmor%-profile ''\n$", result.err)
        -- Nor when systemd is asked, which would ignore it where AppArmor is off.
        assert.is_false(shell.succeeds "systemctl start sdme@web")
    end)

    it("is looked for before it starts: systemd-nspawn", function()
        sdme.ok("create", "--name", "web")
        shell.run "mv /usr/bin/systemd-nspawn /usr/bin/systemd-nspawn.away"
        local result <const> = sdme.run("start", "web")
        shell.run "mv /usr/bin/systemd-nspawn.away /usr/bin/systemd-nspawn"
        assert.equal(1, result.status)
        assert.equal("sdme: systemd-nspawn is not installed\n"
            .. "hint: install the package systemd-container\n", result.err)
    end)

    it("is named when it is the system bus", function()
        local result <const> = sdme.pipe("DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere", "ps")
        assert.equal(1, result.status)
        assert.matches("^sdme: no system bus: [^\n]*\nhint: sdme needs systemd as PID 1, and "
            .. "D%-Bus\n$",
            result.err)
    end)

    it("may be something else than the caller's umask", function()
        local result <const> = sdme.pipe("umask 077;", "create", "--name", "web", "--started")
        assert.equal(0, result.status, result.err)
        assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
        sdme.ok("exec", "web", "--user", "nobody", "cat", "/etc/hostname")
    end)
end)

describe("a boot", function()
    after_each(sdme.clean)

    it("that never ends is given up, and the container kept, stopped", function()
        sdme.ok("create", "--name", "web")
        break_boot("web", "/bin/sleep infinity")
        local result <const> = sdme.run("start", "web", "--timeout", "3")
        assert.equal(1, result.status)
        assert.matches("^sdme: start web: its boot wasn't over after 3 seconds\n", result.err)
        assert.matches("\nhint: sdme logs web", result.err)
        assert.matches("\nweb%s+stopped", "\n" .. sdme.ok "ps")
    end)

    it("that ends in a power-off is told, with the journal", function()
        sdme.ok("create", "--name", "web")
        break_boot("web", "/bin/systemctl poweroff --force")
        local result <const> = sdme.run("start", "web")
        assert.equal(1, result.status)
        assert.matches("^sdme: start web: it powered off before its boot was over\n", result.err)
        assert.matches("\n  Welcome to ", result.err)
        assert.matches("\nweb%s+stopped", "\n" .. sdme.ok "ps")
    end)

    it("that fails removes the container only where that was asked for", function()
        sdme.ok("create", "--name", "web")
        break_boot("web", "/bin/systemctl poweroff --force")
        assert.equal(1, sdme.run("start", "web").status)
        assert.is_truthy(core.file.stat(state_path "web"))
        local masked <const> = sdme.run("new", "--name", "gone", "--rm-on-failure", "--bind",
            "/nowhere:/x", "--", "true")
        assert.equal(1, masked.status)
        assert.is_nil(core.file.stat(state_path "gone"))
    end)

    it("that is interrupted is undone", function()
        sdme.ok("create", "--name", "web")
        break_boot("web", "/bin/sleep infinity")
        local process <close> = sdme.spawn("start", "web")
        core.poll.wait({}, 2)
        process:kill "INT"
        local ended <const> = require("sdme.task").await(process:wait())
        assert.same({ code = 130 }, ended)
        assert.matches("\nweb%s+stopped", "\n" .. sdme.ok "ps")
    end)

    it("can be stopped by another command", function()
        sdme.ok("create", "--name", "web")
        break_boot("web", "/bin/sleep infinity")
        local process <close> = sdme.spawn("start", "web")
        core.poll.wait({}, 2)
        sdme.ok("stop", "web", "--kill")
        assert.same({ code = 1 }, require("sdme.task").await(process:wait()))
    end)
end)

describe("two commands on one container", function()
    after_each(sdme.clean)

    it("wait for each other, and the second finds what the first has made", function()
        local first <close> = sdme.spawn("create", "--name", "web")
        local second <close> = sdme.spawn("create", "--name", "web")
        local task <const> = require "sdme.task"
        local codes <const> = { task.await(first:wait()).code, task.await(second:wait()).code }
        table.sort(codes)
        assert.same({ 0, 1 }, codes)
    end)

    it("may both start it", function()
        sdme.ok("create", "--name", "web")
        local first <close> = sdme.spawn("start", "web")
        local second <close> = sdme.spawn("start", "web")
        local task <const> = require "sdme.task"
        assert.same({ code = 0 }, task.await(first:wait()))
        assert.same({ code = 0 }, task.await(second:wait()))
    end)

    it("don't wait for ever, and say who is in the way", function()
        sdme.ok("create", "--name", "web")
        local lock <close> = assert(core.lock.acquire(sdme.datadir() .. "/locks/container-web"))
        local result <const> = sdme.run("rm", "web")
        assert.equal(1, result.status)
        assert.matches("^sdme: container web is in use by another command %(process %d+%)\n",
            result.err)
    end)
end)
