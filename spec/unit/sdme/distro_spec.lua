local core <const> = require "sdme.core"
local distro <const> = require "sdme.distro"
local os_release <const> = require "sdme.os_release"
local own <const> = require "sdme.distro.own"
local page <const> = require "spec.support.page"
local raised <const> = require "spec.support.raised"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local file <const> = core.file

-- What the systems themselves say, less what only links and logos are about.
local RELEASES <const> = {
    {
        family = "Debian",
        [[
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
]],
    },
    {
        family = "Debian",
        [[
PRETTY_NAME="Ubuntu 24.04.1 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.1 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=noble
]],
    },
    {
        family = "Debian", -- by what it is like
        [[
NAME="KDE neon"
VERSION="6.2"
ID=neon
ID_LIKE="ubuntu debian"
PRETTY_NAME="KDE neon 6.2"
VERSION_ID="24.04"
]],
    },
    {
        family = "Fedora",
        [[
NAME="Fedora Linux"
VERSION="41 (Container Image)"
RELEASE_TYPE=stable
ID=fedora
VERSION_ID=41
VERSION_CODENAME=""
PLATFORM_ID="platform:f41"
PRETTY_NAME="Fedora Linux 41 (Container Image)"
VARIANT="Container Image"
VARIANT_ID=container
]],
    },
    {
        family = "Fedora",
        [[
NAME="Red Hat Enterprise Linux"
VERSION="9.4 (Plow)"
ID="rhel"
ID_LIKE="fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Red Hat Enterprise Linux 9.4 (Plow)"
]],
    },
    {
        family = "Fedora",
        [[
NAME="Rocky Linux"
VERSION="9.3 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.3"
PRETTY_NAME="Rocky Linux 9.3 (Blue Onyx)"
]],
    },
    {
        family = "Fedora", -- which knows it only by what it is like
        [[
NAME="EuroLinux"
VERSION="9.4 (Zagreb)"
ID="eurolinux"
ID_LIKE="rhel fedora centos"
VERSION_ID="9.4"
PRETTY_NAME="EuroLinux 9.4 (Zagreb)"
]],
    },
    {
        family = "Fedora",
        [[
NAME="Amazon Linux"
VERSION="2023"
ID="amzn"
ID_LIKE="fedora"
VERSION_ID="2023"
PLATFORM_ID="platform:al2023"
PRETTY_NAME="Amazon Linux 2023.6.20241010"
]],
    },
    {
        family = "Arch Linux",
        [[
NAME="Arch Linux"
PRETTY_NAME="Arch Linux"
ID=arch
BUILD_ID=rolling
]],
    },
    {
        family = "Arch Linux",
        [[
NAME="Manjaro Linux"
PRETTY_NAME="Manjaro Linux"
ID=manjaro
ID_LIKE=arch
BUILD_ID=rolling
]],
    },
    {
        family = "SUSE",
        [[
NAME="openSUSE Leap"
VERSION="15.6"
ID="opensuse-leap"
ID_LIKE="suse opensuse"
VERSION_ID="15.6"
PRETTY_NAME="openSUSE Leap 15.6"
]],
    },
    {
        family = "SUSE", -- by what it is like
        [[
NAME="openSUSE MicroOS"
# VERSION="20241010"
ID="opensuse-microos"
ID_LIKE="suse opensuse opensuse-tumbleweed"
VERSION_ID="20241010"
PRETTY_NAME="openSUSE MicroOS"
]],
    },
    {
        family = "SUSE",
        [[
NAME="SLES"
VERSION="15-SP6"
VERSION_ID="15.6"
PRETTY_NAME="SUSE Linux Enterprise Server 15 SP6"
ID="sles"
ID_LIKE="suse"
]],
    },
    {
        family = "NixOS",
        refused = "NixOS gets it only when the system is built",
        [[
BUILD_ID="24.05.20241009.d51c28603def"
ID=nixos
NAME=NixOS
PRETTY_NAME="NixOS 24.05 (Uakari)"
VERSION="24.05 (Uakari)"
VERSION_ID="24.05"
]],
    },
    {
        family = "Alpine Linux",
        refused = "Alpine Linux has no packages of it",
        [[
NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.20.3
PRETTY_NAME="Alpine Linux v3.20"
]],
    },
    {
        family = "Void Linux",
        refused = "Void Linux has no packages of it",
        [[
NAME="Void"
ID="void"
PRETTY_NAME="Void Linux"
]],
    },
    {
        family = "Gentoo",
        refused = "Gentoo is built with it or without",
        [[
NAME=Gentoo
ID=gentoo
PRETTY_NAME="Gentoo Linux"
VERSION_ID="2.15"
]],
    },
    {
        family = "Devuan", -- though it says that it is like Debian
        refused = "Devuan has no packages of it",
        [[
PRETTY_NAME="Devuan GNU/Linux 5 (daedalus)"
NAME="Devuan GNU/Linux"
VERSION_ID="5"
VERSION="5 (daedalus)"
VERSION_CODENAME="daedalus"
ID=devuan
ID_LIKE=debian
]],
    },
}

