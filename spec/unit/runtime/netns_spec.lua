local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local netns <const> = core.netns

local function name_of(descriptor)
    return core.file.readlink("/proc/self/fd/" .. descriptor:fileno())
end

-- Of every thread of ours, so that one which stayed behind would show.
local function ours()
    wait.alone()
    return shell.run("readlink /proc/%s/task/*/ns/net | sort -u",
        tostring(core.process.identity().pid)):gsub("'", "")
end

-- Runs a command with a namespace as its own.
local function inside(descriptor, line)
    return shell.run("nsenter --net=/proc/%s/fd/%s sh -c %s",
        tostring(core.process.identity().pid), tostring(descriptor:fileno()), line)
end

-- How many namespaces we hold by a descriptor.
local function descriptors()
    return tonumber((shell.run("readlink /proc/%s/fd/* | grep -c ^net: || true",
        tostring(core.process.identity().pid)):gsub("'", "")))
end

describe("core.netns", function()
    local path, before

    before_each(function()
        needs.root()
        path = scratch.directory() .. "/held"
        before = core.file.readlink "/proc/thread-self/ns/net"
    end)

    after_each(function()
        assert.equal(before, core.file.readlink "/proc/thread-self/ns/net")
        wait.alone()
        scratch.clean()
    end)

    it("makes a namespace with nothing in it, and stays in its own", function()
        local made <close> = assert(netns.create())
        assert.matches("^net:%[%d+%]$", name_of(made))
        assert.not_equal(before, name_of(made))
        assert.equal(before, ours())
        assert.matches("^lo%s+DOWN", inside(made, "ip -br link"))
    end)

    it("tells one namespace from another", function()
        local one <close> = assert(netns.create())
        local other <close> = assert(netns.create())
        local again <close> = assert(netns.open(core.process.identity().pid))
        local own <close> = assert(netns.open(core.process.identity().pid))
        assert.is_false(netns.is_same(one, other))
        assert.is_false(netns.is_same(one, own))
        assert.is_true(netns.is_same(one, one))
        assert.is_true(netns.is_same(own, again))
    end)

    it("holds one at a path after its descriptor is closed, until it is released", function()
        local made <const> = assert(netns.create())
        local inode <const> = name_of(made):match "%d+"
        assert(netns.hold(made, path))
        scratch.finally(function() netns.release(path) end)
        assert.equal("444", shell.run("stat -c %%a %s", path))
        made:close()
        do
            local held <close> = assert(netns.open(path))
            assert.equal(inode,
                shell.run("stat -Lc %%i /proc/$PPID/fd/%s", tostring(held:fileno())))
        end
        assert(netns.release(path))
        assert.is_nil(core.file.stat(path))
        assert.is_false(shell.succeeds("grep -q %s /proc/self/mountinfo", path))
        assert(netns.release(path))
    end)

    it("doesn't hold one where a file is already, and leaves that as it is", function()
        local made <close> = assert(netns.create())
        assert(core.file.write(path, "mine"))
        local _, message, code = netns.hold(made, path)
        assert.equal("EEXIST", code)
        assert.equal(("make %s: File exists"):format(path), message)
        assert.equal("mine", core.file.read(path))
    end)

    it("leaves no file when what it shall hold is no descriptor", function()
        local _, _, code = netns.hold(1000000, path)
        assert.is_string(code)
        assert.is_nil(core.file.stat(path))
    end)

    it("opens nothing but network namespaces", function()
        assert(core.file.write(path, ""))
        local _, message, code = netns.open(path)
        assert.equal("EINVAL", code)
        assert.equal(path .. " is no network namespace", message)
        assert.equal("EINVAL", select(3, netns.open "/proc/self/ns/mnt"))
        assert.equal("ENOENT", select(3, netns.open(path .. "-nowhere")))
        assert.equal("ESRCH", select(3, netns.open((1 << 22) + 1)))
        assert.error_matches(function() netns.open(0) end, "positive")
        assert.error_matches(function() netns.open {} end, "string expected")
    end)

    it("lets a process that becomes another one enter", function()
        local made <close> = assert(netns.create())
        local held <const> = path
        assert(netns.hold(made, held))
        scratch.finally(function() netns.release(held) end)
        assert.equal(name_of(made), shell.lua(([[
            local core = require "sdme.core"
            assert(core.netns.enter(assert(core.netns.open(%q))))
            assert(core.process.replace { argv = { "readlink", "/proc/self/ns/net" } })]]):format(
            held)))
    end)

    it("sets the loopback interface up", function()
        local made <close> = assert(netns.create())
        assert(netns.loopback_up(made))
        assert.matches("127%.0%.0%.1/8", inside(made, "ip -br addr show lo"))
        assert.matches("::1/128", inside(made, "ip -br addr show lo"))
    end)

    it("makes one that has its loopback interface up and parameters from the beginning", function()
        local name <const> = "ipv4/ip_unprivileged_port_start"
        local made <close> = assert(netns.create { loopback = true, parameters = { [name] = "7" } })
        assert.matches("127%.0%.0%.1/8", inside(made, "ip -br addr show lo"))
        assert.equal("7", inside(made, "cat /proc/sys/net/" .. name))
        assert.not_equal(name_of(made), core.file.readlink "/proc/thread-self/ns/net")
    end)

    it("begins one that can be had later", function()
        local name <const>, number <const> = "ipv4/ip_unprivileged_port_start", 7
        local creation <close> = assert(netns.begin {
            loopback = true, parameters = { [name] = tostring(number) },
        })
        collectgarbage()
        local made <close> = assert(creation:finish())
        assert.matches("127%.0%.0%.1/8", inside(made, "ip -br addr show lo"))
        assert.equal(tostring(number), inside(made, "cat /proc/sys/net/" .. name))
        assert.equal(before, ours())
        assert.equal(1, descriptors())
        assert.error_matches(function() creation:finish() end, "it is finished")
    end)

    it("begins several, each of which is another one", function()
        local one <close> = assert(netns.begin())
        local other <close> = assert(netns.begin {})
        local second <close> = assert(other:finish())
        local first <close> = assert(one:finish())
        assert.is_false(netns.is_same(first, second))
    end)

    it("lets go of one that was begun and is never finished", function()
        local creation <const> = assert(netns.begin { loopback = true })
        creation:close()
        creation:close()
        assert.equal(0, descriptors())
        assert.equal(before, ours())
        assert.error_matches(function() creation:finish() end, "it is finished")
    end)

    it("says why one that was begun could not be made", function()
        local creation <close> = assert(netns.begin { parameters = { ["ipv4/nothing"] = "7" } })
        local made <const>, message <const>, code <const> = creation:finish()
        assert.is_nil(made)
        assert.equal("open /proc/sys/net/ipv4/nothing: No such file or directory", message)
        assert.equal("ENOENT", code)
        assert.equal(0, descriptors())
        assert.has_error(function() netns.begin { up = true } end)
        assert.has_error(function() netns.begin { parameters = { 1 } } end)
    end)

    it("makes none where a parameter is wrong", function()
        local function code(parameters)
            local made <const>, _, name <const> = netns.create { parameters = parameters }
            assert.is_nil(made)
            return name
        end
        assert.equal("ENOENT", code { ["ipv4/nothing"] = "7" })
        assert.equal("EINVAL", code { ["../kernel/pid_max"] = "7" })
        for _, options in ipairs { { parameters = 1 }, { parameters = { 1 } }, { up = true },
            { parameters = { ["ipv4/ip_forward"] = 1 } } } do
            assert.has_error(function() netns.create(options) end)
        end
    end)

    it("sets parameters of one, and of no other", function()
        local made <const> = assert(netns.create())
        local name <const> = "ipv4/ip_unprivileged_port_start"
        local function value()
            return inside(made, "cat /proc/sys/net/" .. name)
        end
        local own <const> = core.file.read("/proc/sys/net/" .. name)
        assert.equal("1024", value())
        assert(netns.set_parameter(made, name, "7"))
        assert.equal("7", value())
        assert.equal(own, core.file.read("/proc/sys/net/" .. name))
        assert.equal("EINVAL", select(3, netns.set_parameter(made, name, "x")))
        assert.equal("EINVAL", select(3, netns.set_parameter(made, "../kernel/pid_max", "7")))
        assert.equal("EINVAL", select(3, netns.set_parameter(made, ("x"):rep(200), "7")))
        assert.equal("ENOENT", select(3, netns.set_parameter(made, "ipv4/nothing", "7")))
        assert.equal("EBADF", select(3, netns.set_parameter(99, name, "7")))
        made:close()
    end)

    it("makes sockets that belong to a namespace", function()
        local made <close> = assert(netns.create())
        local function used()
            return inside(made, "cat /proc/net/sockstat"):match "sockets: used (%d+)"
        end
        assert.equal("0", used())
        local stream <close> = assert(netns.socket(made, "inet", "stream"))
        assert.equal("1", used())
        local dgram <close> = assert(netns.socket(made, "inet6", "dgram"))
        assert.equal("2", used())
        assert.matches("^socket:", name_of(stream))
        assert.matches("^socket:", name_of(dgram))
    end)

    it("says which descriptor is no namespace, and stays where it is", function()
        local null <close> = assert(io.open "/dev/null")
        for _, call in ipairs {
            function() return netns.socket(null, "inet", "stream") end,
            function() return netns.loopback_up(null) end,
            function() return netns.addresses(null) end,
            function() return netns.enter(null) end,
        } do
            local result, message, code = call()
            assert.is_nil(result)
            assert.equal("EINVAL", code)
            assert.matches("^enter network namespace %(descriptor %d+%): ", message)
        end
    end)

    it("lists the addresses that others may reach, IPv4 first", function()
        local made <close> = assert(netns.create())
        assert(netns.loopback_up(made))
        assert.same({}, (netns.addresses(made)))
        inside(made, [[
            ip link add one type veth peer name two && ip link set one up && ip link set two up &&
            ip addr add 2001:db8::1/64 dev one nodad && ip addr add 10.9.8.7/24 dev one &&
            ip addr add 169.254.3.4/16 dev one]])
        assert.same({ "10.9.8.7", "2001:db8::1" }, (netns.addresses(made)))
    end)
end)
