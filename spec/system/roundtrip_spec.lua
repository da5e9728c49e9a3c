-- What is imported, exported and imported again is what it was, whatever the format.

local debian <const> = require "spec.support.debian"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local tree <const> = require "spec.support.tree"

-- Names of files, and options: all formats, and disk images of both filesystems.
local EXPORTS <const> = {
    { "directory" }, { "x.tar" }, { "x.tar.gz" }, { "x.tar.bz2" }, { "x.tar.xz" }, { "x.tar.zst" },
    { "x.tar.lz4" }, { "x.raw" }, { "x.img", "--filesystem=btrfs" }, { "x.qcow2" },
    { "x.qcow2", "--compression=zlib", "--level=1", "--filesystem=btrfs" },
    { "x.qcow2", "--compression=none" },
}

-- A directory for what is too large for memory, or has to share a filesystem with the store.
local function directory()
    local path <const> = shell.run "mktemp -d /var/tmp/sdme-spec.XXXXXX"
    scratch.finally(function()
        shell.run("rm -rf %s", path)
    end)
    return path
end

local function import(source, name)
    sdme.ok("fs", "import", source, "--name", name, "--install-packages=no")
    scratch.finally(function()
        sdme.ok("fs", "rm", "--force", name)
    end)
end

describe("a tree with everything in it", function()
    local before

    setup(function()
        local disk <const> = scratch.filesystem("ext4", "600M")
        tree.make(disk .. "/tree")
        before = tree.describe(disk .. "/tree")
        sdme.ok("fs", "import", disk .. "/tree", "--name", "first", "--install-packages=no")
        scratch.clean()
    end)
    teardown(sdme.clean_all)
    after_each(scratch.clean)

    it("is the same when it was imported", function()
        assert.equal("", tree.differences(before, tree.describe(sdme.top_layer "first")))
    end)

    for _, export in ipairs(EXPORTS) do
        it("is the same again after " .. table.concat(export, " "), function()
            local path <const> = directory() .. "/" .. export[1]
            sdme.ok("fs", "export", "fs:first", path, table.unpack(export, 2))
            import(path, "again")
            assert.equal("", tree.differences(before, tree.describe(sdme.top_layer "again")))
        end)
    end
end)

describe("Debian", function()
    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "debian")
    end)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    for _, suffix in ipairs { "qcow2", "tar.zst" } do
        it("still boots, plain and with --userns, when it has been a " .. suffix, function()
            local path <const> = directory() .. "/debian." .. suffix
            sdme.ok("fs", "export", "fs:debian", path)
            import(path, "again")
            local expected <const> = tree.describe(sdme.top_layer "debian")
            assert.equal("", tree.differences(expected, tree.describe(sdme.top_layer "again")))
            for _, option in ipairs { "--name=plain", "--userns" } do
                assert.equal("running\n0:42", sdme.ok("new", "-r", "again", option, "--", "sh",
                    "-c", "systemctl is-system-running; stat -c %u:%g /etc/shadow"))
            end
        end)
    end

    local CHANGE <const> = [[echo changed >/etc/hostname; rm /etc/debian_version; mkdir /srv/new
        echo mine >/srv/new/file; chown 1000:1001 /srv/new/file; chown 5:6 /etc/issue
        rm -r /usr/share/doc; mkdir /usr/share/doc; chmod 711 /root]]
    local SHOW <const> = [[cd %s; for f in etc/issue etc/shadow srv/new srv/new/file root usr/bin/su
        do stat -c '%%n %%u:%%g %%a' $f; done; cat etc/hostname srv/new/file; ls usr/share/doc
        test ! -e etc/debian_version]]
    local SHOWN <const> = "etc/issue 5:6 644\netc/shadow 0:42 640\nsrv/new 0:0 755\n"
        .. "srv/new/file 1000:1001 644\nroot 0:0 711\nusr/bin/su 0:0 4755\nchanged\nmine"

    it("has plain owners in the export of a container with --userns, stopped or running",
        function()
            sdme.ok("create", "-r", "debian", "--name", "web", "--userns", "--started")
            sdme.ok("exec", "web", "sh", "-c", CHANGE)
            local path <const> = directory()
            sdme.ok("fs", "export", "web", path .. "/running")
            sdme.ok("fs", "export", "web", path .. "/running.qcow2")
            assert.equal("running", sdme.ok("exec", "web", "systemctl", "is-system-running"))
            sdme.ok("stop", "web")
            sdme.ok("fs", "export", "web", path .. "/stopped")
            sdme.ok("fs", "export", "web", path .. "/stopped.tar.zst")
            import(path .. "/running.qcow2", "running")
            import(path .. "/stopped.tar.zst", "stopped")
            for _, root in ipairs { path .. "/running", path .. "/stopped",
                sdme.top_layer "running", sdme.top_layer "stopped" } do
                assert.equal(SHOWN, shell.run(SHOW, root), root)
            end
        end)
end)
