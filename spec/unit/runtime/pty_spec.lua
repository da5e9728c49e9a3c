local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local program <const> = require "spec.support.program"
local stages <const> = require "spec.support.stage"
local task <const> = require "sdme.task"

local process <const>, pty <const>, stream <const> = core.process, core.pty, core.stream

local ESCAPE <const> = "\x1d"

describe("a pty", function()
    local master, slave, path

    before_each(function()
        master, slave, path = assert(pty.open())
    end)

    after_each(function()
        master:close()
        slave:close()
    end)

    it("is two ends of a terminal", function()
        assert.is_true(pty.isatty(master))
        assert.is_true(pty.isatty(slave))
        assert.matches("^/dev/pts/%d+$", path)
    end)

    it("has a size", function()
        assert.is_true(pty.set_size(master, 30, 100))
        assert.same({ 30, 100 }, { pty.size(slave) })
    end)

    it("doesn't show what is typed, until it is told to again", function()
        local function echoed(text)
            task.await(stream.writer(master, text, { close = false }))
            local chunks <close>, seen = stream.chunks(master), ""
            while not seen:find "\n" do
                seen = seen .. task.await(chunks)
            end
            return seen
        end
        do
            local hidden <close> = assert(pty.hide(slave))
            assert.equal("\r\n", echoed "secret\n")
            hidden:close()
            assert.equal("shown\r\n", echoed "shown\n")
        end
        assert.equal("shown\r\n", echoed "shown\n")
        local file <close> = assert(io.open "/dev/null")
        assert.equal("ENOTTY", select(3, pty.hide(file)))
    end)

    it("is told from what is none", function()
        local file <close> = assert(io.open "/dev/null")
        assert.is_false(pty.isatty(file))
        local rows <const>, message <const>, code <const> = pty.size(file)
        assert.is_nil(rows)
        assert.matches("^get the window size of descriptor %d+: Inappropriate ioctl", message)
        assert.equal("ENOTTY", code)
        assert.has_error(function() pty.set_size(file, -1, 70000) end)
    end)

    it("leaves no descriptor behind", function()
        local count <const> = ("ls /proc/%d/fd | wc -l"):format(process.identity().pid)
        local before <const> = program.shell(count)
        for _ = 1, 20 do
            local other <close>, terminal <const> = pty.open()
            local forward <close> =
                pty.forward { master = other, input = terminal, output = terminal }
            assert.is_false((forward:step()))
            assert.is_nil((pty.forward { master = other, input = 900 }))
            terminal:close()
        end
        assert.equal(before, (program.shell(count)))
    end)
end)

