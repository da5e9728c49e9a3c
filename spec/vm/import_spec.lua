-- What is imported when the host loses its power.

local vm <const> = require "spec.support.vm"

local TREE <const> = "/root/tree"

-- A digest of all that a tree is: types, modes, owners, times, links, and what is in the files.
local function digest(path)
    return vm.run([[cd %s && { find . -printf '%%P %%y %%m %%U:%%G %%T@ %%l\n' | sort
        find . -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum]], path)
end

local function tree_of(name)
    return vm.run([[echo /var/lib/sdme/layers/$(jq -r '.layers[]' /var/lib/sdme/fs/%s.json)/tree]],
        name)
end

local UNWRITTEN <const> = "find /var/lib/sdme/layers -maxdepth 2 -name unwritten | wc -l"

-- The layers that aren't said to be on the disk.
local function unwritten()
    return vm.run(UNWRITTEN)
end

local function await_written()
    vm.run("while [ $(" .. UNWRITTEN .. ") != 0 ]; do sleep 0.1; done")
end

describe("an archive", function()
    setup(function()
        vm.run [[mkdir -p /root/tree/etc /root/tree/usr
            cp -a /usr/lib/os-release /root/tree/etc
            cp -a /usr/share/perl5 /usr/sbin /root/tree/usr
            tar -C /root/tree --format posix -cf /root/tree.tar . && sync]]
    end)
    after_each(function()
        vm.attempt "sdme fs rm web; sdme fs cache clean"
    end)
    teardown(function()
        vm.attempt "rm -r /root/tree /root/tree.tar"
    end)

    it("that was imported is whole after a power cut, or lost and said to be", function()
        vm.run "sdme fs import /root/tree.tar --name web --install-packages no"
        vm.crash()
        if unwritten() ~= "0" then
            assert.matches("web +damaged", vm.run "sdme fs ls")
            assert.not_equal(0, (vm.attempt "sdme create -r web --name box"))
            vm.run "sdme fs import /root/tree.tar --name web --install-packages no --force"
        end
        assert.equal("0", unwritten())
        assert.equal(digest(TREE), digest(tree_of "web"))
    end)

    it("is whole once it is said to be on the disk", function()
        vm.run "sdme fs import /root/tree.tar --name web --install-packages no"
        await_written()
        vm.crash()
        assert.equal("0", unwritten())
        assert.equal(digest(TREE), digest(tree_of "web"))
    end)

    it("that a container was made from is on the disk", function()
        vm.run "sdme fs import /root/tree.tar --name web --install-packages no"
        vm.run "sdme create -r web --name box"
        vm.crash()
        assert.equal("0", unwritten())
        assert.equal(digest(TREE), digest(tree_of "web"))
        vm.run "sdme rm box"
    end)

    it("that was unpacked for nothing before a power cut is unpacked once more", function()
        local status <const> = vm.attempt "sdme fs import /root/tree.tar --name web </dev/null"
        assert.not_equal(0, status)
        assert.equal("1", unwritten())
        vm.crash()
        vm.run "sdme fs import /root/tree.tar --name web --install-packages no"
        await_written()
        assert.equal(digest(TREE), digest(tree_of "web"))
    end)
end)
