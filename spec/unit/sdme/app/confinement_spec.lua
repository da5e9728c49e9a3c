local confinement <const> = require "sdme.app.confinement"
local setting <const> = require "sdme.setting"

local function settings(options)
    options.apparmor_profile = "unconfined"
    return setting.check(options, { allow = "create" })
end

-- The assignments by key.
local function by_key(assignments)
    local found <const> = {}
    for _, assignment in ipairs(assignments) do
        assert.is_nil(found[assignment[1]], assignment[1])
        found[assignment[1]] = assignment[2]
    end
    return found
end

local function service(options)
    return by_key(confinement.describe(settings(options)).service)
end

local function has_word(text, word)
    return (" " .. text:gsub("^~", "") .. " "):find(" " .. word .. " ", 1, true) ~= nil
end

describe("sdme.app.confinement", function()
    it("leaves what Docker leaves, and what isolate itself gives up", function()
        local bound <const> = service({}).CapabilityBoundingSet
        assert.matches("^CAP_SYS_ADMIN CAP_CHOWN ", bound)
        assert.is_true(has_word(bound, "CAP_NET_RAW"))
        assert.is_false(has_word(bound, "CAP_SYS_PTRACE"))
        assert.falsy(table.concat(confinement.options {}, " "):find "SYS_ADMIN")
    end)

    it("follows the capabilities that the container is given, and those that it lacks", function()
        local bound <const> = service({ capability = "net_admin", drop_capability = "net_raw" })
            .CapabilityBoundingSet
        assert.is_true(has_word(bound, "CAP_NET_ADMIN"))
        assert.is_false(has_word(bound, "CAP_NET_RAW"))
    end)

    it("takes nothing away that a capability was given for", function()
        assert.equal("yes", service({}).ProtectClock)
        assert.is_true(has_word(service({}).SystemCallFilter, "@clock"))
        local given <const> = service { capability = { "sys_time", "bpf" } }
        assert.is_nil(given.ProtectClock)
        assert.is_false(has_word(given.SystemCallFilter, "@clock"))
        assert.is_false(has_word(given.SystemCallFilter, "bpf"))
    end)

    it("is more the further the container is kept from its host", function()
        local plain <const>, hardened <const> = service {}, service { hardened = true }
        local strict <const> = service { strict = true }
        assert.is_nil(plain.NoNewPrivileges)
        assert.is_nil(plain.RestrictSUIDSGID)
        assert.equal("yes", hardened.NoNewPrivileges)
        assert.equal("yes", hardened.PrivateDevices)
        assert.is_nil(hardened.SystemCallArchitectures)
        assert.equal("native", strict.SystemCallArchitectures)
        assert.is_true(has_word(strict.SystemCallFilter, "@debug"))
        for key in pairs(plain) do
            assert.is_truthy(strict[key], key)
        end
    end)

    it("hides no devices where the container is given one", function()
        assert.is_nil(service({ hardened = true, device = "/dev/fuse" }).PrivateDevices)
    end)

    it("lets commands enter, and gives them the same filters", function()
        local strict <const> = settings { strict = true }
        local entering <const> = by_key(confinement.describe(strict).entering)
        assert.equal("~user", entering.RestrictNamespaces)
        assert.is_nil(entering.CapabilityBoundingSet)
        assert.is_nil(entering.ProtectKernelTunables)
        local properties <const> = {}
        for _, property in ipairs(confinement.properties(strict)) do
            properties[property[1]] = property
        end
        for key in pairs(entering) do
            assert.is_truthy(properties[key], key)
        end
        assert.same({ "LockPersonality", "b", true }, properties.LockPersonality)
        assert.same({ "SystemCallErrorNumber", "i", 1 }, properties.SystemCallErrorNumber)
        local filter <const> = "~" .. table.concat(properties.SystemCallFilter[3][2], " ")
        assert.equal(entering.SystemCallFilter, filter)
        assert.equal("--no-new-privileges", confinement.options(strict)[3])
    end)
end)
