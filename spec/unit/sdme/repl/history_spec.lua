local core <const> = require "sdme.core"
local history <const> = require "sdme.repl.history"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

describe("the history of the prompt", function()
    local path

    before_each(function()
        path = scratch.directory() .. "/state/sdme/history"
    end)

    after_each(scratch.clean)

    local function added(...)
        local one <const> = history.open(path)
        for _, entry in ipairs { ... } do
            one:add(entry)
        end
        return one
    end

    it("is there in the next session, in order", function()
        added("first", "second")
        assert.same({ "first", "second" }, history.open(path).entries)
    end)

    it("is nobody else's to read", function()
        added "secret"
        assert.equal("600", shell.run("stat -c %%a %s", path))
        assert.equal("700", shell.run("stat -c %%a %s", path:match "^(.*)/"))
    end)

    it("keeps lines together, and backslashes as they are", function()
        added("for i = 1, 2 do\n  print '\\n'\nend", "x\\n")
        assert.same({ "for i = 1, 2 do\n  print '\\n'\nend", "x\\n" }, history.open(path).entries)
    end)

    it("has what came twice once, at its last place", function()
        assert.same({ "b", "a" }, added("a", "b", "a", "a").entries)
        assert.same({ "b", "a" }, history.open(path).entries)
    end)

    it("leaves out what begins with a blank, and what nobody types", function()
        assert.same({}, added(" token = 'x'", ("x"):rep(100000)).entries)
    end)

    it("has what sessions at the same time add", function()
        local one <const>, other <const> = history.open(path), history.open(path)
        one:add "one"
        other:add "other"
        one:add "one more"
        assert.same({ "one", "other", "one more" }, history.open(path).entries)
    end)

    it("is bounded, in memory and in the file", function()
        assert(core.file.mkdir(path:match "^(.*)/", { parents = true }))
        local lines <const> = {}
        for i = 1, 2500 do
            lines[i] = "line " .. i
        end
        assert(core.file.write(path, table.concat(lines, "\n") .. "\n"))
        local one <const> = history.open(path)
        assert.equal(1000, #one.entries)
        assert.equal("line 2500", one.entries[1000])
        assert.equal("1000", shell.run("wc -l < %s", path))
        one:add "new"
        assert.equal(1000, #one.entries)
        assert.equal("line 1502", one.entries[1])
    end)

    it("stands a file of anything", function()
        assert(core.file.mkdir(path:match "^(.*)/", { parents = true }))
        assert(core.file.write(path, core.digest.random(10000)))
        assert.is_table(history.open(path).entries)
    end)

    it("lasts as long as the session where there is no file to be had", function()
        assert(core.file.write(path:match "^(.*)/state" .. "/state", ""))
        assert.same({ "a" }, added("a").entries)
        local nowhere <const> = history.open(nil)
        nowhere:add "a"
        assert.same({ "a" }, nowhere.entries)
    end)
end)

local PATH <const> = [[io.write(tostring(require("sdme.repl.history").path()))]]

describe("where the history is", function()
    after_each(scratch.clean)

    local function path(before)
        return shell.lua(PATH, before)
    end

    it("is below XDG_STATE_HOME", function()
        local state <const> = scratch.directory()
        assert.equal(state .. "/new/sdme/history",
            path(("XDG_STATE_HOME=%s/new"):format(state)))
    end)

    it("is below the home directory otherwise", function()
        local home <const> = scratch.directory()
        assert.equal(home .. "/.local/state/sdme/history",
            path(("XDG_STATE_HOME= HOME=%s"):format(home)))
        assert.equal(home .. "/.local/state/sdme/history",
            path(("XDG_STATE_HOME=relative HOME=%s"):format(home)))
    end)

    it("is never in the home of another user, as HOME may be under sudo", function()
        local home <const> = scratch.directory()
        if not shell.succeeds("chown 12345 %s", home) then
            return
        end
        local own <const> = shell.run "getent passwd $(id -u) | cut -d: -f6"
        assert.equal(own .. "/.local/state/sdme/history",
            path(("XDG_STATE_HOME=%s/state HOME=%s"):format(home, home)))
    end)
end)
