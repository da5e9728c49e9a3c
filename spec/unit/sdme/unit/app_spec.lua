local app <const> = require "sdme.app"
local text <const> = require "sdme.unit.text"
local unit <const> = require "sdme.unit.app"

local function files(config)
    return unit.files({ name = "web", config = config }, app, {
        service = { { "LockPersonality", "yes" } }, entering = { { "RestrictRealtime", "yes" } },
        options = { "--no-new-privileges" },
    })
end

-- The assignments of a key in a unit.
local function values(content, key)
    local found <const> = {}
    for value in ("\n" .. content):gmatch("\n" .. key .. "=([^\n]*)") do
        found[#found + 1] = value
    end
    return found
end

local function service(config)
    return files(config)["sdme-oci-web.service"]
end

describe("the unit of an application", function()
    it("runs what the image says under our programs, in the application's root", function()
        local content <const> = service {
            entrypoint = { "/entry" }, cmd = { "a", "b c" }, user = "www:www", workdir = "/srv",
        }
        assert.same({ "/.sdme/devfd --owner www:www -- /.sdme/isolate --user www:www --cwd /srv -- "
            .. '/entry a "b c"' }, values(content, "ExecStart"))
        assert.same({ "/oci/apps/web/root" }, values(content, "RootDirectory"))
        assert.same({ "/oci/apps/web/run:/run" }, values(content, "BindPaths"))
        assert.same({}, values(content, "Wants"))
        assert.same({ "yes" }, values(content, "LockPersonality"))
    end)

    it("says nothing of a user or a signal that the image doesn't name", function()
        local content <const> = service { cmd = { "x" }, user = "" }
        assert.same({ "/.sdme/devfd -- /.sdme/isolate -- x" }, values(content, "ExecStart"))
        assert.same({}, values(content, "KillSignal"))
    end)

    it("quotes every word, so that systemd reads back what it was", function()
        local content <const> = service {
            cmd = { "x", "", ";", "%n", "$A", "a'b\"c\\d", "a\nb\127" },
            env = { "A=1", "B= $x %n\n" },
        }
        assert.same({ "/.sdme/devfd -- /.sdme/isolate -- x \"\" \";\" \"%%n\" \"$$A\""
            .. [[ "a'b\"c\\d" "a\x0ab\x7f"]] }, values(content, "ExecStart"))
        assert.same({ "A=1", [["B= $x %%n\x0a"]] }, values(content, "Environment"))
    end)

    it("can't be without a command", function()
        local fine <const>, why <const> = pcall(service, { cmd = {}, entrypoint = {} })
        assert.is_false(fine)
        assert.equal("application web: its image names no command", tostring(why))
    end)

    it("is started with the container", function()
        assert.same({ ["multi-user.target.wants/sdme-oci-web.service"] = "sdme-oci-web.service" },
            unit.links { name = "web" })
    end)
end)

describe("the units of an application's health", function()
    local function check(test, shell, start_period, start_interval)
        return files {
            cmd = { "x" }, user = "www", shell = shell, healthcheck = {
                test = test, interval = 30, timeout = 1.5, retries = 3,
                start_period = start_period or 0, start_interval = start_interval,
            },
        }
    end

    -- What runs the check, and the check.
    local function command(...)
        local line <const> = values(check(...)["sdme-health-web.service"], "ExecStart")[1]
        return line:match("^(.*) %-%- /oci/apps/web/root/%.sdme/enter %-%-target "
            .. "/system%.slice/sdme%-oci%-web%.service %-%-no%-new%-privileges "
            .. "%-%-user www %-%- (.*)")
    end

    it("are there only where the image says how it is checked", function()
        assert.same({ "sdme-oci-web.service" }, { next(files { cmd = { "x" } }) and
            next(files { cmd = { "x" } }) })
        local three <const> = check { "CMD", "true" }
        assert.same({ "sdme-health-web.timer" }, values(three["sdme-oci-web.service"], "Wants"))
        assert.same({ "30.000s" }, values(three["sdme-health-web.timer"], "OnUnitInactiveSec"))
        assert.same({ "sdme-oci-web.service" }, values(three["sdme-health-web.timer"], "BindsTo"))
    end)

    it("have its times and counts", function()
        local plain <const> = "/oci/apps/web/root/.sdme/health --file /run/sdme-health/web "
            .. "--target /system.slice/sdme-oci-web.service --retries 3 --timeout 1500"
        assert.equal(plain, (command { "CMD", "true" }))
        assert.equal(plain .. " --start-period 7000 --start-interval 5000",
            (command({ "CMD", "true" }, nil, 7)))
        assert.equal(plain .. " --start-period 7000 --start-interval 250",
            (command({ "CMD", "true" }, nil, 7, 0.25)))
    end)

    it("run a command, or one for the image's shell, in the application", function()
        local function run(...)
            return (select(2, command(...)))
        end
        assert.equal("redis-cli ping", run { "CMD", "redis-cli", "ping" })
        assert.equal('/bin/sh -c "a || b $$C"', run { "CMD-SHELL", "a || b $C" })
        assert.equal('/bin/bash -ec a', run({ "CMD-SHELL", "a" }, { "/bin/bash", "-ec" }))
    end)
end)

describe("an environment file", function()
    it("has values of any kind in double quotes", function()
        assert.equal('A="1 \\"2\\" \\\\ \\$x \\`y\n\'"\n',
            text.assignment("A", '1 "2" \\ $x `y\n\''))
    end)
end)
