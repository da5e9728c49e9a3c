-- Containers when their host is rebooted, or loses its power.

local vm <const> = require "spec.support.vm"

-- What a container's upper layer has: types, owners, modes, sizes, and what is in the files.
local function portrait(name)
    return vm.run([[cd /var/lib/sdme/containers/%s
        find upper -printf '%%P %%y %%m %%U:%%G %%l\n' | sort
        find upper -type f | sort | xargs tail -vn +1]], name)
end

local function base_of(name)
    return vm.run("jq .userns.base /var/lib/sdme/containers/%s/state.json", name)
end

local function status_of(name)
    return vm.run "sdme ps":match("\n" .. name .. "%s+(%S+)") or "gone"
end

local function assert_clean()
    for line in vm.traces():gmatch "[^\n]+" do
        assert.not_matches("fleeting", line)
        assert.not_matches("^mount ", line)
        assert.not_matches("/staging/", line)
    end
end

describe("a reboot of the host", function()
    setup(function()
        vm.run [[sdme create --name on --userns --started -t 300
            sdme exec on sh -c 'echo kept >/root/file; sync'
            sdme enable on
            sdme create --name off --enable
            sdme disable off
            sdme create --name fleeting --ephemeral --started -t 300]]
        vm.reboot()
    end)

    it("starts the containers that are enabled, and no others", function()
        vm.wait_running "on"
        assert.equal("stopped", status_of "off")
    end)

    it("loses nothing that a container changed", function()
        assert.equal("kept", vm.run "sdme exec on cat /root/file")
    end)

    it("leaves nothing of an ephemeral container", function()
        assert.equal("gone", status_of "fleeting")
        assert_clean()
    end)
end)

describe("a power cut", function()
    teardown(vm.clean)

    it("leaves of an ephemeral container what the next command removes", function()
        vm.run "sdme create --name fleeting --userns --memory 1G --ephemeral --started -t 300"
        vm.crash()
        vm.wait_running "on"
        assert.equal("gone", status_of "fleeting")
        assert_clean()
    end)

    it("loses nothing that a container changed and synced", function()
        assert.equal("kept", vm.run "sdme exec on cat /root/file")
        assert.equal("running", status_of "on")
    end)

    it("right after a container was made leaves it whole", function()
        local options <const> = "--userns --memory 900M -e A=b"
        vm.run("sdme rm --all --force; sdme create --name aaa " .. options .. "; sync")
        vm.run("sdme create --name bbb " .. options)
        vm.crash()
        local function normal(name)
            return (portrait(name):gsub(base_of(name), "BASE"):gsub(name, "NAME"))
        end
        assert.equal(normal "aaa", normal "bbb")
        assert.matches("\nNAME\n", normal "bbb")
        vm.run "sdme start -t 300 bbb"
    end)
end)
