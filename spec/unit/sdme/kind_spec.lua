local kind <const> = require "sdme.kind"

local function reason(which, text)
    local value, why = which.parse(text)
    assert.is_nil(value)
    return why
end

local function complaint(which, value)
    local checked, why = which.check(value)
    assert.is_nil(checked)
    return why
end

describe("sdme.kind", function()
    describe("flag", function()
        it("reads the words for yes and no", function()
            for _, word in ipairs { "yes", "true", "on", "1" } do
                assert.is_true(kind.flag.parse(word))
            end
            for _, word in ipairs { "no", "false", "off", "0" } do
                assert.is_false(kind.flag.parse(word))
            end
            assert.equal('expected yes or no, not "maybe"', reason(kind.flag, "maybe"))
        end)

        it("takes booleans, and nothing like them, from Lua", function()
            assert.is_false(kind.flag.check(false))
            assert.equal("expected true or false, not a number", complaint(kind.flag, 1))
        end)

        it("shows yes or no", function()
            assert.same({ "yes", "no" }, { kind.flag.show(true), kind.flag.show(false) })
        end)
    end)

    describe("string", function()
        it("is a text that fits in one line of UTF-8", function()
            assert.equal("a b", kind.string.parse "a b")
            assert.equal('"a\nb" has a control character', reason(kind.string, "a\nb"))
            assert.equal('"a\0b" has a control character', reason(kind.string, "a\0b"))
            assert.equal('"\xff" isn\'t UTF-8', reason(kind.string, "\xff"))
            assert.equal("expected a text, not a table", complaint(kind.string, {}))
        end)
    end)

    describe("argument", function()
        it("is anything that a program can be given", function()
            assert.equal("\xff\n", kind.argument.parse "\xff\n")
            assert.equal("", kind.argument.parse "")
            assert.equal('"a\0b" has a NUL byte', reason(kind.argument, "a\0b"))
        end)
    end)

    describe("path", function()
        it("is absolute and without detours", function()
            assert.equal("/a/b", kind.path.parse "//a/./b/")
            assert.equal("/", kind.path.parse "/")
            assert.equal('"a/b" is not an absolute path', reason(kind.path, "a/b"))
            assert.equal('"" is not an absolute path', reason(kind.path, ""))
            assert.equal('"/a/../b" has ".." in it', reason(kind.path, "/a/../b"))
            assert.equal("/a..b/...", kind.path.parse "/a..b/...")
        end)

        it("has no bytes that would end a line, and no end of its own", function()
            assert.equal('"/a\nb" has a control character', reason(kind.path, "/a\nb"))
            assert.matches("too long", reason(kind.path, "/" .. ("a"):rep(5000)))
        end)

        it("shortens what it quotes", function()
            assert.is_true(#reason(kind.path, ("a"):rep(100000)) < 120)
        end)
    end)

    describe("name", function()
        it("is a-z, then a-z, 0-9 and hyphens, 64 at most", function()
            assert.equal("web-1", kind.name.parse "web-1")
            assert.equal(("a"):rep(64), kind.name.parse(("a"):rep(64)))
            for _, wrong in ipairs { "", "1web", "-web", "Web", "web_1", "web.1", "web/1", "wéb",
                ("a"):rep(65) } do
                assert.matches("is not a name", reason(kind.name, wrong))
            end
        end)

        it("doesn't end in a hyphen, which a machine's name can't", function()
            assert.equal('"web-" ends in a hyphen, which no machine\'s name can',
                reason(kind.name, "web-"))
        end)

        it("may be looked up by a beginning that ends in one", function()
            assert.equal("web-", kind.container.parse "web-")
            assert.equal("container", kind.container.complete)
            assert.matches("is not a name", reason(kind.container, "../x"))
        end)
    end)

    describe("size", function()
        it("counts in powers of 1024", function()
            assert.equal(512, kind.size.parse "512")
            assert.equal(10 << 10, kind.size.parse "10K")
            assert.equal(4 << 20, kind.size.parse "4M")
            assert.equal(2 << 30, kind.size.parse "2G")
            assert.equal(1 << 40, kind.size.parse "1T")
            assert.equal(4 << 20, kind.size.parse "4m")
        end)

        it("is no fraction, no negative, no other unit", function()
            for _, wrong in ipairs { "", "K", "1.5G", "-1", "+1", "1 K", "1KB", "1P", "0x10" } do
                assert.matches("is not a size such as 512, 10K, 4M, 2G or 1T",
                    reason(kind.size, wrong))
            end
        end)

        it("doesn't wrap around", function()
            assert.equal(math.maxinteger, kind.size.parse "9223372036854775807")
            for _, wrong in ipairs { "9223372036854775808", "8388608T", "99999999999999999999" } do
                assert.matches("is too large", reason(kind.size, wrong))
            end
            assert.equal(8388607 << 40, kind.size.parse "8388607T")
        end)

        it("takes whole numbers and texts from Lua", function()
            assert.equal(1024, kind.size.check(1024))
            assert.equal("integer", math.type(kind.size.check(1024.0)))
            assert.equal(1024, kind.size.check "1K")
            assert.matches("not 1.5$", complaint(kind.size, 1.5))
            assert.matches("not %-1$", complaint(kind.size, -1))
            assert.matches("not a boolean$", complaint(kind.size, true))
        end)

        it("shows the largest unit that divides it", function()
            for _, text in ipairs { "0", "512", "10K", "4M", "2G", "1T", "2048T", "1025" } do
                assert.equal(text, kind.size.show(kind.size.parse(text)))
            end
            assert.equal("2G", kind.size.show(kind.size.parse "2048M"))
        end)
    end)

    describe("seconds", function()
        it("are above 0, whole or not", function()
            assert.equal(60, kind.seconds.parse "60")
            assert.equal("integer", math.type(kind.seconds.parse "60"))
            assert.equal(1.5, kind.seconds.parse "1.5")
            assert.equal(0.5, kind.seconds.check(0.5))
            for _, wrong in ipairs { "0", "0.0", "604801", ("9"):rep(400) } do
                assert.matches("is not a number of seconds above 0, at most 604800",
                    reason(kind.seconds, wrong))
            end
            for _, wrong in ipairs { "", ".", "-1", "1e3", "0x10", "nan", "inf", "1s" } do
                assert.matches("is not a number of seconds$", reason(kind.seconds, wrong))
            end
        end)

        it("are no NaN or infinity from Lua", function()
            assert.is_nil((kind.seconds.check(0 / 0)))
            assert.is_nil((kind.seconds.check(math.huge)))
            assert.is_nil((kind.seconds.check(-1)))
            assert.matches("not a table", complaint(kind.seconds, {}))
        end)

        it("are shown as they were given", function()
            assert.equal("60", kind.seconds.show(60))
            assert.equal("1.5", kind.seconds.show(1.5))
        end)
    end)

    describe("cpus", function()
        it("are a decimal fraction above 0", function()
            assert.equal(0.5, kind.cpus.parse ".5")
            assert.equal(2, kind.cpus.parse "2")
            assert.matches("above 0", reason(kind.cpus, "0"))
        end)
    end)

    describe("integer", function()
        it("is whole and not negative", function()
            assert.equal(7, kind.integer.parse "7")
            for _, wrong in ipairs { "", "-1", "1.0", "0x1", "9223372036854775808" } do
                assert.matches("is not a whole number", reason(kind.integer, wrong))
            end
        end)
    end)

    describe("range", function()
        local memory <const> = kind.range(kind.size, 4 << 20, 1 << 30)

        it("says which bound is passed, as the kind shows it", function()
            assert.equal("1K is less than 4M", reason(memory, "1K"))
            assert.equal("2G is more than 1G", complaint(memory, 2 << 30))
            assert.equal(4 << 20, memory.parse "4M")
            assert.equal(1 << 30, memory.check "1G")
        end)

        it("keeps the reasons of the kind itself", function()
            assert.matches("is not a size", reason(memory, "x"))
        end)
    end)

    describe("choice", function()
        local restart <const> = kind.choice { "no", "on-failure", "always" }

        it("is one of its words", function()
            assert.equal("always", restart.parse "always")
            assert.equal('expected no, on-failure or always, not "never"', reason(restart, "never"))
            assert.same({ "no", "on-failure", "always" }, restart.complete)
        end)
    end)

    describe("env", function()
        it("is a name and any value", function()
            assert.same({ name = "A_1", value = "b=c %d $x\n'\"\\" },
                kind.env.parse "A_1=b=c %d $x\n'\"\\")
            assert.same({ name = "A", value = "" }, kind.env.parse "A=")
        end)

        it("has a name that a shell could take", function()
            for _, wrong in ipairs { "=x", "1A=x", "A-B=x", "A B=x", "Ä=x" } do
                assert.matches("is not the name of an environment variable",
                    reason(kind.env, wrong))
            end
            assert.equal("expected NAME=VALUE", reason(kind.env, "PATH"))
        end)

        it("has a value that systemd and the kernel pass on", function()
            assert.equal("the value of A has a NUL byte", reason(kind.env, "A=x\0y"))
            assert.equal("the value of A isn't UTF-8, which systemd refuses",
                reason(kind.env, "A=\xff"))
            assert.equal("the value of A is too long", reason(kind.env, "A=" .. ("x"):rep(131070)))
            assert.is_table(kind.env.parse("A=" .. ("x"):rep(131069)))
        end)

        it("never tells the value when it refuses it", function()
            for _, wrong in ipairs { "secret", "1A=secret", "A=secret\0", "A=secret\xff" } do
                assert.not_matches("secret", reason(kind.env, wrong))
            end
        end)

        it("is a table by name when there are many", function()
            local many <const> = kind.many(kind.env)
            assert.same({ A = "1", B = "x" }, many.check { A = 1, B = "x" })
            assert.same({ A = "1", B = "x" }, many.check { "A=1", B = "x" })
            assert.same({ A = "2" }, many.add(many.parse "A=1", "A=2"))
            assert.equal("A=1,B=x", many.show { B = "x", A = "1" })
            assert.equal("the value of A is a boolean, not a text", complaint(many, { A = true }))
            assert.matches("expected NAME=VALUE, not a number", complaint(many, { 5 }))
            assert.matches("expected NAME=VALUE, not a table", complaint(many, { { name = 5 } }))
        end)
    end)

    describe("port", function()
        local function port(protocol, host, container)
            return { protocol = protocol, host = host, container = container }
        end

        it("is a port of the host and one of the container", function()
            assert.same(port("tcp", 8080, 80), kind.port.parse "8080:80")
            assert.same(port("tcp", 80, 80), kind.port.parse "80")
        end)

        it("names its protocol first or last", function()
            assert.same(port("udp", 5353, 53), kind.port.parse "udp:5353:53")
            assert.same(port("udp", 5353, 53), kind.port.parse "5353:53/udp")
            assert.same(port("tcp", 80, 80), kind.port.parse "tcp:80")
            assert.same(port("udp", 53, 53), kind.port.parse "53/udp")
        end)

        it("says what exactly is wrong with another form", function()
            local wrong <const> = {
                [""] = "the host's port is missing",
                [":80"] = "the host's port is missing",
                ["80:"] = "the container's port is missing",
                ["tcp:"] = "the host's port is missing",
                ["sctp:80:80"] = 'the protocol is tcp or udp, not "sctp"',
                ["80:80/icmp"] = 'the protocol is tcp or udp, not "icmp"',
                ["80/"] = 'the protocol is tcp or udp, not ""',
                ["udp:53:53/udp"] = '"udp:53:53/udp" names the protocol twice',
                ["80:80:80"] = '"80:80:80" has too many parts; expected [PROTO:]HOST[:CONTAINER]',
                ["127.0.0.1:80:80"] = '"127.0.0.1:80:80" names an address; ports are open on every '
                    .. "address of the host",
                ["[::1]:80:80"] = '"[::1]:80:80" names an address; ports are open on every '
                    .. "address of the host",
                ["8000-8010:80"] = '"8000-8010" is a range; each port is given by itself',
                ["http:80"] = 'the protocol is tcp or udp, not "http"',
                ["my-web:80"] = '"my-web" is not a port number',
                ["0:80"] = 'port "0" is not between 1 and 65535',
                ["80:65536"] = 'port "65536" is not between 1 and 65535',
                ["-1"] = '"-1" is not a port number',
                ["80 :80"] = '"80 " is not a port number',
            }
            for text, why in pairs(wrong) do
                assert.equal(why, reason(kind.port, text))
            end
            assert.matches("is not between 1 and 65535", reason(kind.port, ("9"):rep(400)))
        end)

        it("takes numbers and tables from Lua", function()
            assert.same(port("tcp", 80, 80), kind.port.check(80))
            assert.same(port("tcp", 80, 80), kind.port.check { host = 80 })
            assert.same(port("udp", 53, 5353),
                kind.port.check { protocol = "udp", host = 53, container = 5353 })
            assert.equal("the host's port is missing", complaint(kind.port, { container = 80 }))
            assert.matches("there is no 'hots'", complaint(kind.port, { hots = 80 }))
            assert.matches("host is not a string", complaint(kind.port, { host = "80" }))
            assert.matches("not a port number", complaint(kind.port, 80.5))
            assert.matches("not a port number", complaint(kind.port, { host = 0 / 0 }))
        end)

        it("is shown in one form", function()
            for _, text in ipairs { "80", "tcp:80", "80:80", "80/tcp" } do
                assert.equal("tcp:80:80", kind.port.show(kind.port.parse(text)))
            end
        end)
    end)

    describe("bind", function()
        local function bind(source, target, read_only)
            return { source = source, target = target, read_only = read_only }
        end

        it("is a path of the host and one of the container", function()
            assert.same(bind("/srv/a", "/b", false), kind.bind.parse "/srv//a/:/b")
            assert.same(bind("/a", "/b", true), kind.bind.parse "/a:/b:ro")
            assert.same(bind("/a", "/b", false), kind.bind.parse "/a:/b:rw")
        end)

        it("takes a colon after a backslash, as systemd-nspawn does", function()
            assert.same(bind("/a:b", "/c\\d", false), kind.bind.parse "/a\\:b:/c\\\\d")
            assert.equal("/a\\:b:/c\\\\d:ro", kind.bind.show(bind("/a:b", "/c\\d", true)))
            assert.equal("/a\\\\b:/c\\:d", kind.bind.show(bind("/a\\b", "/c:d", false)))
        end)

        it("says what exactly is wrong with another form", function()
            local wrong <const> = {
                [""] = '"" lacks the path in the container; expected HOST:CONTAINER[:ro]',
                ["/a"] = '"/a" lacks the path in the container; expected HOST:CONTAINER[:ro]',
                ["a:/b"] = '"a" is not an absolute path',
                ["/a:b"] = '"b" is not an absolute path',
                ["/a:"] = '"" is not an absolute path',
                ["/a:/b/../c"] = '"/b/../c" has ".." in it',
                ["/a:/b:rx"] = 'expected ro or rw as the last part, not "rx"',
                ["/a:/b:ro:x"] = '"/a:/b:ro:x" has too many parts; a colon in a path is written '
                    .. '"\\:"',
                ["/a:/b\\"] = '"/a:/b\\" ends in a backslash',
            }
            for text, why in pairs(wrong) do
                assert.equal(why, reason(kind.bind, text))
            end
        end)

        it("leaves the container what its systemd needs", function()
            assert.equal("/ of the container can't be replaced", reason(kind.bind, "/a://"))
            assert.equal("/run of the container can't be replaced", reason(kind.bind, "/a:/run/"))
            for _, target in ipairs { "/proc", "/proc/sys", "/sys/fs/cgroup", "/dev", "/dev/x",
                "/run/systemd/x", "/run/host" } do
                assert.matches("which is the container's own", reason(kind.bind, "/a:" .. target))
            end
            for _, target in ipairs { "/process", "/run/systemd-x", "/run/user", "/srv/dev" } do
                assert.is_table(kind.bind.parse("/a:" .. target))
            end
        end)

        it("takes tables from Lua", function()
            assert.same(bind("/a", "/b", false), kind.bind.check { source = "/a", target = "/b/" })
            assert.same(bind("/a:b", "/b", true),
                kind.bind.check { source = "/a:b", target = "/b", read_only = true })
            assert.equal("a bind mount needs source and target",
                complaint(kind.bind, { source = "/a" }))
            assert.matches("there is no 'readonly'",
                complaint(kind.bind, { source = "/a", target = "/b", readonly = true }))
        end)
    end)

    describe("device", function()
        it("is a path below /dev that stays one word", function()
            assert.equal("/dev/net/tun", kind.device.parse "/dev//net/tun")
            for _, wrong in ipairs { "/dev", "/etc/passwd", "/dev/a b", '/dev/a"', "/dev/%i" } do
                assert.matches("is not a device below /dev", reason(kind.device, wrong))
            end
            assert.matches('has ".."', reason(kind.device, "/dev/../etc/passwd"))
            assert.matches("control character", reason(kind.device, "/dev/a\nb"))
        end)
    end)

    describe("capability", function()
        it("is known by its name with or without the prefix, in any case", function()
            for _, text in ipairs { "CAP_NET_ADMIN", "cap_net_admin", "net_admin", "NET_ADMIN" } do
                assert.equal("CAP_NET_ADMIN", kind.capability.parse(text))
            end
        end)

        it("is one of the 41 that Linux has", function()
            assert.equal(41, #kind.capability.complete)
            assert.equal("CAP_CHOWN", kind.capability.complete[1])
            assert.equal("CAP_CHECKPOINT_RESTORE", kind.capability.complete[41])
            assert.equal('"net_amdin" is not a capability; did you mean CAP_NET_ADMIN?',
                reason(kind.capability, "net_amdin"))
            assert.equal('"" is not a capability', reason(kind.capability, ""))
        end)
    end)

    describe("system call filter", function()
        local filter <const> = kind.system_call_filter

        it("is a list of calls and groups, in one form", function()
            assert.equal("@mount reboot", filter.parse "@mount,  reboot")
            assert.equal("~@mount @raw-io", filter.parse "~@mount @raw-io")
        end)

        it("has nothing in it that a line of options would interpret", function()
            assert.matches("names no system calls", reason(filter, ""))
            assert.matches("names no system calls", reason(filter, "~ ,"))
            assert.matches('"~" stands once, before the first', reason(filter, "@a ~@b"))
            for _, wrong in ipairs { "read;write", "Read", "@", "a\nb", "a:EPERM", "%i" } do
                assert.matches("is not a system call or a @group of them", reason(filter, wrong))
            end
        end)
    end)

    describe("service", function()
        it("is the name of a unit, a service unless it says otherwise", function()
            assert.equal("cron.service", kind.service.parse "cron")
            assert.equal("cron.service", kind.service.parse "cron.service")
            assert.equal("cron.timer", kind.service.parse "cron.timer")
            assert.equal("foo.bar.service", kind.service.parse "foo.bar")
            assert.equal("getty@tty1.service", kind.service.parse "getty@tty1")
            assert.equal("a\\x2db.mount", kind.service.parse "a\\x2db.mount")
        end)

        it("is no path and no line", function()
            for _, wrong in ipairs { "", ".service", "../x", "a/b", "a b", "a\nb", "@x", "%i",
                ("a"):rep(248) } do
                assert.matches("is not the name of a unit", reason(kind.service, wrong))
            end
            assert.is_string(kind.service.parse(("a"):rep(247)))
        end)
    end)

    describe("user", function()
        it("is a name or a number", function()
            for _, text in ipairs { "root", "_apt", "www-data", "machine$", "0", "1000" } do
                assert.equal(text, kind.user.parse(text))
            end
            assert.equal("1000", kind.user.check(1000))
            assert.equal("7", kind.user.parse "007")
        end)

        it("isn't what stands for no user", function()
            for _, wrong in ipairs { "", "Root", "a b", "-x", "a:b", "a$b", ("a"):rep(33), "65535",
                "4294967295", "99999999999", "1.5" } do
                assert.matches("is not the name or number of a user", reason(kind.user, wrong))
            end
            assert.matches("expected a user", complaint(kind.user, -1))
        end)
    end)

    describe("interface", function()
        it("is a name that fits the kernel with what systemd puts before it", function()
            local bridge <const>, zone <const> = kind.interface "", kind.interface "vz-"
            assert.equal("br0", bridge.parse "br0")
            assert.equal(("a"):rep(15), bridge.parse(("a"):rep(15)))
            assert.equal(("a"):rep(12), zone.parse(("a"):rep(12)))
            assert.matches("12 characters at most", reason(zone, ("a"):rep(13)))
            for _, wrong in ipairs { "", "a/b", "a b", "a:b", "a%b", "12", "..", ("a"):rep(16) } do
                assert.matches("is not the name of an interface", reason(bridge, wrong))
            end
        end)
    end)

    describe("profile", function()
        it("is one plain word", function()
            assert.equal("sdme-default", kind.profile.parse "sdme-default")
            for _, wrong in ipairs { "", "-x", "a b", "a\nb", "%i", "$x", 'a"b' } do
                assert.matches("is not the name of a profile", reason(kind.profile, wrong))
            end
        end)
    end)

    describe("list", function()
        local list <const> = kind.list(kind.service)

        it("is written with commas", function()
            assert.same({ "a.service", "b.timer" }, list.parse "a,b.timer")
            assert.equal("a.service,b.timer", list.show(list.parse "a,b.timer"))
            assert.same({}, list.parse "")
            assert.matches('"" is not the name of a unit', reason(list, "a,,b"))
        end)

        it("is an array in Lua", function()
            assert.same({ "a.service" }, list.check { "a" })
            assert.same({ "a.service" }, list.check "a")
            assert.equal("expected a list", complaint(list, { x = "a" }))
            assert.equal("expected a list", complaint(list, { "a", nil, "b" }))
            assert.equal("expected a list, not a number", complaint(list, 5))
            assert.matches("not a table", complaint(list, { {} }))
        end)
    end)

    describe("many", function()
        it("collects, and forgets at an empty one", function()
            local many <const> = kind.many(kind.port)
            local ports <const> = many.add(many.parse "80", "udp:53")
            assert.equal("tcp:80:80,udp:53:53", many.show(ports))
            assert.same({}, many.add(ports, ""))
            assert.same({ nil, '"x" is not a port number' }, { many.add(ports, "x") })
        end)

        it("joins the lists of a kind that is written with commas", function()
            local many <const> = kind.many(kind.list(kind.directory))
            assert.same({ "/a", "/b", "/c" }, many.add(many.parse "/a,/b", "/c"))
            assert.same({ "/a", "/b", "/c" }, many.check { "/a", "/b,/c" })
            assert.same({ "/a", "/b" }, many.check "/a,/b")
            assert.equal("/a,/b", many.show { "/a", "/b" })
        end)

        it("takes one by itself from Lua", function()
            assert.same({ { protocol = "tcp", host = 80, container = 80 } },
                kind.many(kind.port).check(80))
        end)
    end)

    describe("every kind", function()
        local kinds <const> = {}
        for name, value in pairs(kind) do
            if type(value) == "table" then
                kinds[name] = value
                kinds["many " .. name] = kind.many(value)
                kinds["list of " .. name] = kind.list(value)
            end
        end
        kinds.interface, kinds.range = kind.interface "vz-", kind.range(kind.size, 5, 10)

        local PIECES <const> = {
            "a", "Z", "0", "9", "65535", ":", "/", "\\", ",", "=", "~", "@", ".", "..", "-", "_",
            " ", "tcp", "udp", "ro", "K", "T", "\0", "\n", "\27", "\xff", "é", "%", "$", '"',
            "/dev/", "/proc", "[", "]", "cap_", "chown", "name", "yes",
        }

        local function random_text()
            local parts = {}
            for i = 1, math.random(0, 10) do
                parts[i] = PIECES[math.random(#PIECES)]
            end
            return table.concat(parts)
        end

        local function random_value(depth)
            local choice <const> = math.random(depth > 2 and 5 or 8)
            if choice <= 2 then
                return random_text()
            elseif choice == 3 then
                return math.random(-5, 70000)
            elseif choice == 4 then
                return ({ 0 / 0, 1 / 0, -1 / 0, 1.5, 1e300 })[math.random(5)]
            elseif choice == 5 then
                return ({ true, false, print })[math.random(3)]
            end
            local value <const> = {}
            for _ = 1, math.random(0, 4) do
                local key <const> = ({ "name", "value", "host", "source", "target", "protocol", 1,
                    2, 7, 1.5, true })[math.random(11)]
                value[key] = random_value(depth + 1)
            end
            return value
        end

        local function answer(name, given, value, why)
            if value == nil then
                assert(type(why) == "string" and #why > 0, name .. " gives no reason")
                return nil
            end
            assert(type(given) ~= "string" or not why, name .. " gives a value and a reason")
            return value
        end

        it("answers any text with a value or a reason, and shows what it reads back", function()
            math.randomseed(2)
            for name, one in pairs(kinds) do
                for _ = 1, 100 do
                    local text <const> = random_text()
                    local value <const> = answer(name, text, one.parse(text))
                    if value ~= nil then
                        assert.same(value, one.check(value), name)
                        if not name:find "^many env" then
                            assert.same(value, one.parse(one.show(value)), name)
                        end
                    end
                end
            end
        end)

        it("answers any Lua value with a value or a reason", function()
            math.randomseed(3)
            for name, one in pairs(kinds) do
                for _ = 1, 100 do
                    local given <const> = random_value(0)
                    answer(name, given, one.check(given))
                end
            end
        end)
    end)
end)
