-- The bundles --hardened and --strict: what they leave, and that a system lives with it.

local json <const> = require "sdme.json"
local sdme <const> = require "spec.support.sdme"
local wait <const> = require "spec.support.wait"

local function inside(...)
    return sdme.ok("exec", "web", ...)
end

local function start(...)
    return sdme.run("create", "--name", "web", "--started", ...)
end

local function inspect(name)
    return json.decode(sdme.ok("inspect", name))
end

local function level_of(name)
    local listed <const> = json.decode(sdme.ok("ps", "--json"))
    assert.equal(listed[1].security, inspect(name).security.level)
    return listed[1].security
end

-- CAP_CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE,
-- SYS_CHROOT, SYS_ADMIN, MKNOD, AUDIT_WRITE, SETFCAP.
local STRICT_BOUND <const> = 0xa82405fb

describe("a strict container", function()
    after_each(sdme.clean)

    it("runs as a whole, with the capabilities that it may have", function()
        start "--strict"
        assert.equal("running", inside("systemctl", "is-system-running", "--wait"))
        local status <const> = inside("cat", "/proc/1/status")
        assert.equal(STRICT_BOUND, tonumber(status:match "CapBnd:%s*(%x+)", 16))
        assert.matches("NoNewPrivs:%s*1", status)
        assert.matches("^%s*0%s+[1-9]", inside("cat", "/proc/self/uid_map"))
        for _, unit in ipairs { "systemd-journald", "systemd-logind", "dbus" } do
            assert.equal("active", inside("systemctl", "is-active", unit))
        end
        inside("logger", "-t", "spec", "it is logged")
        wait.until_true("the journal", function()
            return inside("journalctl", "-t", "spec", "-o", "cat") == "it is logged"
        end)
    end)

    it("asks for an address, and has a resolver, with two capabilities", function()
        start("--strict", "--network-veth", "--capability", "net_admin", "--capability", "net_raw")
        assert.equal("running", inside("systemctl", "is-system-running", "--wait"))
        for _, unit in ipairs { "systemd-networkd", "systemd-resolved" } do
            assert.equal("active", inside("systemctl", "is-active", unit))
        end
        wait.until_true("an address", function()
            return (inspect("web").addresses[1] or ""):find "^%d+%.%d+%.%d+%.%d+$"
        end)
        assert.equal("userns", level_of "web")
    end)

    it("may do what one flag gives back", function()
        start("--strict", "--no-new-privileges=no")
        assert.matches("NoNewPrivs:%s*0", inside("cat", "/proc/1/status"))
        assert.same({ level = "userns", missing = { "no_new_privileges" } },
            inspect("web").security)
    end)
end)

describe("a bundle", function()
    after_each(sdme.clean)

    it("is spelt out in what a container keeps, and again by set", function()
        sdme.ok("create", "--name", "web", "--hardened")
        assert.equal("hardened", level_of "web")
        sdme.ok("set", "web", "--strict")
        assert.equal("strict", level_of "web")
        assert.is_nil(inspect("web").settings.strict)
        sdme.ok("start", "web")
        assert.equal(STRICT_BOUND,
            tonumber(inside("cat", "/proc/1/status"):match "CapBnd:%s*(%x+)", 16))
    end)

    it("isn't for a container that was made without a user namespace", function()
        sdme.ok("create", "--name", "web")
        local refused <const> = sdme.run("set", "web", "--strict")
        assert.same({ 2, "sdme: --strict needs a user namespace, which containers have from their"
            .. " creation\nhint: make another one with it; or give what it stands for, flag by"
            .. " flag\n" }, { refused.status, refused.err })
        assert.equal("plain", level_of "web")
    end)
end)
