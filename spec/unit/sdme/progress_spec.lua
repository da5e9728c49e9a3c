local core <const> = require "sdme.core"
local program <const> = require "spec.support.program"
local progress <const> = require "sdme.progress"
local scratch <const> = require "spec.support.scratch"
local stages <const> = require "spec.support.stage"

local MB <const> = 1 << 20

describe("sizes and times", function()
    it("are short", function()
        local sizes <const> = {}
        for i, bytes in ipairs { 0, 999, 1000, 1536, 10 * 1024, 999 * 1024, 1000 * 1024, 45 * MB,
            3 << 30, 5000 << 40 } do
            sizes[i] = progress.size(bytes)
        end
        assert.same({ "0 B", "999 B", "1.0 KB", "1.5 KB", "10 KB", "999 KB", "1.0 MB", "45 MB",
            "3.0 GB", "5000 TB" }, sizes)
        assert.same({ "0:07", "10:00", "1:02:03" },
            { progress.duration(7.2), progress.duration(599.9), progress.duration(3723) })
    end)
end)

describe("progress where there is no terminal", function()
    local file, path, now

    before_each(function()
        path = scratch.directory() .. "/output"
        file = assert(io.open(path, "wb"))
        now = 100
    end)

    after_each(function()
        file:close()
        scratch.clean()
    end)

    local function open(options)
        options = options or {}
        options.output, options.descriptor = file, 0
        options.clock = function() return now end
        return progress.new(options)
    end

    local function written()
        return assert(core.file.read(path))
    end

    it("is a line every few seconds, and one at the end", function()
        local shown <close> = open()
        local item <close> = shown:item("downloading X", 120 * MB)
        for second = 1, 12 do
            now = now + 1
            item:update(second * 10 * MB)
        end
        item:finish()
        assert.equal("downloading X: 50 MB of 120 MB\ndownloading X: 100 MB of 120 MB\n"
            .. "downloading X: 120 MB\n", written())
    end)

    it("is told apart for several things, and has notes", function()
        local shown <close> = open()
        local one <const>, two <const> = shown:item "one", shown:item "two\27[2J"
        now = now + 6
        one:update(1)
        two:update(2 * MB)
        shown:note "waiting\n"
        one:close()
        one:update(3)
        two:finish "failed"
        two:finish "again"
        assert.equal("one: 1 B\ntwo\\x1b[2J: 2.0 MB\nwaiting\\n\ntwo\\x1b[2J: failed\n", written())
    end)

    it("is nothing if it shall be quiet", function()
        local shown <close> = open { quiet = true }
        local item <close> = shown:item("X", 10)
        now = now + 60
        item:update(5)
        shown:note "x"
        item:finish()
        assert.equal("", written())
    end)
end)

