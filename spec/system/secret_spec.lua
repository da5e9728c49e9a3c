-- Secrets: whom they reach, and where else they are not.

local application <const> = require "spec.support.application"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local refused <const> = require "spec.support.refused"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

-- What the application does with a variable.
local WRITE <const> = [[printf %s "$PASSWORD" >/dev/shm/password; exec sleep infinity]]

local VALUE <const> = "s3cr3t-value-of-a-spec"

local function set(name, value)
    local result <const> =
        sdme.pipe("printf %s " .. shell.quote(value) .. " |", "secret", "set", name)
    assert.equal("", result.err)
    assert.equal(0, result.status)
end

local function clean()
    sdme.clean()
    for name in sdme.run("__complete", "secret").out:gmatch "[^\n]+" do
        sdme.ok("secret", "rm", name)
    end
end

-- Files that have the value: of the data directory but the secret's own, and of units on this host.
local function found()
    return shell.run([[cd %s && grep -rlsD skip --exclude-dir=secrets -e %s . /run/systemd \
        /etc/systemd; true]], sdme.datadir(), VALUE)
end

-- What the host's processes show, but for us.
local function shown()
    return shell.run([[for process in /proc/[0-9]*; do
            tr '\0' '\n' <$process/cmdline
        done 2>/dev/null | grep -c %s; true]], "[s]" .. VALUE:sub(2))
end

local function inside(name, ...)
    return sdme.run("exec", name, "--app", "--", ...)
end

describe("a secret", function()
    after_each(clean)

    it("has any bytes, and is listed without them", function()
        sdme.pipe([[printf 'a\0b\n\377' |]], "secret", "set", "bytes", "-")
        local path <const> = sdme.datadir() .. "/secrets/bytes"
        assert.equal("61 00 62 0a ff", (shell.run("od -An -tx1 %s", path):match "^%s*(.-)%s*$"))
        assert.equal("600 0 0", (shell.run("stat -c '%%a %%u %%g' %s", path):gsub("\n", "")))
        assert.matches("^NAME%s+CHANGED%s+CONTAINERS\nbytes%s+2%S+Z%s+%-$", sdme.ok("secret", "ls"))
        local listed <const> = json.decode(sdme.ok("secret", "ls", "--json"))
        assert.equal("bytes", listed[1].name)
        assert.same({}, listed[1].containers)
    end)

    it("is read from a file", function()
        shell.run("printf %%s %s >/run/pg", VALUE)
        sdme.ok("secret", "set", "pg", "/run/pg")
        assert.equal(VALUE, shell.run("cat %s/secrets/pg /dev/null; rm /run/pg", sdme.datadir()))
    end)

    it("is refused where it is none", function()
        refused.by(2, ".*expected 1 to 524288 bytes, not 0", "secret", "set", "pg")
        refused.by(2, '.*"PG" is not a name.*', "secret", "set", "PG", "-")
        refused.by(1, ".*/absent.*", "secret", "set", "pg", "/absent")
        refused.by(1, "there is no secret pg", "secret", "rm", "pg")
        local large <const> = sdme.pipe("head -c 600000 /dev/zero 2>&- |", "secret", "set", "pg")
        assert.matches("524288", large.err)
        assert.equal("", sdme.ok("__complete", "secret"))
    end)

    it("must be there before a container is made or starts", function()
        refused.by(1, "create web: there is no secret pg", "create", "--name", "web",
            "--secrets", "pg")
        assert.equal("", sdme.ok("__complete", "container"))
        set("pg", VALUE)
        sdme.ok("create", "--name", "web", "--secrets", "pg")
        refused.by(1, "secret pg is in use: web", "secret", "rm", "pg")
        sdme.ok("secret", "rm", "--force", "pg")
        refused.by(1, "start web: there is no secret pg", "start", "web")
        refused.by(1, "set web: there is no secret tls", "set", "web", "--secrets", "tls")
        sdme.ok("set", "web", "--secrets", "")
        sdme.ok("start", "web")
    end)

    it("is a credential of the container, and nowhere else", function()
        set("pg", VALUE)
        for _, user in ipairs { {}, { "--userns" } } do
            sdme.ok("create", "--name", "web", "--started", "--secrets", "pg", table.unpack(user))
            local credential <const> = sdme.run("exec", "web", "systemd-run", "--quiet", "--pipe",
                "--wait", "-p", "LoadCredential=pg", "sh", "-c", "cat $CREDENTIALS_DIRECTORY/pg")
            assert.equal(VALUE, credential.out)
            assert.equal("", found())
            assert.equal("0", shown())
            assert.not_matches(VALUE, sdme.ok("inspect", "--show-secrets", "web"))
            sdme.ok("rm", "-f", "web")
        end
    end)
end)

