-- Disks as installers leave them: each has a Debian on it that boots.

local debian <const> = require "spec.support.debian"
local image <const> = require "spec.support.image"
local needs <const> = require "spec.support.needs"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local tree <const> = require "spec.support.tree"

-- A shell command; `$tree` is the system, and "\n" ends a line of fstab.
local function install(fstab)
    return ("cp -a $tree/. .; printf '%s' > etc/fstab"):format(fstab or "")
end

-- `size` is MiB, `table` for sfdisk(8), none for a disk without partitions. In each partition that
-- isn't extended is a filesystem (its type, what makes its content, options of mkfs) or none. `own`
-- is what isn't as in the archive.
local DISKS <const> = {
    {
        name = "an xfs beside an EFI system partition", size = 420,
        table = "label: gpt\nsize=16M, type=uefi\ntype=linux\n",
        filesystems = {
            false, { "xfs", install [[/dev/vda2 / xfs defaults\n/dev/vda1 /boot/efi vfat ro\n]] },
        },
        own = {},
    },
    {
        name = "a btrfs with @ and @home", size = 420, table = "label: gpt\ntype=linux\n",
        filesystems = {
            { "btrfs", "btrfs subvolume create @home; echo x > @home/file; "
                .. "btrfs subvolume create @; cd @; "
                .. install [[LABEL=root / btrfs subvol=@\nLABEL=root /home btrfs subvol=@home\n]],
                "-L root" },
        },
        own = { "home", "home/file" },
    },
    {
        name = "a btrfs with root, without a table", size = 420,
        filesystems = { { "btrfs", "btrfs subvolume create root; cd root; " .. install() } },
        own = {},
    },
    {
        name = "an ext4 in a logical partition, and another for /var", size = 512,
        table = "label: dos\nsize=16M\nsize=490M, type=5\n5: size=350M\n6: size=100M\n",
        filesystems = {
            { "ext4", "echo boot > loader" },
            { "ext4", install [[/dev/sda6 /var ext4 defaults\n]] .. "; echo hidden > var/hidden" },
            { "ext4", "cp -a $tree/var/. ." },
        },
        own = {},
    },
    {
        name = "an ext4 on sectors of 4096 bytes", size = 420, table = "label: gpt\ntype=linux\n",
        sector_size = 4096, filesystems = { { "ext4", install() } }, own = {},
    },
}

local function make(disk, system)
    local path <const> = image.make(disk.size, disk.table, disk.sector_size)
    local ranges <const> = disk.table and image.partitions(path) or { {} }
    assert(#ranges == #disk.filesystems)
    for i, filesystem in ipairs(disk.filesystems) do
        if filesystem then
            needs.program("mkfs." .. filesystem[1])
            image.format(path, ranges[i], filesystem[1],
                ("tree=%s; %s"):format(shell.quote(system), filesystem[2]), filesystem[3])
        end
    end
    return path
end

describe("a disk with", function()
    local system, expected

    setup(function()
        sdme.ok("fs", "import", debian.path "debian.tar", "--name", "archive")
        system = sdme.top_layer "archive"
        expected = tree.describe(system)
    end)
    teardown(sdme.clean_all)
    after_each(sdme.clean)

    for _, disk in ipairs(DISKS) do
        it(disk.name .. " becomes a rootfs that boots, plain and with --userns", function()
            sdme.ok("fs", "import", make(disk, system), "--name", "disk", "--force")
            local found <const> = tree.describe(sdme.top_layer "disk")
            for _, path in ipairs { "etc", "etc/fstab", table.unpack(disk.own) } do
                assert.is_table(found[path], path)
                found[path] = expected[path]
            end
            assert.equal("", tree.differences(expected, found))
            for _, option in ipairs { "--name=plain", "--userns" } do
                assert.equal("running\n0:42", sdme.ok("new", "-r", "disk", option, "--", "sh", "-c",
                    "systemctl is-system-running; stat -c %u:%g /etc/shadow"))
            end
            assert.equal("", image.loops "disk.img")
        end)
    end
end)
