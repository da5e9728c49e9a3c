local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local serial = 0

-- Runs a command in a unit of its own, and waits until the journal has what it wrote. systemd-run
-- takes one of two dollars.
local function log(command)
    serial = serial + 1
    local unit <const> = ("sdme-spec-log-%d-%d.service"):format(os.time(), serial)
    shell.succeeds("systemd-run --quiet --collect --wait --unit=%s /bin/sh -c %s", unit, command)
    shell.run "journalctl --sync"
    return unit
end

local function copy_journal(pattern, directory)
    shell.run(("cp /var/log/journal/*/%s %%s 2>/dev/null || cp /run/log/journal/*/%s %%s"):format(
        pattern, pattern), directory, directory)
end

local function messages(options)
    local texts <const> = {}
    for i, entry in ipairs(assert(core.journal.tail(options))) do
        texts[i] = entry.message
    end
    return texts
end

local function has(list, text)
    for _, item in ipairs(list) do
        if item == text then
            return true
        end
    end
    return false
end

describe("core.journal", function()
    after_each(scratch.clean)

    it("tells what a unit wrote, and what systemd says of it", function()
        local unit <const> = log "echo first; echo second; exit 3"
        local texts <const> = messages { unit = unit }
        assert.is_true(has(texts, "first"))
        assert.is_true(has(texts, "second"))
        assert.truthy(table.concat(texts, "\n"):find(unit .. ": Failed with result", 1, true))
    end)

    it("tells nothing of other units", function()
        log "echo somebody else"
        local unit <const> = log "echo ours"
        assert.is_false(has(messages { unit = unit }, "somebody else"))
        assert.same({}, messages { unit = "sdme-spec-no-such.service" })
    end)

    it("tells the last lines, the latest last", function()
        local unit <const> = log "for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done"
        local all <const> = messages { unit = unit, lines = 1000 }
        local last <const> = messages { unit = unit, lines = 5 }
        assert.equal(5, #last)
        assert.same(table.move(all, #all - 4, #all, 1, {}), last)
        assert.same({}, messages { unit = unit, lines = 0 })
    end)

    it("tells when, by whom and how important", function()
        local before <const> = os.time()
        local unit <const> = log "echo '<3>bad news'"
        for _, entry in ipairs(core.journal.tail { unit = unit }) do
            if entry.message == "bad news" then
                assert.equal("sh", entry.identifier)
                assert.equal(3, entry.priority)
                assert.is_true(entry.pid > 1)
                assert.is_true(entry.time >= before and entry.time <= os.time() + 1)
                return
            end
        end
        error "the entry is not there"
    end)

    it("leaves out what is older than asked for", function()
        local unit <const> = log "echo old"
        assert.is_true(#messages { unit = unit, since = os.time() - 60 } > 0)
        assert.same({}, messages { unit = unit, since = os.time() + 60 })
    end)

    it("tells one run of a unit from the next", function()
        -- It stays a while: journald looks up whose line it is when that comes.
        local unit <const> = log "echo run-$INVOCATION_ID; sleep 0.5"
        local id <const> = table.concat(messages { unit = unit }, "\n"):match "run%-(%x+)\n"
        local texts <const> = messages { invocation = id }
        assert.is_true(has(texts, "run-" .. id))
        assert.same({}, messages { invocation = ("0"):rep(32) })
    end)

    it("hands messages out as the bytes that they are, and not without end", function()
        local unit <const> = log [[printf 'x\033[2Jy\001\377\n'
            (printf 'OBJECT_PID=%d\nMESSAGE=' $$$$; head -c 100000 /dev/zero | tr '\0' a; echo) |
                logger --journald; sleep 0.2]]
        local texts <const> = messages { unit = unit }
        assert.is_true(has(texts, "x\27[2Jy\1\255"))
        local longest = 0
        for _, text in ipairs(texts) do
            longest = math.max(longest, #text)
        end
        assert.is_true(longest > 60000 and longest <= 65536, longest)
    end)

    it("follows what is written from now on", function()
        local unit <const> = log "echo before"
        local journal <close> = assert(core.journal.open { unit = unit, lines = 0 })
        local next <const> = journal:next()
        assert.is_false((next:step()))
        shell.run("systemd-run --quiet --collect --wait --unit=%s /bin/echo after", unit)
        local texts <const> = {}
        repeat
            local entry <const> = assert(task.await(task.timeout(journal:next(), 10)))
            texts[#texts + 1] = entry.message
        until entry.message == "after"
        assert.is_false(has(texts, "before"))
    end)

    it("follows a unit of which nothing is known yet", function()
        local unit <const> = ("sdme-spec-later-%d.service"):format(os.time())
        local journal <close> = assert(core.journal.open { unit = unit })
        assert.is_false((journal:next():step()))
        shell.run("systemd-run --quiet --collect --wait --unit=%s /bin/echo hello", unit)
        repeat
            local entry <const> = assert(task.await(task.timeout(journal:next(), 10)))
        until entry.message == "hello"
    end)

    it("reads a directory, by path or descriptor", function()
        local unit <const> = log "echo kept"
        local copy <const> = scratch.directory()
        copy_journal("*.journal", copy)
        assert.is_true(has(messages { unit = unit, directory = copy }, "kept"))
        local directory <close> = assert(core.file.open_directory(copy))
        assert.is_true(has(messages { unit = unit, directory = directory }, "kept"))
        local none <const>, message <const>, code <const> =
            core.journal.tail { directory = "/no/such/directory" }
        assert.is_nil(none)
        assert.equal("ENOENT", code)
        assert.truthy(message:find("/no/such/directory", 1, true))
    end)

    it("takes a file that is no journal for one without entries", function()
        local directory <const> = scratch.directory()
        shell.run("head -c 100000 /dev/urandom > %s", directory .. "/system.journal")
        shell.run("printf LPKSHHRH > %s", directory .. "/user-0.journal")
        shell.run("mkfifo %s", directory .. "/fifo.journal")
        assert.same({}, messages { directory = directory })
    end)

    it("goes on where a journal was damaged", function()
        local unit <const> = log "for i in $(seq 200); do echo damaged $i; done"
        local copy <const> = scratch.directory()
        copy_journal("system.journal", copy)
        for _ = 1, 20 do
            local file <close> = assert(io.open(copy .. "/system.journal", "r+b"))
            local size <const> = file:seek "end"
            for _ = 1, 100 do
                file:seek("set", math.random(300, size - 1))
                file:write(string.char(math.random(0, 255)))
            end
            file:close()
            core.journal.tail { unit = unit, directory = copy, lines = 1000 }
        end
    end)

    it("refuses options that it doesn't know", function()
        assert.has_error(function()
            core.journal.tail { colour = "red" }
        end, "unknown option 'colour'")
        assert.has_error(function()
            core.journal.tail { lines = -1 }
        end, "option 'lines' is negative")
        local journal <const> = assert(core.journal.open {})
        journal:close()
        journal:close()
        assert.has_error(function()
            journal:next()
        end)
    end)
end)