describe("progress on a terminal", function()
    local stage

    before_each(function()
        stage = stages.open()
    end)

    after_each(function()
        stage:close()
    end)

    -- What a program shows, which has `shown`, and whose clock goes on by `tick()`.
    local function show(script, columns, env)
        local terminal <const> = stage:terminal(6, columns or 80)
        local command <const>, path <const> = program.lua_command([[
            local now, observe = 0, require "sdme.observe"
            observe.set(observe.terminal)
            local shown = require "sdme.progress".new { clock = function() return now end }
            local function tick() now = now + 1 end
            local MB = 1 << 20
        ]] .. script)
        stage.paths[#stage.paths + 1] = path
        local process <const> = stage:spawn {
            argv = { "/bin/sh", "-c", ("%s exec %s"):format(env or "TERM=xterm", command) },
            stdin = "null", stdout = "null", stderr = terminal.slave,
        }
        local result <const> = stage:finish(stage:add(process:wait()))
        assert.same({ code = 0 }, result)
        stage:pass(0.05)
        return (terminal:shown():gsub("\r\n", "\n"))
    end

    it("is a bar that is drawn again in its place", function()
        local seen <const> = show([[
            local item = shown:item("image.tar", 100 * MB)
            item:update(0)
            for i = 1, 2 do tick() item:update(i * 25 * MB) end
            item:finish()]], 80, "TERM=xterm NO_COLOR=1")
        assert.equal(table.concat {
            "image.tar  [", (" "):rep(24), "]  0 B of 100 MB\27[K\n\27[J",
            "\27[1A\rimage.tar  [", ("="):rep(6), (" "):rep(18),
            "]  25 MB of 100 MB, 25 MB/s, 0:03 left\27[K\n\27[J",
            "\27[1A\rimage.tar  [", ("="):rep(12), (" "):rep(12),
            "]  50 MB of 100 MB, 25 MB/s, 0:02 left\27[K\n\27[J",
            "\27[1A\rimage.tar: 50 MB\27[K\n\27[J",
        }, seen)
    end)

    it("is coloured unless NO_COLOR is set", function()
        local script <const> = [[shown:item("x", 4):update(2)]]
        assert.matches("\27%[32m=+\27%[0m", show(script))
        assert.not_matches("\27%[32m", show(script, 80, "TERM=xterm NO_COLOR=1"))
    end)

    it("is plain where the terminal can't do more", function()
        assert.equal("x: done\n",
            show([[local item = shown:item("x", 4) item:update(2) item:finish "done"]], 80,
                "TERM=dumb"))
    end)

    it("has a line for each thing, as far as there are lines", function()
        local seen <const> = show [[
            local items = {}
            for i = 1, 9 do items[i] = shown:item("thing" .. i) end
            items[1]:update(1)
            items[1]:finish "done"
            items[4]:close()
            shown:close()]]
        local first <const>, second <const>, third <const> =
            seen:match "^(.-)\27%[J(.-)\27%[J(.-)\27%[J"
        assert.same({ 5, "thing5" }, { select(2, first:gsub("\n", "")), first:match "thing5" })
        assert.matches("^\27%[5A\rthing1: done\27%[K\nthing2  0 B.*thing6", second)
        assert.matches("^\27%[5A\rthing2.*thing3.*thing5.*thing7", third)
        assert.matches("\27%[1A\r\27%[J$", seen)
    end)

    it("never gets as wide as the terminal", function()
        for _, columns in ipairs { 1, 5, 12, 20, 30, 40, 79 } do
            local seen <const> = show([[
                local item = shown:item(("ä"):rep(60), 100 * MB)
                item:update(0)
                tick()
                item:update(10 * MB)]], columns, "TERM=xterm NO_COLOR=1")
            for line in seen:gsub("\27%[%d*%a\r?", ""):gmatch "[^\n]+" do
                assert.is_true(utf8.len(line) <= math.max(columns - 1, 1), line)
            end
        end
    end)
end)

describe("progress that a program is told", function()
    local observe <const> = require "sdme.observe"
    local sdme <const> = require "sdme"
    local events, now, before

    before_each(function()
        events, now = {}, 100
        before = sdme.observe(nil)
    end)

    after_each(function()
        sdme.observe(before)
    end)

    local function open(options)
        options = options or {}
        options.clock = function() return now end
        return progress.new(options)
    end

    local function listen()
        sdme.observe {
            progress = function(event)
                events[#events + 1] = ("%s %d/%s %s"):format(event.what, event.done,
                    event.total or "?", event.finished and tostring(event.outcome) or "goes on")
            end,
            note = function(line)
                events[#events + 1] = line
            end,
        }
    end

    it("begins, goes on every tenth of a second, and ends", function()
        listen()
        local shown <close> = open()
        local item <close> = shown:item("downloading X", 100)
        for i = 1, 4 do
            now = now + 0.06
            item:update(i)
        end
        item:finish()
        item:finish()
        shown:note "all\27 is here"
        assert.same({ "downloading X 0/100 goes on", "downloading X 2/100 goes on",
            "downloading X 4/100 goes on", "downloading X 4/100 4 B", "all\\x1b is here" }, events)
    end)

    it("says of what failed that it is over, and nothing else", function()
        listen()
        pcall(function()
            local shown <close> = open()
            shown:item "one"
            error "gone"
        end)
        assert.same({ "one 0/? goes on", "one 0/? nil" }, events)
    end)

    it("tells apart what goes on at the same time", function()
        local ids <const> = {}
        sdme.observe { progress = function(event) ids[event.id] = event.what end }
        local shown <close> = open()
        local one <close>, two = shown:item "one", shown:item "two"
        two:close()
        assert.is_nil(one.outcome)
        local names <const> = {}
        for _, what in pairs(ids) do
            names[#names + 1] = what
        end
        table.sort(names)
        assert.same({ "one", "two" }, names)
        shown:note "nobody listens"
    end)

    it("is nothing where it shall be quiet, and where nobody asked", function()
        listen()
        do
            local shown <close> = open { quiet = true }
            shown:item("X"):finish()
            shown:note "x"
        end
        sdme.observe(nil)
        local shown <close> = open()
        shown:item("X"):finish()
        shown:note "x"
        assert.same({}, events)
    end)

    it("ends the operation with what the program's function raises", function()
        sdme.observe { progress = function() error("enough", 0) end }
        assert.has_error(function()
            local shown <const> = open()
            shown:item "X"
        end, "enough")
    end)

    it("takes two functions, and gives back who was told before", function()
        local mine <const> = { note = print }
        assert.same({}, sdme.observe(observe.terminal))
        assert.equal(observe.terminal, sdme.observe(mine))
        assert.equal(mine, sdme.observe(nil))
        assert.has_error(function() sdme.observe { log = print } end,
            "observe has no 'log', only progress, note and confirm")
        assert.has_error(function() sdme.observe { note = "x" } end)
    end)

    it("goes with questions, which nobody answers by default", function()
        local _, why <const> = pcall(observe.confirm, "install it", "--yes")
        assert.same({ "install it: nobody to ask", "EUSAGE", "give --yes" },
            { why.message, why.code, why.hint })
        sdme.observe { confirm = function(question) return question == "install it" end }
        assert.is_true(observe.confirm("install it", "--yes"))
        assert.is_false(observe.confirm("remove it", "--yes"))
    end)
end)
