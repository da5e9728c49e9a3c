local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local shell <const> = require "spec.support.shell"
local stage <const> = require "spec.support.stage"
local wait <const> = require "spec.support.wait"

local port <const> = core.port

local INTERFACES <const> = [[
    ip link add one type veth peer name two && ip link set one up && ip link set two up &&
    ip addr add 10.9.8.7/24 dev one && ip addr add 2001:db8::7/64 dev one nodad]]

local function descriptors()
    return #core.file.list "/proc/self/fd"
end

describe("core.port", function()
    it("listens on a port, and says when it is taken", function()
        local taken <close>, number <const> = assert(port.listen("tcp", "127.0.0.1", 0))
        assert.is_true(taken:fileno() > 2)
        for _, address in ipairs { "127.0.0.1", "0.0.0.0" } do
            local _, message, code = port.listen("tcp", address, number)
            assert.equal("EADDRINUSE", code)
            assert.equal(("listen on port tcp %d at %s: Address already in use"):format(number,
                address), message)
        end
        local udp <close> = assert(port.listen("udp", "127.0.0.1", number))
        assert.equal("EADDRINUSE", select(3, port.listen("udp", "0.0.0.0", number)))
        assert.is_true(udp:fileno() > 2)
    end)

    it("takes addresses in digits, ports of 16 bits, and sockets that listen", function()
        assert.equal("'localhost' is no IPv4 or IPv6 address",
            select(2, port.listen("tcp", "localhost", 1)))
        assert.error_matches(function() port.listen("tcp", "::", 65536) end, "0 to 65535")
        assert.error_matches(function() port.listen("sctp", "::", 1) end, "invalid option 'sctp'")
        local null <close> = assert(io.open "/dev/null")
        assert.equal("ENOTSOCK", select(3, port.forward { netns = null, ports = { { null, 1 } } }))
        assert.error_matches(function() port.forward { netns = null, ports = { { null, 0 } } } end,
            "a port is 1 to 65535")
        assert.error_matches(function() port.forward { ports = {} } end, "option 'netns'")
    end)

    it("has no sockets of systemd's where it wasn't started with any", function()
        assert.same({}, (port.activated()))
    end)
end)

