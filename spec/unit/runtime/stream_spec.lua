local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local program <const> = require "spec.support.program"
local stages <const> = require "spec.support.stage"
local task <const> = require "sdme.task"

local process <const>, stream <const> = core.process, core.stream

local function every_byte()
    local bytes <const> = {}
    for i = 0, 255 do
        bytes[i + 1] = string.char(i)
    end
    return table.concat(bytes)
end

local function read_file(path)
    local file <close> = assert(io.open(path, "rb"))
    return file:read "a"
end

-- The flags of a descriptor's open file description, which others share.
local function flags_of(descriptor)
    return (program.shell(("grep flags /proc/%d/fdinfo/%d"):format(
        process.identity().pid, descriptor:fileno())))
end

describe("core.stream", function()
    local stage

    before_each(function()
        stage = stages.open()
    end)

    after_each(function()
        stage:close()
    end)

    -- A pipe whose ends are two descriptors, made of a cat's.
    local function pipe()
        local cat <const> = stage:spawn { argv = { "cat" }, stdin = "pipe", stdout = "pipe" }
        return cat:stdout(), cat:stdin(), cat
    end

    local function file_with(text)
        local _, path <const> = stage:file()
        local file <close> = assert(io.open(path, "wb"))
        file:write(text)
        local copy <const> = assert(io.open(path, "rb"))
        stage.opened[#stage.opened + 1] = copy
        return copy
    end

    describe("reader", function()
        it("collects all up to the end", function()
            local data <const> = every_byte():rep(1000)
            assert.is_true(task.await(stream.reader(file_with(data))) == data)
            assert.equal("", task.await(stream.reader(file_with "")))
        end)

        it("takes as much as it is told, and not a byte more", function()
            assert.equal("12345", task.await(stream.reader(file_with "12345", { max = 5 })))
            local data <const>, message <const>, code <const> =
                task.await(stream.reader(file_with "123456", { max = 5 }))
            assert.is_nil(data)
            assert.equal("more than 5 bytes to read", message)
            assert.equal("EFBIG", code)
            assert.equal("EFBIG",
                select(3, task.await(stream.reader(file_with(("x"):rep(10000)), { max = 0 }))))
        end)

        it("stops an endless source at its limit", function()
            local zero <close> = assert(io.open("/dev/zero", "rb"))
            assert.equal("EFBIG", select(3, task.await(stream.reader(zero, { max = 1 << 20 }))))
        end)

        it("tells what it can't read", function()
            local reader <const>, message <const>, code <const> = stream.reader(900)
            assert.is_nil(reader)
            assert.equal("descriptor 900: Bad file descriptor", message)
            assert.equal("EBADF", code)
            local directory <close> = assert(io.open "/etc")
            assert.equal("EISDIR", select(3, task.await(stream.reader(directory))))
        end)

        it("takes a closed terminal for the end", function()
            local master <close>, slave <const> = core.pty.open()
            stage:finish(stage:add(stream.writer(slave, "last words")))
            assert.equal("last words", task.await(stream.reader(master)))
        end)
    end)

    describe("pipe", function()
        -- Whether so many bytes go in before anybody reads.
        local function takes(size, options)
            local from <const>, to <const> = stream.pipe(options)
            local done <const> = stream.writer(to, ("x"):rep(size), { close = false }):step()
            from:close()
            to:close()
            return done
        end

        it("takes as many bytes as it was asked for before they are read", function()
            assert.same({ true, false, true, false }, {
                takes(1 << 16), takes((1 << 16) + 1),
                takes(1 << 18, { size = 1 << 18 }), takes((1 << 18) + 1, { size = 1 << 18 }),
            })
        end)

        it("is made all the same where the host allows no such size", function()
            assert.is_true(takes(1 << 16, { size = 0x7fffffff }))
        end)

        it("refuses sizes that are none, and other options", function()
            assert.has_error(function() stream.pipe { size = -1 } end)
            assert.has_error(function() stream.pipe { size = 1 << 31 } end)
            assert.has_error(function() stream.pipe { length = 1 } end)
        end)
    end)

    describe("writer", function()
        it("writes everything, and closes the descriptor", function()
            local data <const> = every_byte():rep(4096)
            local from <const>, to <const> = pipe()
            local written <const>, got <const> = task.all(
                function() return task.await(stream.writer(to, data)) end,
                function() return task.await(stream.reader(from)) end
            )
            assert.equal(#data, written)
            assert.is_true(got == data)
            assert.has_error(function() to:fileno() end)
        end)

        it("leaves the descriptor open if asked", function()
            local file <const>, path <const> = stage:file()
            for _, word in ipairs { "one ", "two " } do
                task.await(stream.writer(file, word, { close = false }))
            end
            file:write "three"
            file:close()
            assert.equal("one two three", read_file(path))
        end)

        it("closes a descriptor that is closed already without a word", function()
            local file <const> = stage:file()
            local writer <const> = stream.writer(file, "text")
            file:close()
            assert.equal(4, task.await(writer))
        end)

        it("tells how much was written before its reader went away", function()
            local _, to <const>, cat <const> = pipe()
            cat:kill "KILL"
            task.await(cat:wait())
            assert.equal(0, task.await(stream.writer(to, "text")))
        end)

        it("dies of no SIGPIPE, whether that is ignored or not", function()
            for _, before in ipairs { "", "trap '' PIPE;" } do
                local output <const>, result <const> = program.lua([[
                    local child <const> = core.process.spawn { argv = { "true" }, stdin = "pipe" }
                    task.await(child:wait())
                    print(task.await(core.stream.writer(child:stdin(), ("x"):rep(1 << 20))))]],
                        before)
                assert.equal("0\n", output)
                assert.same({ code = 0 }, result)
            end
        end)
    end)

    describe("relay", function()
        it("copies every byte and counts them", function()
            local data <const> = every_byte():rep(4096)
            local file <const>, path <const> = stage:file()
            assert.equal(#data, task.await(stream.relay { from = file_with(data), to = file }))
            assert.is_true(read_file(path) == data)
        end)

        it("closes where it copies to if asked, so that a reader sees the end", function()
            local from <const>, to <const> = pipe()
            local count <const>, got <const> = task.all(
                function()
                    return task.await(stream.relay { from = file_with "text", to = to,
                        close = true })
                end,
                function() return task.await(stream.reader(from)) end
            )
            assert.equal(4, count)
            assert.equal("text", got)
        end)

        it("is over quietly when its reader goes away, at work or at rest", function()
            for _, source in ipairs { { "yes" }, { "sleep", "60" } } do
                local from <const> = stage:spawn { argv = source, stdout = "pipe" }
                local sink <const> = stage:spawn { argv = { "sleep", "60" }, stdin = "pipe" }
                local act <const> = stage:add(stream.relay { from = from:stdout(),
                    to = sink:stdin() })
                stage:pass(0.05)
                assert.is_nil(act.results)
                sink:kill "KILL"
                assert.is_number(stage:finish(act))
            end
        end)

        it("rests while there is nothing to do", function()
            local from <const>, to <const> = pipe()
            local file <const>, path <const> = stage:file()
            local relay <const> = stream.relay { from = from, to = file }
            assert.is_false((relay:step()))
            local descriptor <const>, events <const>, timeout <const> = relay:poll()
            assert.is_nil(timeout)
            assert.same({}, core.poll.wait({ { descriptor, events } }, 0))
            task.await(stream.writer(to, "text"))
            assert.equal(4, task.await(relay))
            assert.equal("text", read_file(path))
        end)

        it("waits for a reader that is slow, however long", function()
            local yes <const> = stage:spawn { argv = { "yes" }, stdout = "pipe" }
            local sink <const> = stage:spawn { argv = { "sleep", "60" }, stdin = "pipe" }
            local relay <const> = stream.relay { from = yes:stdout(), to = sink:stdin() }
            stage:add(relay)
            stage:pass(0.2)
            local descriptor <const>, events <const>, timeout <const> = relay:poll()
            assert.is_nil(timeout)
            assert.same({}, core.poll.wait({ { descriptor, events } }, 0))
        end)

        it("sets no flag on what it copies between", function()
            local source <const> = stage:spawn { argv = { "sleep", "60" }, stdout = "pipe" }
            local host <const> = stage:terminal()
            local input <const> = assert(io.open(host.path, "r+"))
            stage.opened[#stage.opened + 1] = input
            local before <const> = flags_of(host.slave)
            local relay <const> = stream.relay { from = host.slave, to = host.slave }
            stage:add(relay)
            stage:add(stream.relay { from = source:stdout(), to = host.slave })
            stage:pass(0.05)
            assert.equal(before, flags_of(host.slave))
        end)

        it("takes the end of input at a terminal for the end", function()
            local host <const> = stage:terminal()
            local file <const>, path <const> = stage:file()
            local act <const> = stage:add(stream.relay { from = host.slave, to = file })
            host:type "line\n\4"
            assert.equal(5, stage:finish(act))
            assert.equal("line\n", read_file(path))
        end)

        it("copies from a socket to itself, without flags", function()
            needs.program "socat"
            local command <const>, path <const> = program.lua_command [[
                local function flags()
                    return io.open("/proc/self/fdinfo/0"):read("a"):match "flags:%s*(%d+)"
                end
                local before <const> = flags()
                local relay <const> = core.stream.relay { from = 0, to = 1 }
                if not relay:step() then
                    assert(flags() == before)
                    task.await(relay)
                end]]
            finally(function() os.remove(path) end)
            local file <const>, script <const> = stage:file()
            file:write("exec ", command)
            file:close()
            assert.equal("there and back\n",
                (program.shell(("echo there and back | socat - 'EXEC:sh %s'"):format(script))))
        end)

        it("leaves a terminal alone while it is in the background", function()
            local host <const> = stage:terminal()
            local command <const>, path <const> = program.lua_command [[
                local cat <const> = core.process.spawn { argv = { "cat" }, stdin = "pipe" }
                print(task.await(core.stream.relay { from = 0, to = cat:stdin(), close = true }))
                task.await(cat:wait())]]
            finally(function() os.remove(path) end)
            stage:spawn {
                argv = { "/bin/bash", "--norc", "-c", ([[set -m; %s &
                    read line; echo "shell got $line"; jobs; fg >/dev/null
                    echo back]]):format(command) },
                stdin = host.slave, stdout = host.slave, stderr = host.slave,
                session = true, controlling_terminal = host.slave,
            }
            stage:pass(0.3)
            host:type "for the shell\n"
            host:expect "shell got for the shell"
            host:expect "Running"
            host:type "for the program\n\4"
            host:expect "for the program\r\n"
            host:expect "16\r\n"
            host:expect "back"
        end)
    end)
end)