describe("a secret of an application", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
        application.make("service", "debian", {
            service = { cmd = { "sh", "-c", WRITE }, user = "nobody" },
        })
    end)
    teardown(sdme.clean_all)
    after_each(clean)

    local function create(...)
        set("pg", VALUE)
        local script <const> = ([[
            local sdme = require "sdme"
            local settings = {
                name = "app", fs = "service", started = true, secrets = { sdme.secret "pg" },
                oci_env = { PASSWORD = sdme.secret "pg" }, %s
            }
            local app = sdme.create(settings)
            local shown = app:inspect({ secrets = true }).settings
            print(sdme.secret "pg", shown.oci_env.PASSWORD.secret)
        ]]):format(table.concat({ ... }, ","))
        local result <const> = sdme.pipe("printf %s " .. shell.quote(script) .. " |", "run", "-")
        assert.equal("", result.err)
        assert.equal("secret pg pg", (result.out:gsub("%s+", " "):gsub(" $", "")))
    end

    for _, setting in ipairs { "userns = false", "userns = true", "hardened = true" } do
        it("is a file and a variable of that alone: " .. setting, function()
            create(setting)
            assert.equal(VALUE, inside("app", "cat", "/run/secrets/pg").out)
            assert.equal(VALUE, inside("app", "sh", "-c", "cat $CREDENTIALS_DIRECTORY/pg").out)
            assert.equal(VALUE, inside("app", "sh", "-c", "printf %s $PASSWORD").out)
            assert.equal(VALUE, inside("app", "cat", "/dev/shm/password").out)
            -- Of the container's own users only root can get at it.
            for _, path in ipairs { "/oci/apps/service/secrets/all/pg",
                "/oci/apps/service/environment", "/run/host/credentials/pg" } do
                local other <const> = sdme.run("exec", "app", "--user", "nobody", "cat", path)
                assert.equal("", other.out)
                assert.matches("Permission denied", other.err)
            end
            assert.equal("", found())
            assert.equal("0", shown())
            assert.not_matches(VALUE, sdme.ok("inspect", "--show-secrets", "app"))
            assert.not_matches(VALUE, sdme.ok("ps", "--json"))
            assert.not_matches(VALUE, sdme.ok("logs", "app"))
        end)
    end

    it("isn't shown by commands that have it", function()
        create "userns = false"
        local _ <close> = sdme.spawn("exec", "app", "--app", "--", "sleep", "1000")
        local function shown_in_guest(...)
            return sdme.ok("exec", "app", "systemctl", "show", "sdme-*.service", ...)
        end
        wait.until_true("the command runs", function()
            return shown_in_guest("-p", "Description"):find "sleep 1000"
        end)
        local properties <const> = shown_in_guest()
        assert.matches("EnvironmentFiles=/oci/apps/service/environment", properties)
        assert.not_matches(VALUE, properties)
        local own <const> = sdme.ok("exec", "app", "--app", "-e", "PASSWORD=mine", "--", "printenv",
            "PASSWORD")
        assert.equal("mine", own)
    end)

    it("is no part of what a snapshot keeps, and gone with the container", function()
        create "userns = true"
        sdme.ok("snapshot", "app", "copy")
        assert.equal("", found())
        shell.run "systemctl kill --signal KILL sdme@app"
        wait.until_equal("stopped", function()
            return (sdme.ok("ps", "--json"):match '"status": "(%a+)"':gsub("failed", "stopped"))
        end)
        assert.equal("", found())
        assert.equal("", shell.run "grep memory /proc/self/mountinfo; true")
        sdme.ok("rm", "app")
        sdme.ok("fs", "rm", "copy")
    end)

    it("is the new one after a restart", function()
        create "userns = false"
        set("pg", "another")
        assert.equal(VALUE, inside("app", "cat", "/run/secrets/pg").out)
        sdme.ok("restart", "app")
        assert.equal("another", inside("app", "cat", "/run/secrets/pg").out)
    end)

    it("of no text is no variable", function()
        sdme.pipe([[printf 'a\0b' |]], "secret", "set", "pg")
        local script <const> = [[local sdme = require "sdme"
            local env = { P = sdme.secret "pg" }
            sdme.create { name = "app", fs = "service", oci_env = env }:start()]]
        local result <const> = sdme.pipe("printf %s " .. shell.quote(script) .. " |", "run", "-")
        assert.equal(1, result.status)
        assert.matches("secret pg is no text", result.err)
    end)
end)
