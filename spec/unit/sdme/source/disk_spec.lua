local core <const> = require "sdme.core"
local disk <const> = require "sdme.source.disk"
local fault <const> = require "sdme.fault"
local image <const> = require "spec.support.image"
local needs <const> = require "spec.support.needs"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local ROOT_X86_64 <const> = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
local USR_X86_64 <const> = "8484680c-9521-48c6-9c11-b0720656f69e"
local HOME <const> = "933ac7e1-2eb4-4f13-b844-0e14e2aef915"

-- What makes a root filesystem: fstab's lines are the argument.
local ROOT <const> = [[mkdir -p etc usr/lib var home boot; echo ID=spec > usr/lib/os-release
    ln -s ../usr/lib/os-release etc/os-release; printf "%%b" "%s" > etc/fstab]]

local function root(fstab)
    return ROOT:format(fstab or "")
end

local function open_image(path, options)
    local file <close> = assert(io.open(path, "rb"))
    local all <const> = { name = "disk.img", architecture = "x86_64" }
    for key, value in pairs(options or {}) do
        all[key] = value
    end
    return disk.open(file, all)
end

local function failure(path, options)
    local found <const> = raised(open_image, path, options)
    assert.is_true(fault.is(found), tostring(found))
    return tostring(found), found.code, found
end

local function paths(opened)
    local list <const> = {}
    for i, entry in ipairs(opened.mounts) do
        list[i] = entry.path .. " " .. tostring(entry.partition.number)
    end
    return list
end

local function read(opened, path, index)
    return core.file.read(path, { root = opened.mounts[index or 1].mount })
end