describe("a terminal that is forwarded", function()
    local stage, host, master, child

    -- A program on a pty of its own, to which `host` is joined; nil, message, code if it can't be.
    local function join(script, options)
        local slave
        master, slave = pty.open()
        stage.opened[#stage.opened + 1] = master
        child = stage:spawn {
            argv = { "/bin/bash", "--norc", "-c", script },
            stdin = slave, stdout = slave, stderr = slave,
            session = true, controlling_terminal = slave,
        }
        slave:close()
        options = options or {}
        options.master = master
        options.input = options.input or host.slave
        options.output = options.output or host.slave
        return stage:add(pty.forward(options))
    end

    before_each(function()
        stage = stages.open()
        host = stage:terminal()
    end)

    after_each(function()
        stage:close()
    end)

    it("shows what the program prints, and types what is typed", function()
        local act <const> = join 'echo ready; read line; echo "got <$line>"'
        host:expect "ready\r\n"
        host:type "some text\r"
        host:expect "got <some text>\r\n"
        assert.equal("hangup", stage:finish(act))
    end)

    it("is raw meanwhile, and as before afterwards", function()
        local before <const> = host:mode()
        assert.is_true(before.icanon and before.echo and before.isig and before.opost)
        local act <const> = join "echo ready; read line"
        host:expect "ready"
        local during <const> = host:mode()
        for _, flag in ipairs { "icanon", "echo", "isig", "opost", "icrnl", "ixon" } do
            assert.is_false(during[flag], flag)
        end
        host:type "\r"
        stage:finish(act)
        assert.same(before, host:mode())
    end)

    it("is as before when forwarding is closed, dropped, or can't begin", function()
        local before <const> = host:mode()
        local act <const> = join "sleep 60"
        assert.is_false(host:mode().icanon)
        act.pending:close()
        assert.same(before, host:mode())
        act.results = {}

        local function forward_and_drop()
            local dropped <const> =
                assert(pty.forward { master = master, input = host.slave, output = host.slave })
            assert.is_false(host:mode().icanon)
            return tostring(dropped)
        end
        forward_and_drop()
        collectgarbage()
        collectgarbage()
        assert.same(before, host:mode())

        local forward <const>, message <const>, code <const> =
            pty.forward { master = master, input = host.slave, output = 900 }
        assert.is_nil(forward)
        assert.equal("output: descriptor 900: Bad file descriptor", message)
        assert.equal("EBADF", code)
        assert.same(before, host:mode())
    end)

    it("is raw for input only if output goes elsewhere", function()
        join("sleep 60", { output = (stage:file()) })
        assert.is_false(host:mode().icanon)
        assert.is_true(host:mode().opost)
    end)

    it("is raw for output only if input comes from elsewhere", function()
        local null <close> = assert(io.open "/dev/null")
        local before <const> = host:mode()
        local act <const> = join("sleep 60", { input = null })
        assert.is_true(host:mode().icanon)
        assert.is_false(host:mode().opost)
        act.pending:close()
        assert.same(before, host:mode())
    end)

    it("hands interrupts to the program", function()
        local act <const> = join "trap 'echo interrupted; exit' INT; echo ready; sleep 60 & wait"
        host:expect "ready"
        host:type "\x03"
        host:expect "interrupted"
        assert.equal("hangup", stage:finish(act))
    end)

    it("has the program see its size, from the start and when it changes", function()
        pty.set_size(host.slave, 33, 111)
        -- What tells of a change: here a pipe, in the interpreter a signalfd.
        local bell <const> = stage:spawn { argv = { "cat" }, stdin = "pipe", stdout = "pipe" }
        local act <const> =
            join("while stty size; do sleep 0.02; done", { resize = bell:stdout() })
        host:expect "33 111\r\n"
        for _, size in ipairs { { 44, 122 }, { 5, 6 } } do
            pty.set_size(host.slave, size[1], size[2])
            host:expect(("%d %d\r\n"):format(size[1], size[2]))
        end
        child:kill "STOP"
        stage:pass(0.1)
        local descriptor <const>, events <const> = act.pending:poll()
        local function is_ready(seconds)
            return core.poll.wait({ { descriptor, events } }, seconds)[1] == true
        end
        assert.is_false(is_ready(0))
        assert.is_true((stream.writer(bell:stdin(), "x", { close = false }):step()))
        assert.is_true(is_ready(20))
        stage:pass(0.02)
        assert.is_false(is_ready(0))
        bell:stdin():close()
        assert.is_true(is_ready(20))
        stage:pass(0.02)
        assert.is_false(is_ready(0))
    end)

    it("tells the interpreter of its changes by itself", function()
        local command <const>, path <const> = program.lua_command [[
            local master <const>, slave <const> = core.pty.open()
            local child <const> = core.process.spawn {
                argv = { "sh", "-c",
                    "trap 'stty size' WINCH; stty size; while :; do sleep 0.01; done" },
                stdin = slave, stdout = slave, session = true, controlling_terminal = slave }
            slave:close()
            task.await(core.pty.forward { master = master })]]
        finally(function() os.remove(path) end)
        needs.that(command:find "/sdme' run", "the interpreter")
        stage:spawn {
            argv = { "sh", "-c", "exec " .. command },
            stdin = host.slave, stdout = host.slave, stderr = host.slave,
            session = true, controlling_terminal = host.slave,
        }
        host:expect "24 80\r\n"
        pty.set_size(host.slave, 44, 122)
        host:expect "44 122\r\n"
    end)

    describe("ends by three ^]", function()
        it("in one go or one by one", function()
            for _, keys in ipairs {
                { ESCAPE:rep(3) }, { "a" .. ESCAPE, ESCAPE, ESCAPE .. "b" }, { ESCAPE:rep(5) },
            } do
                local before <const> = host:mode()
                local act <const> = join "stty raw; echo ready; sleep 60"
                host:expect "ready"
                for _, key in ipairs(keys) do
                    host:type(key)
                    stage:pass(0.05)
                end
                assert.equal("escaped", stage:finish(act))
                assert.same(before, host:mode())
                child:close()
            end
        end)

        it("even if the program takes no input", function()
            local act <const> = join "stty raw -echo; echo ready; sleep 60"
            host:expect "ready"
            host:type(("x"):rep(20000) .. ESCAPE:rep(3))
            assert.equal("escaped", stage:finish(act))
        end)

        it("but not if something else comes between or it takes too long", function()
            local act <const> = join "stty raw -echo; echo ready; head -c 9 | od -An -c -w9"
            host:expect "ready"
            host:type(ESCAPE:rep(2) .. "x" .. ESCAPE)
            host:type("y" .. ESCAPE:rep(2))
            stage:pass(1.1)
            host:type(ESCAPE .. "z")
            host:expect " 035 035   x 035   y 035 035 035   z"
            assert.equal("hangup", stage:finish(act))
        end)

        it("but not if that is switched off", function()
            local act <const> =
                join("stty raw -echo; echo ready; head -c 3 | od -An -c", { escape = false })
            host:expect "ready"
            host:type(ESCAPE:rep(3))
            host:expect " 035 035 035"
            assert.equal("hangup", stage:finish(act))
        end)

        it("but not if it isn't somebody who types", function()
            local source <const> = stage:spawn { argv = { "cat" }, stdin = "pipe", stdout = "pipe" }
            local act <const> = join("stty raw -echo; echo ready; head -c 3 | od -An -c",
                { input = source:stdout() })
            host:expect "ready"
            stage:add(stream.writer(source:stdin(), ESCAPE:rep(3)))
            host:expect " 035 035 035"
            assert.equal("hangup", stage:finish(act))
        end)
    end)

    describe("is at its end", function()
        it("when the program was killed, and all of its output was shown", function()
            local file <const>, path <const> = stage:file()
            local act <const> = join("stty raw; seq 20000; kill -KILL $$", { output = file })
            assert.equal("hangup", stage:finish(act))
            local shown <close> = assert(io.open(path))
            assert.equal((program.shell "seq 20000"), (shown:read "a"))
        end)

        it("when it is told to drain, even if the pty is still in use", function()
            local act <const> = join "echo shown; sleep 60"
            host:expect "shown"
            stage:pass(0.05)
            assert.is_nil(act.results)
            assert.is_nil((select(3, act.pending:poll())))
            act.pending:drain()
            assert.equal(0, (select(3, act.pending:poll())))
            assert.equal("hangup", stage:finish(act))
        end)

        it("when it is told to drain, and not at a hang-up, if it may be opened again", function()
            local path, slave
            master, slave, path = pty.open()
            stage.opened[#stage.opened + 1] = master
            slave:close()
            local act <const> = stage:add(pty.forward {
                master = master, input = host.slave, output = host.slave, until_drained = true,
            })
            host:type "early\r"
            for _ = 1, 2 do
                stage:pass(0.05)
                local terminal <close> = assert(io.open(path, "r+"))
                child = stage:spawn {
                    argv = { "sh", "-c", "read line; echo got $line" },
                    stdin = terminal, stdout = terminal, session = true,
                }
                terminal:close()
                host:expect "got early\r\n"
                host:type "early\r"
            end
            assert.is_nil(act.results)
            act.pending:drain()
            assert.equal("hangup", stage:finish(act))
        end)

        it("when nobody reads its output any more", function()
            for _, script in ipairs { "while echo y; do :; done", "sleep 60" } do
                local before <const> = host:mode()
                local sink <const> = stage:spawn { argv = { "sleep", "60" }, stdin = "pipe" }
                local act <const> = join(script, { output = sink:stdin() })
                stage:pass(0.05)
                sink:kill "KILL"
                local result <const>, message <const>, code <const> = stage:finish(act)
                assert.is_nil(result)
                assert.equal("write to the output: Broken pipe", message)
                assert.equal("EPIPE", code)
                assert.same(before, host:mode())
            end
        end)
    end)

    describe("takes input that is no terminal", function()
        -- Once the program is ready, its input is `text` and then at its end.
        local function join_text(script, text)
            local source <const> = stage:spawn { argv = { "cat" }, stdin = "pipe", stdout = "pipe" }
            local act <const> = join(script, { input = source:stdout() })
            host:expect "ready\r\n"
            stage:add(stream.writer(source:stdin(), text))
            return act
        end

        it("and tells the program of its end", function()
            local act <const> = join_text("stty -echo; echo ready; cat; echo after", "one\ntwo\n")
            assert.equal("hangup", stage:finish(act))
            host:expect "after\r\n"
            assert.equal("ready\r\none\r\ntwo\r\nafter\r\n", host:shown())
        end)

        it("even in the middle of a line", function()
            local act <const> = join_text("stty -echo; echo ready; cat; echo; echo after",
                "one\ntwo")
            assert.equal("hangup", stage:finish(act))
            host:expect "after\r\n"
            assert.equal("ready\r\none\r\ntwo\r\nafter\r\n", host:shown())
        end)

        it("by the character that the program's terminal has for it", function()
            local act <const> = join_text("stty -echo eof ^X; echo ready; cat; echo after", "")
            assert.equal("hangup", stage:finish(act))
            host:expect "after\r\n"
            assert.equal("ready\r\nafter\r\n", host:shown())
        end)

        it("and there is none", function()
            local null <close> = assert(io.open "/dev/null")
            local act <const> = join("stty -echo; cat; echo after", { input = null })
            assert.equal("hangup", stage:finish(act))
            host:expect "after\r\n"
        end)

        it("and passes 1 MB of any bytes both ways", function()
            local bytes <const> = {}
            for i = 0, 255 do
                bytes[i + 1] = string.char(i)
            end
            local data <const> = table.concat(bytes):rep(4096)
            local source <const> = stage:spawn { argv = { "cat" }, stdin = "pipe", stdout = "pipe" }
            local file <const>, path <const> = stage:file()
            local act <const> = join(("stty raw -echo; printf R; exec head -c %d"):format(#data),
                { input = source:stdout(), output = file })
            local function shown()
                local copy <close> = assert(io.open(path, "rb"))
                return copy:read "a"
            end
            stage:run_until(function() return shown() == "R" end, "raw mode")
            stage:add(stream.writer(source:stdin(), data, { close = false }))
            assert.equal("hangup", stage:finish(act))
            assert.is_true(shown() == "R" .. data)
        end)
    end)

    it("waits for an output that is slow", function()
        local sink <const> = stage:spawn {
            argv = { "sh", "-c", "read line <&3; exec cat" },
            stdin = "pipe", stdout = "pipe", descriptors = { [3] = host.slave },
        }
        local act <const> = join("stty raw -echo; seq 100000", { output = sink:stdin(),
            input = (assert(io.open "/dev/null")) })
        stage:pass(0.3)
        assert.is_nil(act.results)
        host:type "now\n"
        local reader <const> = stage:add(stream.reader(sink:stdout()))
        assert.equal("hangup", stage:finish(act))
        sink:stdin():close()
        assert.is_true(stage:finish(reader) == (program.shell "seq 100000"))
    end)

    it("keeps the flags of the caller's descriptors", function()
        local function flags()
            return (program.shell(("grep flags /proc/%d/fdinfo/%d"):format(
                process.identity().pid, host.slave:fileno())))
        end
        local before <const> = flags()
        local act <const> = join "echo ready; read line"
        host:expect "ready"
        assert.equal(before, flags())
        act.pending:close()
        act.results = {}
        assert.equal(before, flags())
    end)

    -- Somebody's shell with job control, and the forwarding as a job of it.
    describe("of a process in the background", function()
        local path

        local function start(after)
            local command
            command, path = program.lua_command [[
                local master <const>, slave <const> = core.pty.open()
                local child <const> = core.process.spawn {
                    argv = { "sh", "-c", "stty -echo; echo guest; read line; echo got $line" },
                    stdin = slave, stdout = slave, session = true, controlling_terminal = slave }
                slave:close()
                io.stderr:write(task.await(core.pty.forward { master = master }), "\n")]]
            return stage:spawn {
                argv = { "/bin/bash", "--norc", "-c", ("set -m; %s & %s"):format(command, after) },
                stdin = host.slave, stdout = host.slave, stderr = host.slave,
                session = true, controlling_terminal = host.slave,
            }
        end

        after_each(function()
            os.remove(path)
        end)

        it("shows output, and leaves input and mode to the foreground", function()
            local before <const> = host:mode()
            start 'read line; echo "shell got $line"; wait'
            host:expect "guest"
            assert.same(before, host:mode())
            host:type "for the shell\n"
            host:expect "shell got for the shell"
            assert.same(before, host:mode())
        end)

        it("goes on when that may not write to the terminal", function()
            start "stty tostop; wait"
            host:expect "guest"
        end)

        it("takes input and mode once it is in the foreground", function()
            local before <const> = host:mode()
            start 'read line; fg >/dev/null; echo "shell is back"; read line'
            host:expect "guest"
            host:type "go\n"
            stage:run_until(function() return not host:mode().icanon end, "raw mode")
            host:type "for the guest\r"
            host:expect "got for the guest"
            host:expect "hangup"
            host:expect "shell is back"
            assert.same(before, host:mode())
        end)
    end)
end)
