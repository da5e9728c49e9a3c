local needs <const> = require "spec.support.needs"
local core <const> = require "sdme.core"
local shell <const> = require "spec.support.shell"

-- Runs a Lua program, with `link`, in a network namespace of its own after some commands of ip(8);
-- returns what it prints, and then the interfaces that there are.
local function inside(commands, program)
    needs.root()
    needs.program("ip", "unshare")
    needs.that(core.file.exists "/run/systemd", "/run/systemd")
    return shell.lua([[local link <const> = require("sdme.core").link
        ]] .. program .. [[
        local names <const> = {}
        for line in io.lines "/proc/net/dev" do
            names[#names + 1] = line:match "^ *([^ ]+):"
        end
        table.sort(names)
        print(table.concat(names, " "))]],
        ("PATH=$PATH:/usr/sbin:/sbin unshare --net sh -ec '%s\n exec \"$@\"' -"):format(commands))
end

describe("core.link", function()
    it("removes an interface, and the other end of it", function()
        assert.equal("c lo", inside([[ip link add ve-a type veth peer name b
            ip link add c type bridge]], [[assert(link.remove "ve-a")]]))
    end)

    it("knows an interface by its alternative name", function()
        assert.equal("lo", inside([[ip link add ve-short type bridge
            ip link property add dev ve-short altname ve-a-name-that-is-long]],
            [[assert(link.remove "ve-a-name-that-is-long")]]))
    end)

    it("has nothing to remove where there is no interface of that name", function()
        assert.equal("lo", inside("", [[assert(link.remove "ve-a")]]))
        assert.equal("lo", inside("", [[assert(link.remove(("x"):rep(127)))]]))
    end)

    it("tells what is no name", function()
        local said <const> = inside("", [[
            for _, name in ipairs { "", ("x"):rep(128) } do print(link.remove(name)) end
            for _, zone in ipairs { "", ("x"):rep(13) } do print(link.remove_zone(zone)) end]])
        assert.equal(4, select(2, said:gsub("nil\t'x*' is no name of a %l+ ?%l*\tEINVAL", "")))
    end)

    it("removes the bridge of a zone that nobody is in", function()
        assert.equal("true\nlo", inside("ip link add vz-lab type bridge; ip link set vz-lab up",
            [[print(assert(link.remove_zone "lab"))]]))
        assert.is_nil(core.file.stat "/run/systemd/nspawn-network-zone")
    end)

    it("leaves the bridge of a zone that somebody is in", function()
        assert.equal("false\nlo other vb-a vz-lab", inside([[
            ip link add vz-lab type bridge
            ip link add vb-a type veth peer name other
            ip link set vb-a master vz-lab]], [[print(link.remove_zone "lab")]]))
    end)

    it("leaves what is no bridge, and other bridges", function()
        assert.equal("false\nlab lo p vz-lab",
            inside("ip link add vz-lab type veth peer name p; ip link add lab type bridge",
                [[print(link.remove_zone "lab")]]))
    end)

    it("waits while a systemd-nspawn joins or leaves a zone", function()
        needs.program "python3"
        assert.equal("locked\nfree\ntrue\nlo", inside("ip link add vz-lab type bridge\n"
            .. [[python3 -u -c "
import fcntl, os, struct, time
path = \"/run/systemd/nspawn-network-zone\"
file = open(path, \"w\")
fcntl.fcntl(file, 37, struct.pack(\"hhqqi4x\", 1, 0, 0, 0, 0))
print(\"locked\")
if os.fork() == 0:
    time.sleep(0.5)
    print(\"free\")
    os.unlink(path)
    os._exit(0)
"]], [[print(assert(link.remove_zone "lab"))]]))
    end)
end)
