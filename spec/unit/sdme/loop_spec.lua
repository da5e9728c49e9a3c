-- Waiting in a loop of somebody else.

local bus <const> = require "spec.support.private_bus"
local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

-- A loop as a program might have it: coroutines that say what they wait for. It goes on with one at
-- a time, the one that came last, so that the others have to notice what that one did for them.
local function new_loop()
    local waiting <const>, loop <const> = {}, {}
    local function resume(thread, ...)
        local fine <const>, descriptor <const>, seconds <const> = coroutine.resume(thread, ...)
        assert(fine, descriptor)
        if coroutine.status(thread) ~= "dead" then
            waiting[#waiting + 1] = {
                thread = thread, descriptor = descriptor,
                deadline = seconds and core.poll.now() + seconds or math.huge,
            }
        end
    end
    function loop.spawn(body)
        resume(coroutine.create(body))
    end
    local function look()
        local entries <const>, deadline = {}, math.huge
        for i, one in ipairs(waiting) do
            entries[i], deadline = { one.descriptor, "r" }, math.min(deadline, one.deadline)
        end
        local left <const> = math.max(0, deadline - core.poll.now())
        return assert(core.poll.wait(entries, left < math.huge and left or nil))
    end
    function loop.run()
        while #waiting > 0 do
            local ready <const> = look()
            for i = #waiting, 1, -1 do
                if ready[i] or waiting[i].deadline <= core.poll.now() then
                    resume(table.remove(waiting, i).thread)
                    break
                end
            end
        end
    end
    return loop
end

describe("task.set_poll", function()
    after_each(function()
        task.set_poll(nil)
    end)

    it("takes a function or nil, and returns what was set before", function()
        assert.has_error(function() task.set_poll "loop" end,
            "set_poll takes a function or nil, not a string")
        local function poll() end
        assert.is_nil(task.set_poll(poll))
        assert.equal(poll, task.set_poll(nil))
    end)

    it("has await wait for the one descriptor and the seconds that it is given", function()
        local from <const>, to <const> = core.stream.pipe()
        local asked <const> = {}
        task.set_poll(function(descriptor, seconds)
            asked[#asked + 1] = seconds or "no end"
            to:close()
            assert.same({ true }, core.poll.wait({ { descriptor, "r" } }, 10))
        end)
        assert.equal("", task.await(core.stream.reader(from)))
        from:close()
        assert.same({ "no end" }, asked)
        task.sleep(0)
        assert.same({ "no end" }, asked)
        task.set_poll(function(_, seconds)
            asked[#asked + 1] = seconds <= 0.01
            core.poll.wait({}, seconds)
        end)
        task.sleep(0.01)
        assert.is_true(asked[2])
    end)

    it("may be left before anything is ready", function()
        local rounds = 0
        task.set_poll(function()
            rounds = rounds + 1
        end)
        task.sleep(0.01)
        assert.is_true(rounds > 1)
    end)

    it("lets coroutines of the program wait side by side, and groups in them", function()
        local loop <const>, order <const> = new_loop(), {}
        task.set_poll(coroutine.yield)
        loop.spawn(function()
            task.sleep(0.02)
            order[#order + 1] = "slow"
        end)
        loop.spawn(function()
            order[#order + 1] = table.concat({ task.all(function()
                task.sleep(0.01)
                return "a"
            end, function()
                return "b"
            end) })
        end)
        loop.spawn(function()
            local process <close> = assert(core.process.spawn { argv = { "true" } })
            assert.equal(0, task.await(process:wait()).code)
        end)
        loop.run()
        assert.same({ "ab", "slow" }, order)
    end)

    it("wakes a coroutine whose answer another one has read", function()
        local server <const>, missing <const> = bus.start()
        needs.that(server, missing)
        local connection <close> = assert(core.bus.open_address(server.address))
        local loop <const>, answers = new_loop(), 0
        task.set_poll(coroutine.yield)
        for _ = 1, 5 do
            loop.spawn(function()
                for _ = 1, 20 do
                    assert.truthy(task.await(connection:call {
                        destination = "org.freedesktop.DBus", path = "/org/freedesktop/DBus",
                        interface = "org.freedesktop.DBus", member = "GetId", timeout = 5,
                    }))
                    answers = answers + 1
                end
            end)
        end
        loop.run()
        server.stop()
        assert.equal(100, answers)
    end)

    it("has a coroutine learn that what it waits for was closed", function()
        local loop <const>, from <const>, to <const> = new_loop(), core.stream.pipe()
        local reader <const>, why = assert(core.stream.reader(from)), nil
        task.set_poll(coroutine.yield)
        loop.spawn(function()
            why = select(2, pcall(task.await, reader))
        end)
        loop.spawn(function()
            reader:close()
            task.sleep(0)
        end)
        loop.run()
        assert.matches("the reader is closed", why)
        from:close()
        to:close()
    end)

    it("raises what the loop raises, and lets what is cut off clean up", function()
        local turns, cleaned = 0, 0
        task.set_poll(function(descriptor, seconds)
            turns = turns + 1
            if turns == 1 then
                error("the program ends", 0)
            end
            core.poll.wait({ { descriptor, "r" } }, seconds)
        end)
        local function body()
            local guard <close> = setmetatable({}, { __close = function()
                task.sleep(0.001)
                cleaned = cleaned + 1
            end })
            task.sleep(60)
            return guard
        end
        assert.has_error(function() task.all(body, body) end, "the program ends")
        assert.equal(2, cleaned)
        turns = 0
        assert.has_error(function() task.sleep(60) end, "the program ends")
    end)

    it("leaves no descriptor behind, not even in a coroutine that is dropped", function()
        local function count()
            return #assert(core.file.list "/proc/self/fd")
        end
        local function sleeper()
            local thread <const> = coroutine.create(function() task.sleep(60) end)
            assert(coroutine.resume(thread))
            return thread
        end
        local function drop()
            sleeper()
            local closed <const> = sleeper()
            local held <const> = count()
            coroutine.close(closed)
            return held
        end
        local function collect()
            for _ = 1, 3 do -- of a thread on a stack that is still in use
                collectgarbage()
            end
        end
        collect()
        local before <const> = count()
        task.set_poll(coroutine.yield)
        assert.is_true(drop() > before)
        collect()
        assert.equal(before, count())
    end)

    it("tells of the interpreter's signals", function()
        local running <const> = core.file.readlink "/proc/self/exe"
        needs.that(running:find "/sdme$", "the interpreter")
        assert.equal("EINTR", shell.lua [[
            local task = require "sdme.task"
            task.set_poll(function()
                os.execute "kill -TERM $PPID"
            end)
            local _, why = pcall(task.sleep, 60)
            print(why.code)
        ]])
    end)
end)
