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

-- The layers that aren't said to be on the disk.
local function unwritten()
    return vm.run "find /var/lib/sdme/layers -maxdepth 2 -name unwritten | wc -l"
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

    it("that was imported right before a power cut is whole", function()
        vm.run "sdme fs import /root/tree.tar --name web --install-packages no"
        vm.crash()
        assert.equal("0", unwritten())
        assert.equal(digest(TREE), digest(tree_of "web"))
    end)

    it("that was unpacked for nothing before a power cut is unpacked once more", function()
        local status <const> = vm.attempt "sdme fs import /root/tree.tar --name web </dev/null"
        assert.not_equal(0, status)
        assert.equal("1", unwritten())
        vm.crash()
        vm.run "sdme fs import /root/tree.tar --name web --install-packages no"
        assert.equal("0", unwritten())
        assert.equal(digest(TREE), digest(tree_of "web"))
    end)
end)
