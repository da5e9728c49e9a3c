-- What root in a container, and in an application, tries and doesn't get: at each level.

local application <const> = require "spec.support.application"
local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local escape <const> = require "spec.support.escape"
local json <const> = require "sdme.json"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local PROGRAM <const> = sdme.program:gsub("bin/sdme$", "spec/escape")
local ROOT <const> = "/oci/apps/web/root"
local OUTSIDE <const> = "sdme-spec-outside"

-- An application that makes the attempts itself, once it is told what is outside of it.
local APPLICATION <const> = {
    cmd = { "sh", "-c", "until [ -e /data/values ]; do sleep .1; done; "
        .. "/data/escape </data/values >/data/new; mv /data/new /data/results; sleep inf" },
}

if not core.file.stat(PROGRAM) then
    it("root gets no further than a level lets it", function()
        needs.that(false, "the program escape: make " .. PROGRAM)
    end)
    return
end

local function prepare()
    sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    application.make("app", "debian", { web = APPLICATION })
end

-- What is bound is "in" of this directory, with what isn't beside it.
local function make_directory()
    local directory <const> = shell.run "mktemp -d /var/tmp/sdme-escape.XXXXXX"
    shell.run("cd %s && chmod 755 . && mkdir in && touch secret in/secret && cp %s in/escape && "
        .. "rm in/secret", directory, PROGRAM)
    return directory
end

local function start(directory, flags)
    local bound <const> = directory .. "/in:"
    sdme.ok("create", "--started", "-r", "app", "--name", "web", "--bind", bound .. "/data",
        "--bind", bound .. ROOT .. "/data", table.unpack(flags))
end

local VALUES <const> = [[
    printf 'marker=%%s\ncommand=%%s\nsocket=sdme-spec-abstract\nbind=/data\n' %s %s
    printf 'mnt=%%s\npid=%%s\n' $(readlink /proc/1/ns/mnt) $(readlink /proc/1/ns/pid)
    stat -Lc bus=%%d:%%i /run/dbus/system_bus_socket]]

-- What is outside of a container, and of an application.
local function values_of_host(marker)
    return shell.run(VALUES, marker, OUTSIDE) .. "\n"
end

local function values_of_guest()
    local line <const> = VALUES:format("/oci", "systemd-journal")
    return sdme.ok("exec", "web", "sh", "-c", line) .. "\n"
end

local function attempt(values, ...)
    local path <const> = scratch.directory() .. "/values"
    assert(core.file.write(path, values))
    return escape.parse(sdme.pipe("<" .. path, "exec", "web", ...).out)
end

-- Processes outside that an escape would find.
local function start_outside()
    local line <const> = "systemd-run --quiet --collect --unit=%s %s"
    shell.run(line:format(OUTSIDE, "socat ABSTRACT-LISTEN:sdme-spec-abstract,fork EXEC:cat"))
end

for number, level in ipairs(escape.levels) do
    describe(level.name .. ":", function()
        local directory, guest, app, entered, mounts

        setup(function()
            prepare()
            needs.program "socat"
            directory = make_directory()
            start_outside()
            start(directory, level.flags)
            guest = attempt(values_of_host(directory), "/data/escape")
            local values <const> = values_of_guest()
            assert(core.file.write(directory .. "/in/values", values, { mode = "0644" }))
            entered = attempt(values, "--app", "--", "/data/escape")
            app = escape.parse(wait.until_true("results", function()
                return core.file.read(directory .. "/in/results")
            end))
            mounts = shell.run "cat /proc/self/mountinfo"
        end)
        teardown(function()
            shell.succeeds("systemctl stop %s.service", OUTSIDE)
            sdme.clean_all()
            shell.run("rm -rf %s", directory)
        end)

        local function check(one, results, is_application)
            local result <const> = results[one[1]]
            assert.is_true(escape.is_expected(one, number, is_application, result),
                tostring(result))
        end

        for _, one in ipairs(escape.attempts) do
            it("root of the container: " .. one[1], function()
                check(one, guest, false)
            end)

            it("root of an application: " .. one[1], function()
                check(one, app, true)
            end)
        end

        it("all attempts are in the table, and nothing of them stays on the host", function()
            local count = 0
            for name in pairs(guest) do
                count = count + 1
                assert.is_truthy(app[name], name)
            end
            assert.equal(#escape.attempts, count)
            assert.falsy(mounts:find "/tmp/escape")
        end)

        it("a command that enters an application gets no further than that", function()
            assert.same(app, entered)
        end)

        it("its first process has no descriptor of the host's", function()
            local leader <const> = json.decode(sdme.ok("inspect", "web")).leader
            local links <const> = shell.run("ls -l /proc/%s/fd | sed -n 's/.* -> //p'",
                tostring(leader))
            assert.matches("socket:", links)
            assert.falsy(links:find(sdme.datadir(), 1, true), links)
            assert.falsy(links:find("memfd", 1, true), links)
        end)

        it("nothing leaves a bound directory that is moved out of it", function()
            local inside <const> = directory .. "/in/below"
            assert(core.file.mkdir(inside, { mode = "0777" }))
            local process <const> = sdme.spawn("exec", "web", "sh", "-c", [[cd /data/below
                touch ready; until [ -e moved ]; do sleep .05; done
                if (cat ../secret || cat ../../secret || { cd -P .. && cat secret; }) 2>/dev/null
                then echo out >done; else echo in >done; fi]])
            wait.until_true("the command", function()
                return core.file.stat(inside .. "/ready")
            end)
            shell.run("cd %s && echo sesame >secret && mv in/below . && touch below/moved",
                directory)
            wait.until_equal("in\n", function()
                return core.file.read(directory .. "/below/done")
            end)
            process:close()
        end)
    end)
end

describe("reboot() in a container", function()
    setup(prepare)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    it("is that of the container alone", function()
        local directory <const> = make_directory()
        scratch.finally(function() shell.run("rm -rf %s", directory) end)
        local boot <const> = shell.run "cat /proc/sys/kernel/random/boot_id; stat -c %%y /proc/1"
        start(directory, { "--userns" })
        local leader <const> = json.decode(sdme.ok("inspect", "web")).leader
        sdme.run("exec", "web", "--app", "--", "/data/escape", "reboot")
        assert.equal(leader, json.decode(sdme.ok("inspect", "web")).leader)
        sdme.run("exec", "web", "/data/escape", "reboot")
        wait.until_true("another boot", function()
            local found <const> = json.decode(sdme.ok("inspect", "web"))
            return found.status == "running" and found.leader and found.leader ~= leader
        end)
        assert.equal(boot, shell.run "cat /proc/sys/kernel/random/boot_id; stat -c %%y /proc/1")
    end)

    it("isn't there in a hardened one", function()
        local directory <const> = make_directory()
        scratch.finally(function() shell.run("rm -rf %s", directory) end)
        start(directory, { "--hardened" })
        assert.equal("no", attempt("", "/data/escape", "reboot").reboot)
    end)
end)