describe("core.port.forward", function()
    local there, acts, before

    before_each(function()
        needs.root()
        needs.program("socat", "ip", "nsenter")
        before = descriptors()
        there = assert(core.netns.create())
        assert(core.netns.loopback_up(there))
        acts = stage.open()
    end)

    after_each(function()
        acts:close()
        there:close()
        assert.equal(before, descriptors())
        wait.alone()
    end)

    local function inside(...)
        return { "nsenter", ("--net=/proc/%d/fd/%d"):format(core.process.identity().pid,
            there:fileno()), ... }
    end

    local function add_interfaces()
        local words <const> = inside("sh", "-c", INTERFACES)
        for i, word in ipairs(words) do
            words[i] = shell.quote(word)
        end
        shell.run(table.concat(words, " "))
    end

    local function is_inside(process)
        return core.file.readlink(("/proc/%d/ns/net"):format(process:pid()))
            == core.file.readlink("/proc/self/fd/" .. there:fileno())
    end

    -- Whether a process is there, and sees somebody listen; as proc(5) has it.
    local function listens(process, kind, number)
        local pattern <const> = (":%04X %%x+:%%x+ %s "):format(number,
            kind == "tcp" and "0A" or "07")
        for _, suffix in ipairs { "", "6" } do
            local table_ <const> = core.file.read(
                ("/proc/%d/net/%s%s"):format(process:pid(), kind, suffix))
            if is_inside(process) and (table_ or ""):find(pattern) then
                return true
            end
        end
        return false
    end

    -- Whether somebody has connected to a port of ours.
    local function is_connected(number)
        return core.file.read "/proc/self/net/tcp":find((" 0100007F:%04X %%x+:%%x+ 01 ")
            :format(number)) ~= nil
    end

    -- A service there: socat's words for its address and for what it does, for which it would wait
    -- half a second once the client has said all.
    local function serve(address, action)
        local process <const> = acts:spawn {
            argv = inside("socat", "-t", "20", "-b", "65507", address, action), stdin = "null",
            stderr = "null",
        }
        local kind <const>, number <const> = address:match "^(%u%u%u)%d?%-[%u%d]+:(%d+)"
        acts:run_until(function()
            return listens(process, kind:lower(), tonumber(number))
        end, address)
        return process
    end

    local function forward(options)
        options.netns = there
        return acts:add(assert(port.forward(options)))
    end

    -- Forwards a new port of ours, and returns its number.
    local function forward_one(protocol, target, options)
        options = options or {}
        local socket <close>, number <const> = assert(port.listen(protocol,
            options.address or "127.0.0.1", 0))
        options.address = nil
        options.ports = { { socket, target } }
        return number, forward(options)
    end

    -- What a client hears that says `text`, and ends its side then.
    local function ask(address, text)
        local client <const> = acts:spawn {
            argv = { "socat", "-t", "10", "-", address }, stdin = "pipe", stdout = "pipe",
            stderr = "null",
        }
        acts:add(core.stream.writer(client:stdin(), text))
        return acts:add(core.stream.reader(client:stdout()))
    end

    local function answer(address, text)
        return (acts:finish(ask(address, text)))
    end

    -- A client that sends a datagram, and a function for the first line that it hears. Nothing
    -- tells socat that there is no more to come, so it is killed then.
    local function ask_datagram(number, text, address)
        local output <const>, path <const> = acts:file()
        local client <const> = acts:spawn {
            argv = { "socat", "-t", "100", "-b", "65507", "-",
                ("UDP:%s:%d"):format(address or "127.0.0.1", number) },
            stdin = "pipe", stdout = output, stderr = "null",
        }
        acts:add(core.stream.writer(client:stdin(), text))
        return function()
            local heard <const> = acts:run_until(function()
                return core.file.read(path):match "^.*\n"
            end, "an answer")
            client:kill "KILL"
            return heard
        end
    end

    local function answer_datagram(number, text)
        return ask_datagram(number, text)()
    end

    it("reaches a service from 127.0.0.1 and ::1", function()
        serve("TCP-LISTEN:80,fork,reuseaddr", "EXEC:rev")
        local v4 <close>, v4_number <const> = assert(port.listen("tcp", "127.0.0.1", 0))
        local v6 <close>, v6_number <const> = assert(port.listen("tcp", "::1", 0))
        forward { ports = { { v4, 80 }, { v6, 80 } } }
        assert.equal("olleh\n", answer("TCP:127.0.0.1:" .. v4_number, "hello\n"))
        assert.equal("olleh\n", answer(("TCP:[::1]:%d"):format(v6_number), "hello\n"))
    end)

    for _, address in ipairs { "10.9.8.7", "127.0.0.1" } do
        it("reaches a service that listens at " .. address .. " alone", function()
            add_interfaces()
            serve("TCP-LISTEN:80,fork,reuseaddr,bind=" .. address, "EXEC:rev")
            assert.equal("4v\n", answer("TCP:127.0.0.1:" .. forward_one("tcp", 80), "v4\n"))
            serve("UDP-RECVFROM:53,fork,bind=" .. address, "EXEC:rev")
            assert.equal("4v\n", answer_datagram(forward_one("udp", 53), "v4\n"))
        end)
    end

    for _, address in ipairs { "2001:db8::7", "::1" } do
        it("reaches a service that listens at " .. address .. " alone", function()
            add_interfaces()
            serve(("TCP6-LISTEN:80,fork,reuseaddr,ipv6-v6only,bind=[%s]"):format(address),
                "EXEC:rev")
            assert.equal("6v\n", answer("TCP:127.0.0.1:" .. forward_one("tcp", 80), "v6\n"))
            serve(("UDP6-RECVFROM:53,fork,ipv6-v6only,bind=[%s]"):format(address), "EXEC:rev")
            assert.equal("6v\n", answer_datagram(forward_one("udp", 53), "v6\n"))
        end)
    end

    it("comes to a service as if from outside, where it can", function()
        add_interfaces()
        serve("TCP-LISTEN:80,fork,reuseaddr", "SYSTEM:echo $SOCAT_PEERADDR")
        assert.equal("10.9.8.7\n", answer("TCP:127.0.0.1:" .. forward_one("tcp", 80), ""))
    end)

    it("lets a service answer after the client has said all", function()
        serve("TCP-LISTEN:80,fork,reuseaddr", "SYSTEM:wc -c")
        assert.equal("100000\n",
            answer("TCP:127.0.0.1:" .. forward_one("tcp", 80), ("x"):rep(100000)))
    end)

    it("brings all that many clients say to the service and back", function()
        serve("TCP-LISTEN:80,fork,reuseaddr,backlog=64", "EXEC:cat")
        local number <const>, forwarding <const> = forward_one("tcp", 80)
        local texts, answers = {}, {}
        for i = 1, 20 do
            texts[i] = (("%d "):format(i)):rep(200000)
            answers[i] = ask("TCP:127.0.0.1:" .. number, texts[i])
        end
        for i = 1, 20 do
            assert.is_true(texts[i] == acts:finish(answers[i]))
        end
        acts:run_until(function() return forwarding.pending:clients() == 0 end, "all are gone")
    end)

    -- A client that goes on to speak, and a function that waits until it has heard so many bytes.
    local function converse(number)
        local output <const>, path <const> = acts:file()
        local client <const> = acts:spawn {
            argv = { "socat", "-b", "262144", "-", "TCP:127.0.0.1:" .. number }, stdin = "pipe",
            stdout = output, stderr = "null",
        }
        local heard = 0
        return function(text)
            acts:add(core.stream.writer(client:stdin(), text, { close = false }))
            heard = heard + #text
            acts:run_until(function()
                return core.file.stat(path).size == heard
            end, ("%d bytes"):format(heard))
        end
    end

    it("holds nothing back, be it much or little that came before", function()
        serve("TCP-LISTEN:80,fork,reuseaddr", "EXEC:cat")
        local say <const> = converse((forward_one("tcp", 80)))
        for _, size in ipairs { 1, 5000001, 1, 1, 300007, 2, 70001, 1 } do
            say(("x"):rep(size))
        end
    end)

    it("brings a word while others bring as much as there is room for", function()
        serve("TCP-LISTEN:80,fork,reuseaddr", "EXEC:cat")
        serve("TCP-LISTEN:81,fork,reuseaddr", "OPEN:/dev/zero")
        local echo <close>, number <const> = assert(port.listen("tcp", "127.0.0.1", 0))
        local flood <close>, flood_number <const> = assert(port.listen("tcp", "127.0.0.1", 0))
        forward { ports = { { echo, 80 }, { flood, 81 } } }
        local output <const>, path <const> = acts:file()
        local client <const> = acts:spawn {
            argv = { "sh", "-c", "socat -u TCP:127.0.0.1:$0 - | head -c 256M | wc -c",
                tostring(flood_number) },
            stdout = output, stderr = "null",
        }
        local say <const> = converse(number)
        for _ = 1, 20 do
            say "x"
        end
        acts:run_until(function()
            return core.file.read(path) == "268435456\n"
        end, "all that was asked for")
        client:kill "KILL"
    end)

    it("doesn't read from one side what the other won't take", function()
        local server <const> = serve("TCP-LISTEN:80,reuseaddr", "EXEC:sleep 1000")
        local number <const> = forward_one("tcp", 80)
        local client <const> = acts:spawn {
            argv = { "socat", "-u", "-", "TCP:127.0.0.1:" .. number }, stdin = "pipe",
            stderr = "null",
        }
        local writing <const> = acts:add(core.stream.writer(client:stdin(), ("x"):rep(64 << 20)))
        acts:pass(0.5)
        assert.is_nil(writing.results)
        local status <const> = core.file.read "/proc/self/stat"
        acts:pass(0.5)
        -- utime and stime, the 14th and 15th field (proc(5)), in hundredths of a second
        local function busy(text)
            local user <const>, system <const> = text:match "%) %S+ (.*)":match(
                ("%S+ "):rep(10) .. "(%d+) (%d+)")
            return tonumber(user) + tonumber(system)
        end
        assert.is_true(busy(core.file.read "/proc/self/stat") - busy(status) < 25)
        server:kill "KILL"
        client:kill "KILL"
    end)

    it("resets a connection for which nobody listens", function()
        local number <const>, forwarding <const> = forward_one("tcp", 80)
        assert.equal("", answer("TCP:127.0.0.1:" .. number, "hello\n"))
        assert.equal(0, forwarding.pending:clients())
    end)

    it("passes on that the service has died", function()
        local server <const> = serve("TCP-LISTEN:80,reuseaddr", "PIPE")
        local number <const>, forwarding <const> = forward_one("tcp", 80)
        local client <const> = acts:spawn {
            argv = { "socat", "-", "TCP:127.0.0.1:" .. number }, stdin = "pipe", stdout = "pipe",
            stderr = "null",
        }
        local heard <const> = acts:add(core.stream.reader(client:stdout()))
        acts:run_until(function() return forwarding.pending:clients() == 1 end, "it is connected")
        server:kill "KILL"
        acts:finish(heard)
        acts:run_until(function() return forwarding.pending:clients() == 0 end, "it is let go")
    end)

    it("has clients wait when there are as many as there may be", function()
        serve("TCP-LISTEN:80,fork,reuseaddr", "EXEC:cat")
        local number <const>, forwarding <const> = forward_one("tcp", 80, { connections = 2 })
        local held <const> = {}
        for i = 1, 2 do
            held[i] = acts:spawn {
                argv = { "socat", "-", "TCP:127.0.0.1:" .. number }, stdin = "pipe",
                stdout = "null",
            }
        end
        acts:run_until(function() return forwarding.pending:clients() == 2 end, "two connected")
        local third <const> = ask("TCP:127.0.0.1:" .. number, "third\n")
        acts:pass(0.2)
        assert.equal(2, forwarding.pending:clients())
        assert.is_nil(third.results)
        held[1]:kill "KILL"
        assert.equal("third\n", acts:finish(third))
    end)

    it("has a thousand clients, and gives back all that they had", function()
        local server <const> =
            serve("TCP-LISTEN:80,fork,max-children=1,backlog=2000", "EXEC:cat")
        local number <const>, forwarding <const> = forward_one("tcp", 80)
        local own <close> = assert(core.netns.open "/proc/self/ns/net")
        local clients <const> = {}
        for i = 1, 1000 do
            clients[i] = acts:finish(acts:add(core.connection.open(own, "127.0.0.1", number)))
        end
        acts:run_until(function() return forwarding.pending:clients() == 1000 end, "all came")
        for _, client in ipairs(clients) do
            client:close()
        end
        server:kill "KILL" -- it has accepted one, and the kernel the others
        acts:run_until(function() return forwarding.pending:clients() == 0 end, "all are gone")
    end)

    it("brings the answers to datagrams to who has asked", function()
        serve("UDP-RECVFROM:53,fork", "EXEC:rev")
        local number <const>, forwarding <const> = forward_one("udp", 53)
        for i = 1, 5 do -- nobody repeats a datagram that a busy server of socat's has missed
            assert.equal(("tneilc %d\n"):format(i),
                ask_datagram(number, ("%d client\n"):format(i))())
        end
        assert.equal(5, forwarding.pending:clients())
    end)

    it("answers datagrams from the address that was asked", function()
        serve("UDP-RECVFROM:53,fork", "EXEC:rev")
        for own, asked in pairs { ["0.0.0.0"] = "127.0.0.7", ["::"] = "[::1]" } do
            local number <const> = forward_one("udp", 53, { address = own })
            -- socat takes answers from where it has asked alone.
            assert.equal("olleh\n", ask_datagram(number, "hello\n", asked)())
        end
    end)

    it("brings the largest datagram there is", function()
        serve("UDP-RECVFROM:53,fork", "SYSTEM:wc -c")
        assert.equal("65507\n", answer_datagram(forward_one("udp", 53), ("x"):rep(65507)))
    end)

    it("forgets a sender of datagrams that is silent", function()
        local number <const>, forwarding <const> = forward_one("udp", 53, { silence = 0.3 })
        serve("UDP-RECVFROM:53,fork", "EXEC:rev")
        assert.equal("a\n", answer_datagram(number, "a\n"))
        acts:run_until(function() return forwarding.pending:clients() == 0 end, "it is forgotten")
        assert.equal("b\n", answer_datagram(number, "b\n"))
    end)

    it("remembers no more senders of datagrams than it may", function()
        serve("UDP-RECVFROM:53,fork", "EXEC:rev")
        local number <const>, forwarding <const> = forward_one("udp", 53, { flows = 2 })
        for _ = 1, 4 do
            assert.equal("a\n", answer_datagram(number, "a\n"))
            assert.is_true(forwarding.pending:clients() <= 2)
        end
    end)

    it("finds a service for datagrams that has started again", function()
        local number <const>, forwarding <const> = forward_one("udp", 53)
        serve("UDP-RECVFROM:53,fork", "EXEC:rev"):close()
        ask_datagram(number, "lost\n")
        acts:run_until(function() return forwarding.pending:clients() == 0 end, "nobody has it")
        serve("UDP-RECVFROM:53,fork", "EXEC:rev")
        assert.equal("dnuof\n", answer_datagram(number, "found\n"))
    end)

    it("ends when a process does", function()
        local process <const> = acts:spawn { argv = { "sleep", "1000" } }
        local _, forwarding <const> = forward_one("tcp", 80, { process = process:pid() })
        acts:pass(0.1)
        assert.is_nil(forwarding.results)
        process:kill "KILL"
        assert.equal("ended", acts:finish(forwarding))
    end)

    it("ends when it has been idle for long, but not while there is a client", function()
        serve("TCP-LISTEN:80,fork,reuseaddr", "EXEC:cat")
        local socket <close>, number <const> = assert(port.listen("tcp", "127.0.0.1", 0))
        local client <const> = acts:spawn {
            argv = { "socat", "-", "TCP:127.0.0.1:" .. number }, stdin = "pipe", stdout = "null",
        }
        acts:run_until(function() return is_connected(number) end, "a connection")
        local forwarding <const> = forward { idle = 0.2, ports = { { socket, 80 } } }
        acts:run_until(function() return forwarding.pending:clients() == 1 end, "a client")
        acts:pass(0.4)
        assert.is_nil(forwarding.results)
        client:kill "KILL"
        assert.equal("idle", acts:finish(forwarding))
    end)
end)
