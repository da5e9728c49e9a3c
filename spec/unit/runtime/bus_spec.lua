local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local private_bus <const> = require "spec.support.private_bus"
local task <const> = require "sdme.task"

local await <const> = task.await

local daemon, missing

-- Each spec has connections of its own, closed at its end.
local opened = {}

local function open(address)
    local bus <const> = assert(core.bus.open_address(address or daemon.address))
    opened[#opened + 1] = bus
    return bus
end

local function driver(member, signature, ...)
    return {
        destination = "org.freedesktop.DBus",
        path = "/org/freedesktop/DBus",
        interface = "org.freedesktop.DBus",
        member = member,
        signature = signature,
        arguments = { ... },
    }
end

local function signal(signature, ...)
    return {
        path = "/spec",
        interface = "org.example.Spec",
        member = "Said",
        signature = signature,
        arguments = { ... },
    }
end

-- A bus and a function that sends values through the daemon and back.
local function echo()
    local bus <const> = open()
    local match <const> = bus:match { interface = "org.example.Spec", member = "Said" }
    return function(signature, ...)
        assert(bus:emit(signal(signature, ...)))
        return table.unpack(assert(await(match:next { timeout = 10 })).arguments)
    end
end

-- A peer that never reads what it is sent, and its name.
local function deaf_peer()
    local peer <const> = open()
    await(peer:call(driver "GetId"))
    return peer, peer:unique_name()
end

local function call_of(name, timeout)
    return {
        destination = name,
        path = "/",
        interface = "org.example.Spec",
        member = "Ask",
        timeout = timeout,
    }
end

-- Once the collector has closed what earlier specs left to it.
local function open_descriptors()
    collectgarbage()
    collectgarbage()
    return #core.file.list "/proc/self/fd"
end

local function with_bus(description, run)
    it(description, function()
        needs.that(daemon, missing)
        run()
    end)
end

describe("core.bus", function()
    setup(function()
        daemon, missing = private_bus.start()
    end)

    teardown(function()
        if daemon then
            daemon.stop()
        end
    end)

    after_each(function()
        for _, bus in ipairs(opened) do
            bus:close()
        end
        opened = {}
    end)

    describe("a call", function()
        with_bus("ends with the values of the reply", function()
            local bus <const> = open()
            assert.is_nil(bus:unique_name())
            local names <const> = await(bus:call(driver "ListNames"))
            assert.equal("org.freedesktop.DBus", names[1])
            assert.truthy(bus:unique_name():match "^:%d+%.%d+$")
            assert.same({}, { await(bus:call(driver("AddMatch", "s", "type='signal'"))) })
        end)

        with_bus("may be one of many in flight, awaited in any order", function()
            local bus <const> = open()
            local calls <const> = {}
            for i = 1, 200 do
                calls[i] = bus:call(driver("NameHasOwner", "s", "org.example.N" .. i))
            end
            for i = 200, 1, -1 do
                assert.is_false(await(calls[i]))
            end
        end)

        with_bus("needs no wait when another has picked up its reply", function()
            local bus <const> = open()
            local first <const>, second <const> =
                bus:call(driver "ListNames"), bus:call(driver "GetId")
            assert.is_string(await(second))
            assert.same({ nil, nil, 0 }, { first:poll() })
            local done <const>, names <const> = first:step()
            assert.is_true(done)
            assert.is_table(names)
        end)

        with_bus("that fails has a message, an errno and the name that D-Bus gave", function()
            local bus <const> = open()
            local none <const>, message <const>, code <const>, name <const> =
                await(bus:call(call_of "org.example.Nobody"))
            assert.is_nil(none)
            assert.truthy(message:find("Ask of org.example.Nobody: ", 1, true))
            assert.equal("EHOSTUNREACH", code)
            assert.equal("org.freedesktop.DBus.Error.ServiceUnknown", name)
            assert.equal("EINVAL", (select(3, await(bus:call(driver("AddMatch", "s", "x"))))))
        end)

        with_bus("ends in time when nobody answers", function()
            local _, name <const> = deaf_peer()
            local none <const>, message <const>, code <const> =
                await(open():call(call_of(name, 0.05)))
            assert.is_nil(none)
            assert.equal("ETIMEDOUT", code)
            assert.truthy(message:find("no answer", 1, true))
        end)

        with_bus("ends in time when the bus itself is stuck before we are connected", function()
            daemon.signal "STOP"
            finally(function()
                daemon.signal "CONT"
            end)
            local call <const> = open():call(call_of("org.example.Nobody", 0.05))
            assert.equal("ETIMEDOUT", (select(3, await(call))))
        end)

        with_bus("fails when its peer goes without an answer", function()
            local peer <const>, name <const> = deaf_peer()
            local bus <const> = open()
            local call <const> = bus:call(call_of(name))
            await(bus:call(driver "GetId"))
            peer:close()
            assert.equal("ECONNRESET", (select(3, await(call))))
        end)

        with_bus("fails when its own side closes the connection", function()
            local bus <const> = open()
            local call <const> = bus:call(driver "ListNames")
            bus:close()
            bus:close()
            local _, message <const>, code <const> = await(call)
            assert.equal("ECONNRESET", code)
            assert.truthy(message:find("is closed", 1, true))
            assert.has_error(function()
                bus:call(driver "ListNames")
            end, "calling 'call' on bad self (the bus is closed)")
        end)

        with_bus("outlives the bus object for as long as it is awaited", function()
            local call <const> = core.bus.open_address(daemon.address):call(driver "ListNames")
            collectgarbage()
            collectgarbage()
            assert.equal("ECONNRESET", (select(3, await(call))))
        end)
    end)

    describe("a connection", function()
        it("to nowhere fails at once", function()
            local bus <const>, message <const>, code <const> =
                core.bus.open_address "unix:path=/nonexistent/bus"
            assert.is_nil(bus)
            assert.equal("ENOENT", code)
            assert.truthy(message:find("unix:path=/nonexistent/bus", 1, true))
            assert.is_nil((core.bus.open_address "nonsense"))
        end)

        with_bus("that is lost fails all that waits on it, and all that comes later", function()
            local own <const> = assert(private_bus.start())
            local bus <const> = open(own.address)
            local _, name <const> = open(own.address), await(bus:call(driver "GetId"))
            assert.is_string(name)
            local subscription <const> = bus:match { interface = "org.example.Spec" }
            local signals <const> = subscription:next()
            local peer <const> = open(own.address)
            await(peer:call(driver "GetId"))
            local calls <const> = {}
            for i = 1, 3 do
                calls[i] = bus:call(call_of(peer:unique_name()))
            end
            assert.is_false((calls[1]:step()))
            own.stop()
            for i = 1, 3 do
                local _, message <const>, code <const> = await(calls[i])
                assert.equal("ECONNRESET", code)
                assert.truthy(message:find("connection to the bus at", 1, true))
            end
            assert.equal("ECONNRESET", (select(3, await(signals))))
            assert.equal("ECONNRESET", (select(3, await(bus:call(driver "GetId")))))
        end)

        with_bus("leaves no descriptor behind", function()
            local before <const> = open_descriptors()
            for _ = 1, 20 do
                local bus <close> = core.bus.open_address(daemon.address)
                await(bus:call(driver "GetId"))
            end
            assert.equal(before, open_descriptors())
        end)
    end)

    describe("values", function()
        with_bus("of every basic type arrive as they were sent", function()
            local values <const> = {
                255, true, -32768, 65535, -2147483648, 4294967295, math.mininteger,
                math.maxinteger, 0.1, "h\u{e9} \u{10fffd}", "/a/b_1", "a{sv}(ii)",
            }
            assert.same(values, { echo()("ybnqiuxtdsog", table.unpack(values)) })
        end)

        with_bus("above 2^63-1 are negative integers both ways", function()
            assert.equal(-1, echo()("t", -1))
        end)

        with_bus("nest", function()
            local values <const> = {
                { a = 1, b = 2 },
                { { "x", { { 1, 2 }, {} } }, { "y", {} } },
                { [1] = { k = { true, false } } },
            }
            assert.same(values, { echo()("a{su}a(saau)a{ya{sab}}", table.unpack(values)) })
        end)

        with_bus("in a variant are written with their signature and read as they are", function()
            local sent <const> = {
                number = { "u", 7 }, list = { "as", { "p", "q" } }, inner = { "v", { "s", "z" } },
                map = { "a{sv}", { deep = { "(ib)", { 1, true } } } },
            }
            assert.same({
                number = 7, list = { "p", "q" }, inner = "z", map = { deep = { 1, true } },
            }, (echo()("a{sv}", sent)))
        end)

        with_bus("of bytes are strings", function()
            local bytes <const> = "\0\255" .. ("x"):rep(100000)
            local one <const>, two <const>, none <const> =
                echo()("ayaayay", bytes, { "\0", "" }, "")
            assert.equal(bytes, one)
            assert.same({ "\0", "" }, two)
            assert.equal("", none)
        end)

        with_bus("that are descriptors arrive as descriptors of their own", function()
            local before <const> = open_descriptors()
            local send <const> = echo()
            do
                local file <close> = io.tmpfile()
                file:write("through the bus")
                file:flush()
                local got <close> = send("h", file)
                local copy <close> = assert(io.open("/proc/self/fd/" .. got:fileno()))
                assert.equal("through the bus", copy:read("a"))
            end
            for _, bus in ipairs(opened) do
                bus:close()
            end
            assert.equal(before, open_descriptors())
        end)

        with_bus("that don't fit the signature raise, and name the argument", function()
            local bus <const> = open()
            local descend = { "s", "deep" }
            for _ = 1, 100 do
                descend = { "v", descend }
            end
            for _, wrong in ipairs {
                { "y", 256, "argument 1: 256 is out of the range of 'y'" },
                { "u", -1, "argument 1: -1 is out of the range of 'u'" },
                { "i", 1.5, "argument 1: integer expected, got number" },
                { "i", "1", "argument 1: integer expected, got string" },
                { "b", 1, "argument 1: boolean expected, got number" },
                { "d", "1", "argument 1: number expected, got string" },
                { "s", 1, "argument 1: string expected, got number" },
                { "s", "a\0b", "argument 1: a NUL byte in the string" },
                { "s", "\xff", "argument 1: not UTF-8, or with a noncharacter" },
                { "s", "\xed\xa0\x80", "argument 1: not UTF-8, or with a noncharacter" },
                { "s", "\xc0\x80", "argument 1: not UTF-8, or with a noncharacter" },
                { "s", "\xe2\x82", "argument 1: not UTF-8, or with a noncharacter" },
                { "s", "\xf4\x90\x80\x80", "argument 1: not UTF-8, or with a noncharacter" },
                { "o", "a", "argument 1: 'a' is no object path" },
                { "g", "a{vs}", "argument 1: 'a{vs}' is no signature" },
                { "h", 1.5, "descriptor expected, got number" },
                { "ay", { 1 }, "argument 1: string (of bytes) expected, got table" },
                { "as", "x", "argument 1: array expected, got string" },
                { "as", { "x", false }, "argument 1: string expected, got boolean" },
                { "a{su}", { { "k", 1 } }, "argument 1: string expected, got number" },
                { "(su)", { "k" }, "argument 1: integer expected, got nil" },
                { "(su)", { "k", 1, 2 }, "argument 1: a struct of 2 members, but 3 values" },
                { "v", "x", "argument 1: { signature, value } expected, got string" },
                { "v", { "ss", "x" }, "argument 1: 'ss' is not one complete type" },
                { "v", descend, "argument 1: nested too deep" },
                { "", 1, "1 arguments, but the signature is for 0" },
                { "ss", "x", "argument 2: string expected, got nil" },
                { "a", "x", "'a' is no signature" },
                { "()", {}, "'()' is no signature" },
                { "a{}", {}, "'a{}' is no signature" },
                { ("a"):rep(256) .. "s", {}, "' is no signature" },
                { ("s"):rep(256), {}, "' is no signature" },
            } do
                local fine <const>, message <const> =
                    pcall(bus.emit, bus, signal(wrong[1], wrong[2]))
                assert.is_false(fine)
                assert.equal(wrong[3], tostring(message):sub(-#wrong[3]))
            end
        end)

        with_bus("of random shapes come back the same", function()
            local send <const> = echo()
            local basic <const> = {
                y = function() return math.random(0, 255) end,
                i = function() return math.random(-2 ^ 31 | 0, 2 ^ 31 - 1 | 0) end,
                x = function() return math.random(0) end,
                b = function() return math.random() < 0.5 end,
                d = function() return math.random() end,
                s = function() return utf8.char(math.random(1, 0xd7ff)):rep(math.random(0, 9)) end,
            }
            local function shape(depth)
                local kind <const> = math.random(depth > 6 and 6 or 9)
                if kind <= 6 then
                    local name <const> = ("yixbds"):sub(kind, kind)
                    return name, basic[name]
                end
                local type <const>, make <const> = shape(depth + 1)
                local count <const> = math.random(0, 4)
                if kind == 7 and type ~= "y" then
                    return "a" .. type, function()
                        local list <const> = {}
                        for i = 1, count do
                            list[i] = make()
                        end
                        return list
                    end
                elseif kind == 8 then
                    return "a{i" .. type .. "}", function()
                        local map <const> = {}
                        for _ = 1, count do
                            map[basic.i()] = make()
                        end
                        return map
                    end
                end
                local second <const>, make_second <const> = shape(depth + 1)
                return "(" .. type .. second .. ")", function()
                    return { make(), make_second() }
                end
            end
            for _ = 1, 300 do
                local type <const>, make <const> = shape(0)
                local value <const> = make()
                assert.same({ type, value }, { type, (send(type, value)) })
            end
        end)
    end)

    describe("a call's options", function()
        with_bus("are checked", function()
            local bus <const> = open()
            for option, message in pairs {
                path = "bad path 'x y'", interface = "interface 'x y'", member = "member 'x y'",
                timeout = "option 'timeout': number expected", bogus = "unknown option 'bogus'",
            } do
                local options <const> = driver "GetId"
                options[option] = "x y"
                local fine <const>, raised <const> = pcall(bus.call, bus, options)
                assert.is_false(fine)
                assert.truthy(raised:find(message, 1, true), raised)
            end
            assert.has_error(function()
                bus:call { destination = "org.freedesktop.DBus" }
            end, "option 'path' is missing")
        end)
    end)

    describe("properties", function()
        with_bus("are read one by one and all together", function()
            local bus <const> = open()
            local where <const> = {
                "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
            }
            local one <const> = await(bus:property(where[1], where[2], where[3], "Features"))
            local all <const> = await(bus:properties(table.unpack(where)))
            assert.is_table(one)
            assert.same(one, all.Features)
            assert.equal("EUNSUPPORTED",
                (select(3, await(bus:property(where[1], where[2], where[3], "Nope")))))
        end)
    end)

    describe("a subscription", function()
        with_bus("hands out the signals that match, in their order", function()
            local bus <const>, other <const> = open(), open()
            local match <const> =
                bus:match { interface = "org.example.Spec", member = "Said", arg0 = "yes" }
            await(bus:call(driver "GetId"))
            await(other:call(driver "GetId"))
            for _, word in ipairs { "no", "yes", "no", "yes" } do
                assert(other:emit(signal("si", word, 1)))
            end
            for _ = 1, 2 do
                local got <const> = await(match:next { timeout = 10 })
                assert.same({
                    path = "/spec", interface = "org.example.Spec", member = "Said",
                    sender = other:unique_name(), arguments = { "yes", 1 },
                }, got)
            end
            assert.equal("ETIMEDOUT", (select(3, await(match:next { timeout = 0.02 }))))
        end)

        with_bus("is in place before the next call on its connection is answered", function()
            local bus <const> = open()
            local match <const> =
                bus:match { member = "NameOwnerChanged", arg0 = "org.example.Own" }
            local call <const> = bus:call(driver("RequestName", "su", "org.example.Own", 0))
            assert.equal("org.example.Own", await(match:next { timeout = 10 }).arguments[1])
            assert.equal(1, await(call))
        end)

        with_bus("takes no signal that somebody addresses to us", function()
            local bus <const> = open()
            local match <const> =
                bus:match { sender = "org.freedesktop.DBus", interface = "org.example.Spec" }
            await(bus:call(driver "GetId"))
            needs.program "dbus-send"
            os.execute(("dbus-send --bus=%s --dest=%s /spec org.example.Spec.Said"):format(
                daemon.address, bus:unique_name()))
            assert.equal("ETIMEDOUT", (select(3, await(match:next { timeout = 0.1 }))))
        end)

        with_bus("says once that signals were lost, and goes on", function()
            local bus <const> = open()
            local match <const>, marker <const> =
                bus:match { interface = "org.example.Spec", member = "Said" },
                bus:match { interface = "org.example.Spec", member = "Stop" }
            await(bus:call(driver "GetId"))
            for i = 1, 1030 do
                assert(bus:emit(signal("u", i)))
            end
            local stop <const> = signal("")
            stop.member = "Stop"
            assert(bus:emit(stop))
            assert(await(marker:next { timeout = 10 }))
            assert.equal(1, await(match:next { timeout = 10 }).arguments[1])
            -- There is room again, but nothing may follow on a gap that nobody knows of.
            assert(bus:emit(signal("u", 1031)))
            assert(bus:emit(stop))
            assert(await(marker:next { timeout = 10 }))
            for i = 2, 1024 do
                assert.equal(i, await(match:next { timeout = 10 }).arguments[1])
            end
            local _, message <const>, code <const> = await(match:next { timeout = 10 })
            assert.equal("EOVERFLOW", code)
            assert.truthy(message:find("7 signals", 1, true))
            assert(bus:emit(signal("u", 7)))
            assert.equal(7, await(match:next { timeout = 10 }).arguments[1])
        end)

        with_bus("ends when it is closed, and takes its rule off the bus", function()
            local bus <const> = open()
            local function rules()
                local stats <const> = await(bus:call {
                    destination = "org.freedesktop.DBus", path = "/org/freedesktop/DBus",
                    interface = "org.freedesktop.DBus.Debug.Stats", member = "GetConnectionStats",
                    signature = "s", arguments = { bus:unique_name() },
                })
                return stats and stats.MatchRules
            end
            await(bus:call(driver "GetId"))
            local before <const> = rules()
            local match <const> = bus:match { interface = "org.example.Spec" }
            local waiting <const> = match:next()
            if before then
                assert.equal(before + 1, rules())
            end
            match:close()
            match:close()
            assert.equal("ECANCELED", (select(3, await(waiting))))
            assert.equal(before, rules())
        end)

        with_bus("that the bus refuses says so", function()
            local bus <const> = open()
            local match <const> =
                bus:match { sender = "not a name", interface = "org.example.Spec" }
            local _, message <const>, code <const> = await(match:next { timeout = 10 })
            assert.equal("EINVAL", code)
            assert.truthy(message:find("match", 1, true))
        end)

        with_bus("has options that are checked", function()
            local bus <const> = open()
            assert.has_error(function()
                bus:match { colour = "red" }
            end, "unknown option 'colour'")
            assert.has_error(function()
                bus:match { arg0 = "it's" }
            end, "option 'arg0': a match can't hold ' or \\")
        end)
    end)

    it("escapes names in object paths as systemd does", function()
        local prefix <const> = "/org/freedesktop/systemd1/unit"
        assert.equal(prefix .. "/_30a_2db_40c_2eservice", core.bus.path(prefix, "0a-b@c.service"))
        assert.equal(prefix .. "/_", core.bus.path(prefix, ""))
        assert.equal(prefix .. "/a0_c3_a9", core.bus.path(prefix, "a0\u{e9}"))
    end)
end)
