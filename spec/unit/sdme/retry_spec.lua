local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local raised <const> = require "spec.support.raised"
local retry <const> = require "sdme.retry"

local QUICK <const> = { pause = 0.001, longest = 0.004 }

local function with(options)
    return setmetatable(options, { __index = QUICK })
end

local function cut(options)
    return retry.again(fault.new { message = "it was cut", code = "ECONNRESET" }, options)
end

describe("retry", function()
    it("passes the results of an attempt on", function()
        assert.same({ 1, nil, "b" }, { retry.run(function(number) return number, nil, "b" end) })
    end)

    it("repeats what asks for it, and says which attempt it is", function()
        local numbers <const> = {}
        assert.equal("done", retry.run(function(number)
            numbers[number] = number
            return number < 4 and cut() or "done"
        end, QUICK))
        assert.same({ 1, 2, 3, 4 }, numbers)
    end)

    it("gives up in the end, with what the last attempt failed with", function()
        local attempts = 0
        local why <const> = raised(retry.run, function()
            attempts = attempts + 1
            return cut()
        end, with { attempts = 3 })
        assert.same({ 3, "it was cut", "ECONNRESET" }, { attempts, why.message, why.code })
    end)

    it("goes on as long as there is progress", function()
        local why <const> = raised(retry.run, function(number)
            return number <= 10 and cut { progressed = true } or fault.raise(nil, nil, "%d", number)
        end, with { attempts = 2 })
        assert.equal("11", why.message)
    end)

    it("ends at once with what is raised", function()
        local attempts = 0
        assert.equal("no", raised(retry.run, function()
            attempts = attempts + 1
            error("no", 0)
        end, QUICK))
        assert.equal(1, attempts)
    end)

    it("makes pauses that double, up to a longest one", function()
        local pauses <const> = {}
        raised(retry.run, function() return cut() end, {
            attempts = 7, pause = 0.001, longest = 0.004,
            waiting = function(why, seconds)
                assert.equal("it was cut", why.message)
                pauses[#pauses + 1] = seconds
            end,
        })
        for i, full in ipairs { 0.001, 0.002, 0.004, 0.004, 0.004, 0.004 } do
            assert.is_true(pauses[i] >= full / 2 and pauses[i] <= full, i)
        end
        assert.equal(6, #pauses)
    end)

    it("waits as long as a server says", function()
        local began <const> = core.poll.now()
        retry.run(function(number) return number == 1 and cut { after = 0.05 } or nil end, QUICK)
        assert.is_true(core.poll.now() - began >= 0.05)
    end)

    it("leaves a server alone that says to for too long", function()
        local why <const> = raised(retry.run, function() return cut { after = 999999999 } end,
            QUICK)
        assert.equal("it was cut, and asks to be left alone for 999999999 s", why.message)
    end)

    it("reads Retry-After", function()
        local function after(value, now)
            return retry.retry_after({ ["retry-after"] = value }, now)
        end
        assert.equal(120, after "120")
        assert.equal(784111777, retry.http_date "Sun, 06 Nov 1994 08:49:37 GMT")
        assert.equal(951827696, retry.http_date "Tue, 29 Feb 2000 12:34:56 GMT")
        assert.equal(0, retry.http_date "Thu, 01 Jan 1970 00:00:00 GMT")
        assert.equal(37, after("Sun, 06 Nov 1994 08:49:37 GMT", 784111740))
        assert.equal(0, after("Sun, 06 Nov 1994 08:49:37 GMT", 784111800))
        assert.is_true(after(("9"):rep(400)) > 1000)
        for _, bad in ipairs { "", "-1", "soon", "1.5", "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT" } do
            assert.is_nil(after(bad), bad)
        end
        assert.is_nil(after { "1", "2" })
        assert.is_nil(after(nil))
    end)

    it("tells a busy server from one that says no", function()
        for _, status in ipairs { 408, 429, 500, 502, 503, 504 } do
            local again <const> = retry.refused("x", { status = status, headers = {
                ["retry-after"] = "7",
            } })
            assert.equal(7, again.after)
        end
        local why = raised(retry.refused, "https://x/y", { status = 404, headers = {} })
        assert.same({ "https://x/y: the server answers 404 (not found)", "ENOENT" },
            { why.message, why.code })
        why = raised(retry.refused, "x", { status = 501, headers = {} })
        assert.same({ "x: the server answers 501", "EPROTO" }, { why.message, why.code })
    end)

    it("tells a connection that was cut from one that can't be", function()
        assert.is_not_nil(retry.failed("m", "ECONNRESET").why)
        assert.is_not_nil(retry.failed("m", "ECONNREFUSED", { known = true }).why)
        assert.equal("ECONNREFUSED", raised(retry.failed, "m", "ECONNREFUSED").code)
        assert.equal("EKEYREJECTED", raised(retry.failed, "m", "EKEYREJECTED").code)
    end)
end)