local function find(text)
    return distro.find(os_release.parse(text))
end

describe("the family of a distribution", function()
    after_each(scratch.clean)

    -- A tree with these files, empty ones, or links to what follows "->".
    local function tree(...)
        local root <const> = scratch.directory()
        for _, entry in ipairs { ... } do
            local path <const>, target <const> = entry:match "^(%S+) *%-?>? *(.*)$"
            shell.run("mkdir -p %s", root .. path:match "^(.*)/")
            if target == "" then
                assert(file.write(root .. path, ""))
            else
                assert(file.symlink(target, root .. path))
            end
        end
        return assert(file.open_directory(root))
    end

    for _, release in ipairs(RELEASES) do
        local text <const> = release[1]
        local name <const> = os_release.parse(text).PRETTY_NAME

        it(("of %s is %s"):format(name, release.family), function()
            local family <const> = find(text)
            assert.equal(release.family, family.name)
            local root <close> = tree()
            local manager <const>, why <const> = distro.manager(root, family)
            assert.is_nil(manager)
            assert.equal(release.refused or why, why)
        end)
    end

    it("is not known of a system that is like nothing known", function()
        assert.is_nil(find "ID=slackware\nPRETTY_NAME=\"Slackware 15.0 x86_64\"\n")
        assert.is_nil(find "")
        local root <close> = tree "/usr/bin/apt-get"
        local manager <const>, why <const> = distro.manager(root, nil)
        assert.is_nil(manager)
        assert.equal("sdme doesn't know how to install it there", why)
    end)

    it("tells that a system boots: it has systemd and D-Bus", function()
        local DEBIAN <const> = find "ID=debian"
        for _, case in ipairs {
            { false },
            { false, "/usr/lib/systemd/systemd" },
            { false, "/usr/bin/dbus-daemon" },
            { true, "/usr/lib/systemd/systemd", "/usr/bin/dbus-daemon" },
            { true, "/usr/lib/systemd/systemd", "/usr/bin/dbus-broker-launch" },
            { true, "/lib/systemd/systemd", "/bin/dbus-daemon" },
            { true, "/lib -> usr/lib", "/usr/lib/systemd/systemd", "/bin -> /usr/bin",
                "/usr/bin/dbus-daemon" },
            { false, "/usr/lib/systemd/systemd -> /nowhere", "/usr/bin/dbus-daemon" },
        } do
            local root <close> = tree(table.unpack(case, 2))
            assert.equal(case[1], distro.is_bootable(root, DEBIAN), table.concat(case, " ", 2))
            assert.equal(case[1], distro.is_bootable(root, nil))
        end
    end)

    it("tells NixOS by its init, wherever in its store that is", function()
        local NIXOS <const> = find "ID=nixos"
        local STORE <const> = "/nix/store/8vxa-nixos-system-web-24.05/init"
        do
            local root <close> = tree("/sbin/init -> " .. STORE, STORE)
            assert.is_true(distro.is_bootable(root, NIXOS))
            assert.is_false(distro.is_bootable(root, nil))
        end
        local root <close> = tree("/sbin/init -> " .. STORE, "/usr/bin/dbus-daemon")
        assert.is_false(distro.is_bootable(root, NIXOS))
    end)

    it("doesn't look for programs on this host", function()
        local root <close> = tree("/usr/lib/systemd -> " .. ("../"):rep(9) .. "usr/lib/systemd",
            "/usr/bin -> /proc/1/root/usr/bin")
        assert.is_false(distro.is_bootable(root, nil))
        assert.is_nil(distro.manager(root, find "ID=debian"))
    end)

    it("installs with the first of its managers that is there", function()
        for _, case in ipairs {
            { "ID=debian", "apt-get", "/usr/bin/apt-get" },
            { "ID=fedora", "dnf", "/usr/bin/dnf -> dnf5", "/usr/bin/dnf5", "/usr/bin/yum -> dnf5" },
            { "ID=fedora", "dnf5", "/usr/bin/dnf5" },
            { "ID=rhel", "microdnf", "/usr/bin/microdnf" },
            { "ID=centos", "yum", "/bin -> usr/bin", "/usr/bin/yum" },
            { "ID=arch", "pacman", "/usr/bin/pacman" },
            { "ID=sles", "zypper", "/usr/bin/zypper" },
        } do
            local root <close> = tree(table.unpack(case, 3))
            local manager <const> = distro.manager(root, find(case[1]))
            assert.equal(case[2], manager.program)
            for _, command in ipairs(manager.install) do
                assert.equal(case[2], command[1])
            end
            local last <const> = " " .. table.concat(manager.install[#manager.install], " ") .. " "
            assert.matches(" systemd ", last, 1, true)
            assert.matches(" dbus[ -]", last)
        end
    end)

    it("names the managers where none is there", function()
        local root <close> = tree "/usr/bin/apt-get -> gone"
        local _, why = distro.manager(root, find "ID=rhel")
        assert.equal("it can't be installed without dnf, dnf5, microdnf or yum", why)
        _, why = distro.manager(root, find "ID=debian")
        assert.equal("it can't be installed without apt-get", why)
    end)

    it("is a table as an administrator's own, if it is one of ours", function()
        for _, family in ipairs(distro.families()) do
            assert.same(family, own.check(family, family.name))
            assert.is_true(family.refused ~= nil or #family.managers > 0)
        end
    end)

    it("has units masked and unmasked only where they aren't yet", function()
        local family <const> = { mask = { "a.service", "b.service" },
            unmask = { "c.service", "d.service", "e.service" } }
        local units <const> = "/etc/systemd/system/"
        local root <close> = tree(units .. "a.service", units .. "b.service -> /dev/null",
            units .. "c.service -> /dev/null", units .. "d.service -> /usr/lib/systemd/d.service")
        assert.same({ { "a.service" }, { "c.service" } }, { distro.units(root, family) })
        assert.same({ {}, {} }, { distro.units(root, nil) })
        assert.same({ {}, { "systemd-logind.service", "getty.target" } }, {
            distro.units(tree(units .. "systemd-logind.service -> /dev/null",
                units .. "getty.target -> /dev/null", units .. "dev-hugepages.mount -> /dev/null"),
                find "ID=fedora"),
        })
    end)
end)

describe("an administrator's families", function()
    local directory

    before_each(function()
        directory = scratch.directory()
    end)
    after_each(scratch.clean)

    local function write(name, text)
        assert(file.write(directory .. "/" .. name, text))
    end

    -- What is wrong with a file, and that it is named.
    local function complaint(text)
        write("mine.lua", text)
        local why <const> = raised(own.read, directory)
        assert.equal("EFORMAT", why.code)
        local path <const> = directory .. "/mine.lua:"
        assert.equal(path, why.message:sub(1, #path))
        return why.message:sub(#path + 1)
    end

    it("are the Lua files of the directory, by name", function()
        write("20-b.lua", "return { name = 'B', ids = { 'b' } }")
        write("10-a.lua", "return { name = 'A', ids = { 'a' } }")
        write("README", "no Lua")
        local names <const> = {}
        for i, family in ipairs(own.read(directory)) do
            names[i] = family.name
        end
        assert.same({ "A", "B" }, names)
        assert.same({}, own.read(directory .. "/none"))
        local why <const> = raised(own.read, directory .. "/README")
        assert.equal("ENOTDIR", why.code)
    end)

    it("take every field", function()
        local text <const> = [[{
            name = "Mine", ids = { "mine", "debian" },
            systemd = { "/opt/systemd" }, dbus = { "/opt/dbus" },
            managers = { { program = "get", install = { { "get", "it" }, { "get", "more" } } } },
            environment = { QUIET = "yes" }, clean = { "/var/cache/get" },
            mask = { "a.service" }, unmask = { "b.target" }, refused = "no", hint = "never",
        }]]
        write("mine.lua", "local family <const> = " .. text .. " return family")
        assert.same({ load("return " .. text)() }, own.read(directory))
    end)

    it("are as the documentation has one", function()
        local families = 0
        for _, example in ipairs(page.examples "doc/cli.md") do
            if example.code:find("distro.d", 1, true) then
                write("mine.lua", example.code)
                families = families + #own.read(directory)
            end
        end
        assert.equal(1, families)
    end)

    it("come before ours, and one's own id before what a system is like", function()
        write("mine.lua", "return { name = 'Mine', ids = { 'debian' } }")
        local list <const> = own.read(directory)
        table.move(distro.families(), 1, #distro.families(), #list + 1, list)
        assert.equal("Mine", distro.find({ ID = "debian" }, list).name)
        assert.equal("Mine", distro.find({ ID = "x", ID_LIKE = "debian" }, list).name)
        assert.equal("Debian", distro.find({ ID = "ubuntu", ID_LIKE = "debian" }, list).name)
    end)

    it("are told by file and field what is wrong", function()
        for text, expected in pairs {
            ["return { name = 'A', ids = { 'a' }, colour = 1 }"] = " there is no field 'colour'",
            ["return { name = 'A', ids = { 'a' }, 1 }"] = " there is no field '1'",
            ["return { name = 'A' }"] = " the field 'ids' is missing",
            ["return { ids = { 'a' } }"] = " the field 'name' is missing",
            ["return { name = 'A', ids = 'a' }"] = " ids: expected a list, not a string",
            ["return { name = 'A', ids = { a = 'a' } }"] = " ids: expected a list",
            ["return { name = 'A', ids = { 7 } }"] = " ids: expected a text, not a number",
            ["return { name = 'A', ids = { 'a' }, clean = { 'var' } }"] =
                ' clean: "var" is not an absolute path',
            ["return { name = 'A', ids = { 'a' }, clean = { '/var/../etc' } }"] =
                ' clean: "/var/../etc" has ".." in it',
            ["return { name = 'A', ids = { 'a' }, mask = { '../x.service' } }"] =
                ' mask: "../x.service" is not the name of a unit',
            ["return { name = 'A', ids = { 'a' }, environment = { ['A=B'] = 'c' } }"] =
                ' environment: "A=B" is not the name of an environment variable',
            ["return { name = 'A', ids = { 'a' }, managers = { 'apt' } }"] =
                " managers: expected { program=, install= }, not a string",
            ["return { name = 'A', ids = { 'a' }, managers = { { program = 'a' } } }"] =
                " managers: a manager needs the name of its program and what to `install`",
            ["return { name = 'A', ids = { 'a' }, managers = "
                .. "{ { program = 'a/b', install = {} } } }"] =
                " managers: a manager needs the name of its program and what to `install`",
            ["return { name = 'A', ids = { 'a' }, managers = "
                .. "{ { program = 'a', install = { 'a b' } } } }"] =
                " managers: expected a list, not a string",
            ["return { name = 'A', ids = { 'a' }, managers = "
                .. "{ { program = 'a', install = { {} } } } }"] =
                " managers: a command to install is empty",
            ["return 7"] = " expected that it returns a table, not a number",
            [""] = " expected that it returns a table, not a nil",
            ["\n\nreturn {"] = "3: unexpected symbol near <eof>",
            ["\x1bLua"] = " attempt to load a binary chunk (mode is 't')",
        } do
            assert.equal(expected, complaint(text), text)
        end
    end)

    it("can do nothing but be a table", function()
        for text, expected in pairs {
            ["\nos.execute 'id'"] = "2: attempt to index a nil value (global 'os')",
            ["require 'sdme'"] = "1: attempt to call a nil value (global 'require')",
            ["_G.x = 1"] = "1: attempt to index a nil value (global '_G')",
            ["error({})"] = "1: attempt to call a nil value (global 'error')",
            ["return setmetatable({}, {})"] =
                "1: attempt to call a nil value (global 'setmetatable')",
            ["return ('').rep('x', 1 << 60)"] = "1: resulting string too large",
        } do
            assert.equal(expected, complaint(text), text)
        end
        write("mine.lua", "name = 'global' return { name = name, ids = {} }")
        assert.equal("global", own.read(directory)[1].name)
        assert.is_nil(rawget(_G, "name"))
    end)

    it("are no larger than such a table ever is", function()
        write("mine.lua", "--" .. ("x"):rep(70000))
        assert.matches("mine.lua", raised(own.read, directory).message, 1, true)
    end)
end)
