-- Applications of images: services of a container, with files of their own.

local application <const> = require "spec.support.application"
local debian <const> = require "spec.support.debian"
local sdme <const> = require "spec.support.sdme"
local wait <const> = require "spec.support.wait"

local ROOT <const> = "/oci/apps/web/root"

-- Waits for a file of an application, and gives its content.
local function written(container, path)
    return wait.until_true(path, function()
        local result <const> = sdme.run("exec", container, "cat", path)
        return result.status == 0 and result.out ~= "" and result.out
    end)
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

    it("is that in a user namespace, too", function()
        files "--userns"
    end)
end)
