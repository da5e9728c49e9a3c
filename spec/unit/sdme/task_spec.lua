local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local task <const> = require "sdme.task"

-- A pending object that is done after some steps, with `...` as its results.
local function after(steps, ...)
    local results <const> = table.pack(...)
    return {
        poll = function()
            return nil, nil, 0
        end,
        step = function()
            steps = steps - 1
            if steps > 0 then
                return false
            end
            return true, table.unpack(results, 1, results.n)
        end,
    }
end

describe("sdme.task", function()
    describe("await", function()
        it("gives what the pending object ends with", function()
            assert.same({ 1, nil, "x", n = 3 }, table.pack(task.await(after(3, 1, nil, "x"))))
        end)

        it("steps what is done already just once", function()
            assert.equal("done", task.await(after(1, "done")))
        end)
    end)

    describe("timeout", function()
        it("gives up on what takes too long", function()
            local value, message, code = task.await(task.timeout(task.timer(60), 0.01))
            assert.is_nil(value)
            assert.equal("no answer in 0.01 seconds", message)
            assert.equal("ETIMEDOUT", code)
        end)

        it("passes on what is done in time", function()
            assert.equal("fine", task.await(task.timeout(after(2, "fine"), 60)))
        end)
    end)

    describe("together", function()
        it("returns the first result of each", function()
            assert.same({ 1, 2 }, { task.together(function()
                task.sleep(0.01)
                return 1
            end, function()
                return 2
            end) })
        end)

        it("ends the others, groups too, when one fails, and lets them clean up", function()
            local codes <const> = {}
            local function sleeper()
                local fine <const>, why <const> = pcall(task.sleep, 1000)
                codes[#codes + 1] = not fine and why.code
                task.sleep(0.01)
                codes[#codes + 1] = "clean"
                error(why, 0)
            end
            local ok <const>, why <const> = pcall(task.together, sleeper, function()
                task.all(sleeper)
            end, function()
                task.sleep(0.01)
                fault.raise("EX", nil, "it broke")
            end)
            assert.same({ false, "it broke" }, { ok, tostring(why) })
            assert.same({ "ECANCELED", "ECANCELED", "clean", "clean" }, codes)
        end)
    end)

    describe("all", function()
        it("runs functions side by side and returns the first result of each in order", function()
            local order <const> = {}
            local function worker(name, seconds)
                return function()
                    order[#order + 1] = "+" .. name
                    task.sleep(seconds)
                    order[#order + 1] = "-" .. name
                    return name
                end
            end
            assert.same({ "a", "b" }, { task.all(worker("a", 0.05), worker("b", 0.01)) })
            assert.same({ "+a", "+b", "-b", "-a" }, order)
        end)

        it("returns nothing for nothing", function()
            assert.equal(0, select("#", task.all()))
        end)

        it("may be nested", function()
            local function pair(name)
                return function()
                    return table.concat({ task.all(function()
                        task.sleep(0.01)
                        return name .. 1
                    end, function()
                        return name .. 2
                    end) }, " ")
                end
            end
            assert.same({ "a1 a2", "b1 b2" }, { task.all(pair "a", pair "b") })
        end)

        it("lets the others come to their end before it raises what one raised", function()
            local finished = false
            local ok, why = pcall(task.all, function()
                fault.raise("EX", nil, "it broke")
            end, function()
                task.sleep(0.01)
                finished = true
            end)
            assert.is_false(ok)
            assert.equal("it broke", tostring(why))
            assert.is_true(finished)
        end)

        it("closes what a function holds when it fails, even if that has to wait", function()
            local closed = false
            pcall(task.all, function()
                local guard <close> = setmetatable({}, { __close = function()
                    task.sleep(0.01)
                    closed = true
                end })
                assert(guard)
                error "gone"
            end)
            assert.is_true(closed)
        end)

        it("keeps a function's own coroutines apart from its waiting", function()
            local function numbers()
                return coroutine.wrap(function()
                    for i = 1, 3 do
                        coroutine.yield(i)
                    end
                end)
            end
            local sum = 0
            task.all(function()
                for i in numbers() do
                    task.sleep(0)
                    sum = sum + i
                end
            end)
            assert.equal(6, sum)
        end)
    end)

    describe("group", function()
        it("can be driven by a loop of somebody else", function()
            local group <const> = task.group(function()
                task.sleep(0.02)
                return "a"
            end, function()
                task.sleep(0.01)
                return "b"
            end)
            local rounds = 0
            while not group:step() do
                local entries, seconds = task.entries(group)
                assert.same({}, entries)
                assert(core.poll.wait(entries, seconds))
                rounds = rounds + 1
            end
            assert.is_true(rounds >= 2)
            assert.same({ "a", "b" }, { group[1].result, group[2].result })
        end)

        it("is interrupted in all that it waits for, and cleans up", function()
            local cleaned <const> = {}
            local function worker(name)
                return function()
                    local guard <close> = setmetatable({}, { __close = function()
                        task.sleep(0.001)
                        cleaned[#cleaned + 1] = name
                    end })
                    assert(guard)
                    task.sleep(60)
                end
            end
            local group <const> = task.group(worker "a", function()
                task.all(worker "b", worker "c")
            end)
            assert.is_false(group:step())
            group:interrupt(fault.new { message = "interrupted", code = "EINTR" })
            task.await(group)
            table.sort(cleaned)
            assert.same({ "a", "b", "c" }, cleaned)
            assert.equal("EINTR", group[1].result.code)
            assert.equal("EINTR", group[2].result.code)
        end)
    end)
end)