-- A disk with a partition for each script, of `type`.
local function make(table_script, type, scripts, options)
    local path <const> = image.make(64 * #scripts + 8, table_script)
    for i, partition in ipairs(image.partitions(path)) do
        image.format(path, partition, type, scripts[i], options and options[i])
    end
    return path
end

describe("source.disk", function()
    before_each(function()
        needs.root()
        needs.program("sfdisk", "losetup", "mkfs.ext4")
    end)
    after_each(scratch.clean)

    describe("finds the root", function()
        it("by the type of its partition", function()
            local path <const> = make("label: gpt\nsize=32M\nsize=32M, type=" .. ROOT_X86_64,
                "ext4", { root(), root() .. "; echo here > here" })
            local opened <close> = open_image(path)
            assert.same({ "/ 2" }, paths(opened))
            assert.equal("here\n", read(opened, "/here"))
        end)

        it("by its os-release where the type is another's", function()
            local path <const> = make("label: gpt\nsize=48M\nsize=32M, type="
                .. "b921b045-1df0-41c3-af44-4c6f280d3fae", "ext4", { "echo > data", root() })
            local opened <close> = open_image(path)
            assert.same({ "/ 2" }, paths(opened))
            local arm <close> = open_image(path, { architecture = "aarch64" })
            assert.same({ "/ 2" }, paths(arm))
        end)

        it("in a logical partition", function()
            local path <const> = make("label: dos\nsize=16M\nsize=100M, type=5\n"
                .. "5: size=32M\n6: size=32M\n", "ext4", { "", "", root() })
            local opened <close> = open_image(path)
            assert.same({ "/ 6" }, paths(opened))
        end)

        it("on a disk without partitions", function()
            for _, type in ipairs { "ext2", "ext3", "ext4" } do
                local path <const> = image.make(32)
                image.format(path, nil, type, root())
                local opened <close> = open_image(path)
                assert.same({ "/ nil" }, paths(opened))
                assert.equal("ID=spec\n", read(opened, "/etc/os-release"), type)
            end
        end)

        it("on a disk of 4096 byte sectors, whichever table it has", function()
            for _, label in ipairs { "gpt", "dos" } do
                local path <const> = image.make(64,
                    "label: " .. label .. "\nstart=512, size=8192\n", 4096)
                image.format(path, { offset = image.mib(2), size = image.mib(32) }, "ext4", root())
                local opened <close> = open_image(path)
                assert.same({ "/ 1" }, paths(opened))
                assert.equal(4096, opened.partitions.sector_size)
            end
        end)

        it("in a subvolume of btrfs", function()
            needs.program "mkfs.btrfs"
            for name, script in pairs {
                ["@"] = "btrfs subvolume create @; cd @; ",
                ["@rootfs"] = "btrfs subvolume create @home; btrfs subvolume create @rootfs; "
                    .. "cd @rootfs; ",
                root = "btrfs subvolume create root; cd root; ",
                top = "",
                default = "btrfs subvolume create @; btrfs subvolume create other; "
                    .. "btrfs subvolume set-default other; echo ID=no > @/x; cd other; ",
            } do
                local path <const> = image.make(128)
                image.format(path, nil, "btrfs",
                    script .. root() .. "; echo " .. name .. " > here")
                local opened <close> = open_image(path)
                assert.equal(name .. "\n", read(opened, "/here"))
            end
        end)

        it("in an xfs, beside another of the same UUID", function()
            needs.program "mkfs.xfs"
            local path <const> = image.make(320)
            image.format(path, nil, "xfs", root())
            local first <close> = open_image(path)
            local second <close> = open_image(path)
            assert.equal("ID=spec\n", read(second, "/etc/os-release"))
            assert.equal("ID=spec\n", read(first, "/etc/os-release"))
        end)

        it("and says what it found instead", function()
            local path = make("label: gpt\nsize=32M\nsize=32M\n", "ext4", { "echo x > x", "" })
            local message, code = failure(path)
            assert.equal("ENOENT", code)
            assert.equal("disk.img: no filesystem on it has an /etc/os-release", message)
            path = image.make(8, "label: gpt\nsize=4M\n")
            message, code = failure(path)
            assert.equal("EFORMAT", code)
            assert.equal("disk.img: there is no filesystem on it that is known", message)
            path = image.make(1)
            assert.equal("EFORMAT", select(2, failure(path)))
        end)
    end)

    it("refuses by name what it can't look into", function()
        local path <const> = image.make(32, "label: gpt\nsize=8M\nsize=8M, type=" .. ROOT_X86_64)
        image.format(path, image.partitions(path)[1], "ext4", "echo x > x")
        image.poke(path, image.partitions(path)[2].offset, "LUKS\xba\xbe\0\1")
        local message, code, found = failure(path)
        assert.equal("EUNSUPPORTED", code)
        assert.equal("disk.img: partition 2 is encrypted (LUKS)", message)
        assert.matches("import the directory", found.hint)
        message = failure(path, { architecture = "aarch64" })
        assert.equal("disk.img: partition 2 is encrypted (LUKS)", message)
        image.poke(path, 0, "LUKS\xba\xbe\0\1" .. ("\0"):rep(4096))
        assert.equal("disk.img is encrypted (LUKS)", (failure(path)))
    end)

    it("replays no journal, and changes no byte", function()
        for type, size in pairs { ext4 = 32, xfs = 320, btrfs = 128 } do
            needs.program("mkfs." .. type)
            local path <const>, copy <const> = image.make(size), image.make(size)
            image.format(path, nil, type, root())
            shell.run([[mount -o loop %s %s; cd %s; for i in $(seq 50); do echo x > new$i
                dd if=/dev/zero of=usr/log bs=1 count=1 seek=$i conv=fsync,notrunc 2>/dev/null
                done; cp --sparse=always %s %s; cd /; umount %s]], path, path .. ".mnt",
                path .. ".mnt", path, copy, path .. ".mnt")
            local before <const> = copy .. ".before"
            shell.run("cp --sparse=always %s %s", copy, before)
            do
                local opened <close> = open_image(copy)
                assert.equal("ID=spec\n", read(opened, "/etc/os-release"), type)
                local _, _, code = core.file.write("/x", "", { root = opened.mounts[1].mount })
                assert.equal("EROFS", code)
            end
            assert.is_true(shell.succeeds("cmp %s %s", before, copy), type)
        end
    end)

    it("leaves no device and no mount behind, and is on nobody's list of mounts", function()
        local path <const> = make("label: gpt\nsize=32M\nsize=32M\n", "ext4",
            { root("LABEL=v /var ext4 defaults\\n"), "echo x > x" }, { "", "-L v" })
        local mounts <const> = shell.run "cat /proc/self/mountinfo | wc -l"
        local opened <const> = open_image(path)
        assert.same({ "/ 1", "/var 2" }, paths(opened))
        assert.equal(mounts, shell.run "cat /proc/self/mountinfo | wc -l")
        opened:close()
        opened:close()
        wait.until_equal("", function()
            return shell.run("losetup --list --noheadings --output BACK-FILE | grep -F %s || :",
                path:match "[^/]+/disk.img$")
        end)
    end)

    describe("merges what fstab mounts from the same disk", function()
        local function merged(fstab, count, type, options, scripts)
            local table_script = "label: gpt\nsize=32M, name=root, type=" .. ROOT_X86_64 .. "\n"
            local all <const> = { root(fstab) .. "; echo hidden > var/hidden" }
            for i = 2, count do
                table_script = ("%ssize=16M, name=part%d, uuid=%s%d\n"):format(table_script, i,
                    "00000000-0000-4000-8000-00000000000", i)
                all[i] = scripts and scripts[i] or "echo " .. i .. " > number"
            end
            return make(table_script, type or "ext4", all, options)
        end

        -- The beginning of an empty FAT16 of 16 MiB: boot sector, and two tables of 32 sectors.
        local function make_fat()
            local entry <const> = "\xf8\xff\xff\xff" .. ("\0"):rep(32 * 512 - 4)
            return ("<c3c8I2I1I2I1I2I2I1I2I2I2I4I4I1I1I1I4c11c8"):pack("\xeb\x3c\x90", "MSWIN4.1",
                512, 4, 1, 2, 512, 32768, 0xf8, 32, 32, 2, 0, 0, 0x80, 0, 0x29, 1,
                "NO NAME    ", "FAT16   ") .. ("\0"):rep(510 - 62) .. "\x55\xaa" .. entry:rep(2)
                .. ("\0"):rep(65536)
        end

        it("but for a vfat that this kernel can't read, without which it goes on", function()
            local path <const> = merged([[/dev/vda2 /boot/efi vfat umask=0077 0 1\\n]], 2)
            image.poke(path, image.partitions(path)[2].offset, make_fat())
            local opened <close> = open_image(path)
            if core.file.read "/proc/filesystems":find "\tvfat\n" then
                assert.same({ "/", "/boot/efi" }, { opened.mounts[1].path, opened.mounts[2].path })
            else
                assert.same({ { path = "/boot/efi", source = "/dev/vda2",
                    why = "this kernel has no vfat" } }, opened.left_out)
            end
        end)

        it("by every name that it can have there", function()
            local path <const> = merged(table.concat({
                "# a comment /nothing\\n\\n   \\n",
                "UUID=01234567-89AB-cdef-0123-456789abcdef /usr ext4 ro 0 2\\n",
                'LABEL=\\"none\\" /bad ext4 defaults\\n',
                "LABEL=la\\\\\\\\040bel\\t/var//lib/./x/ auto defaults 0 2\\n",
                "PARTUUID=00000000-0000-4000-8000-000000000004 /var ext4 defaults,nofail\\n",
                "PARTLABEL=part5 /home ext4\\n",
                "/dev/disk/by-partlabel/part6 /srv ext4\\n",
                "/dev/vda7 /opt ext4\\n",
                "/dev/nvme0n1p8 /a\\\\\\\\040b ext4\\n",
                "tmpfs /tmp tmpfs defaults 0 0\\n/dev/vda2 none swap sw 0 0\\n",
            }), 8, nil, { "", "-U 01234567-89ab-cdef-0123-456789abcdef", "-L 'la bel'" })
            local opened <close> = open_image(path)
            assert.same({ "/ 1", "/a b 8", "/home 5", "/opt 7", "/srv 6", "/usr 2", "/var 4",
                "/var/lib/x 3" }, paths(opened))
            assert.same({
                { path = "/bad", source = 'LABEL="none"', why = "it isn't on this disk" },
            }, opened.left_out)
            local target <const> = scratch.directory() .. "/copy"
            local size <const> = opened:copy(target)
            for name, number in pairs { usr = 2, var = 4, home = 5, srv = 6, opt = 7, ["a b"] = 8,
                ["var/lib/x"] = 3 } do
                assert.equal(number .. "\n", core.file.read(target .. "/" .. name .. "/number"))
            end
            assert.is_nil(core.file.read(target .. "/var/hidden"))
            assert.same({ "lib", "number" }, core.file.list(target .. "/var"))
            assert.is_false(core.file.exists(target .. "/lost+found"))
            assert.equal(9, size.files)
        end)

        it("and says which of them were in use", function()
            local path <const> = merged("PARTLABEL=part3 /srv ext4\\n", 3, nil,
                { "-O ^metadata_csum", "-O ^metadata_csum", "-O ^metadata_csum" })
            for i, range in ipairs(image.partitions(path)) do
                local superblock <const> = range.offset + 1024
                -- s_feature_incompat, of which "needs_recovery" is the third bit.
                image.poke(path, superblock + 0x60, i == 1 and "\xc2" or "\xc6")
            end
            local opened <close> = open_image(path)
            assert.same({ "/ 1", "/srv 3" }, paths(opened))
            assert.same({ "disk.img: partition 3 was in use: what is only in the journal of its"
                .. " ext4 is left out" }, opened.stale)
        end)

        it("and other subvolumes of the same btrfs", function()
            needs.program "mkfs.btrfs"
            local path <const> = image.make(128)
            image.format(path, nil, "btrfs", "btrfs subvolume create @; "
                .. "btrfs subvolume create @home; echo h > @home/h; "
                .. "btrfs subvolume create @/var-log; cd @; "
                .. root("LABEL=b / btrfs subvol=@\\n"
                .. "LABEL=b /home btrfs subvol=@home,compress=zstd\\n"
                .. "LABEL=b /srv btrfs subvol=/none\\n"), "-L b")
            local opened <close> = open_image(path)
            assert.same({ "/ nil", "/home nil" }, paths(opened))
            assert.equal("h\n", read(opened, "/h", 2))
            assert.equal("/srv", opened.left_out[1].path)
        end)

        it("or the types of partitions, where it says nothing", function()
            local path <const> = make(("label: gpt\nsize=32M, type=%s\nsize=32M, type=%s\n"
                .. "size=16M, type=%s\n"):format(ROOT_X86_64, USR_X86_64, HOME), "ext4",
                { "mkdir etc usr home", "mkdir lib; echo ID=usr > lib/os-release", "echo x > x" })
            local opened <close> = open_image(path)
            assert.same({ "/ 1", "/home 3", "/usr 2" }, paths(opened))
            local target <const> = scratch.directory() .. "/copy"
            opened:copy(target)
            local copied <const> = core.file.stat(target)
            local root_stat <const> = core.file.stat("/", { root = opened.mounts[1].mount })
            assert.same({ root_stat.mtime, root_stat.mtime_nsec },
                { copied.mtime, copied.mtime_nsec })
        end)

        it("but no system without a part that it needs", function()
            local message = failure(merged("/dev/mapper/vg-var /var ext4\\n", 1))
            assert.equal("disk.img: its fstab mounts /var from /dev/mapper/vg-var: "
                .. "it isn't on this disk", message)
            local path <const> = merged("/dev/vda2 /usr ext4\\n", 2)
            image.poke(path, image.partitions(path)[2].offset, ("\0"):rep(4096))
            message = failure(path)
            assert.equal("disk.img: its fstab mounts /usr from /dev/vda2: its filesystem is none "
                .. "that is known", message)
            local opened <close> = open_image(merged(
                "/dev/mapper/vg-var /var ext4 nofail\\nUUID=x /data ext4\\n", 1))
            assert.same({ "/ 1" }, paths(opened))
            assert.equal(2, #opened.left_out)
        end)

        it("and nothing that it may not", function()
            local path <const> = merged("/dev/vda2 /../../etc ext4\\n/dev/vda2 /proc/x ext4\\n"
                .. "/dev/vda2 / ext4\\n/dev/vda2 relative ext4\\n/dev/vda2 /a\\\\\\\\000b ext4\\n"
                .. "/dev/vda2\\n/dev/vda2 /x/../y ext4\\n/dev/sdb2 /other ext4\\n"
                .. "/dev/vda99999999999999999999 /z ext4\\n/etc/passwd /bind none bind\\n"
                .. "/dev/vda2 /dev ext4\\n", 2)
            local opened <close> = open_image(path)
            assert.same({ "/ 1" }, paths(opened))
        end)

        it("unless it is no plain file, or too long", function()
            for script, expected in pairs {
                ["ln -sf /proc/1/environ etc/fstab"] = false,
                ["rm -r etc/fstab; mkdir etc/fstab"] = "EISDIR",
                ["rm etc/fstab; mkfifo etc/fstab"] = "EINVAL",
                ["rm etc/fstab; mknod etc/fstab c 1 5"] = "EINVAL",
                ["rm etc/fstab"] = false,
                ["yes | head -c 1000000 > etc/fstab"] = "EFBIG",
            } do
                local path <const> = image.make(16)
                image.format(path, nil, "ext4", root() .. ";" .. script)
                if expected then
                    local message <const>, code <const> = failure(path)
                    assert.equal(expected, code, script)
                    assert.matches("^disk.img: its fstab: ", message)
                else
                    local opened <close> = open_image(path)
                    assert.same({ "/ nil" }, paths(opened), script)
                end
            end
        end)

        it("inside the tree, whatever links lie on the way", function()
            local outside <const> = scratch.directory()
            local path <const> = merged("/dev/vda2 /home ext4\\n/dev/vda3 /up/x/y ext4\\n", 3, nil,
                nil, { [2] = "echo 2 > number" })
            image.format(path, image.partitions(path)[1], "ext4",
                root("/dev/vda2 /home ext4\\n/dev/vda3 /up/x/y ext4\\n")
                .. ("; rmdir home; ln -s %s home; ln -s ../../../../../%s up; mkdir -p .%s"):format(
                outside, outside, outside))
            local opened <close> = open_image(path)
            local target <const> = scratch.directory() .. "/copy"
            opened:copy(target)
            assert.same({}, core.file.list(outside))
            assert.equal("2\n", core.file.read(target .. "/home/number"))
            assert.equal("3\n", core.file.read(target .. outside .. "/x/y/number"))
        end)
    end)

    it("has the reader expand only what is looked at", function()
        local path <const> = make("label: dos\nsize=64M\nsize=128M, type=5\n5: size=32M\n"
            .. "6: size=64M\n", "ext4",
            { "echo x > x", root("/dev/vda6 /var ext4\\n"), "echo 6 > number" })
        local sparse <const> = image.make(64 * 3 + 8)
        local from <close> = assert(io.open(path, "rb"))
        local to <close> = assert(io.open(sparse, "r+b"))
        to:setvbuf "no"
        local expanded = 0
        local reader <const> = {}
        function reader.ensure(_, offset, size)
            assert(offset >= 0 and size > 0)
            from:seek("set", offset)
            to:seek("set", offset)
            to:write(from:read(size))
            expanded = expanded + size
        end
        local opened <close> = open_image(sparse, { reader = reader })
        assert.same({ "/ 5", "/var 6" }, paths(opened))
        assert.equal("6\n", read(opened, "/number", 2))
        assert.is_true(expanded < image.mib(64 + 64 + 32 + 12), expanded)
    end)
end)
