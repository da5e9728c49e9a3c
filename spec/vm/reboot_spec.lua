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

-- The same of the only layer of a rootfs, or of a directory; times too.
local function portrait_of_tree(path)
    return vm.run([[cd %s && find . -printf '%%P %%y %%m %%U:%%G %%s %%T@ %%l\n' | sort &&
        find . -type f -print0 | sort -z | xargs -0 sha256sum]], path)
end

local function tree_of(name)
    return vm.run([[echo /var/lib/sdme/layers/$(jq -r '.layers[]' /var/lib/sdme/fs/%s.json)/tree]],
        name)
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

describe("an archive", function()
    local LINKS <const> = "ls /var/lib/sdme/layers/*/unwritten 2>/dev/null | wc -l"

    setup(function()
        vm.run [[mkdir -p /root/tree/etc /root/tree/usr
            cp -a /usr/lib/os-release /root/tree/etc
            cp -a /usr/share/perl5 /usr/sbin /root/tree/usr
            tar -C /root/tree -cf /root/tree.tar . && sync]]
    end)
    teardown(function()
        vm.attempt "sdme fs rm whole; sdme fs rm again; sdme fs gc; rm -r /root/tree /root/tree.tar"
    end)

    it("that was imported right before a power cut is whole", function()
        vm.run "sdme fs import /root/tree.tar --name whole --install-packages no"
        vm.crash()
        assert.equal("0", vm.run(LINKS))
        assert.equal(portrait_of_tree "/root/tree", portrait_of_tree(tree_of "whole"))
        vm.run "sdme fs rm whole"
    end)

    it("of which a power cut took what was unpacked is unpacked once more", function()
        local status <const> = vm.attempt "sdme fs import /root/tree.tar --name again </dev/null"
        assert.not_equal(0, status)
        assert.equal("1", vm.run(LINKS))
        vm.crash()
        vm.run "sdme fs import /root/tree.tar --name again --install-packages no"
        assert.equal("0", vm.run(LINKS))
        assert.equal(portrait_of_tree "/root/tree", portrait_of_tree(tree_of "again"))
    end)
end)
