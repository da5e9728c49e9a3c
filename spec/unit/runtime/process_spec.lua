local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local program <const> = require "spec.support.program"
local task <const> = require "sdme.task"

local process <const> = core.process
local reader <const>, writer <const> = core.stream.reader, core.stream.writer

local own_pid <const> = process.identity().pid

local run <const>, shell <const>, run_lua <const> = program.run, program.shell, program.lua

-- Ends while its child, which says so when it gets SIGUSR1, still runs.
local function run_lua_that_dies(options)
    return (run_lua(([[
        local child <const> = core.process.spawn {
            argv = { "sh", "-c",
                "trap 'echo told >&3; exit' USR1; exec >&-; while :; do sleep 0.01; done" },
            stdout = "pipe", descriptors = { [3] = 1 }, %s }
        task.await(core.stream.reader(child:stdout()))
        child:detach()]]):format(options)))
end

local function count_descriptors()
    return tonumber((shell(("ls /proc/%d/fd | wc -l"):format(own_pid))))
end

local function feed(child, text)
    return task.await(writer(child:stdin(), text))
end

describe("a spawned process", function()
    it("runs and tells its exit status", function()
        local output <const>, result <const> = shell "echo hello; exit 7"
        assert.equal("hello\n", output)
        assert.same({ code = 7 }, result)
    end)

    it("tells which signal killed it", function()
        local _, result <const> = shell "kill -TERM $$"
        assert.same({ signal = process.signal "TERM" }, result)
    end)

    it("tells the same to all who wait, and after it was closed", function()
        local child <const> = process.spawn { argv = { "true" } }
        local first <const>, second <const> = child:wait(), child:wait()
        assert.same({ code = 0 }, task.await(first))
        assert.same({ code = 0 }, task.await(second))
        child:close()
        assert.same({ code = 0 }, task.await(child:wait()))
    end)

    it("gets its arguments unchanged", function()
        local output <const> = run { argv = { "printf", "%s|", "a b", "", "*", "\n" } }
        assert.equal("a b||*|\n|", output)
    end)

    it("gets exactly the environment it is given", function()
        local output <const> = run { argv = { "/usr/bin/env" }, env = { A = "x=y z" } }
        assert.equal("A=x=y z\n", output)
        assert.equal("", (run { argv = { "/usr/bin/env" }, env = {} }))
    end)

    it("gets our environment if it is given none", function()
        assert.equal(os.getenv "PATH" .. "\n", (shell 'echo "$PATH"'))
    end)

    it("starts in the directory it is told, and we stay in ours", function()
        local before <const> = shell "pwd -P"
        assert.equal("/usr/bin\n", (shell("pwd -P", { cwd = "/usr/bin" })))
        assert.equal("/usr/bin/env\n", (run {
            argv = { "./env", "sh", "-c", "readlink -f /proc/$$/cwd/env" },
            cwd = "/usr/bin",
        }))
        assert.equal(before, (shell "pwd -P"))
    end)

    it("has the umask it is told, and we keep ours", function()
        local before <const> = shell "umask"
        assert.equal("0027\n", (shell("umask", { umask = "0027" })))
        assert.equal(before, (shell "umask"))
    end)

    it("leads a session of its own if asked", function()
        local script <const> = "cut -d' ' -f6 /proc/$$/stat; echo $$"
        local session, pid = shell(script, { session = true }):match "(%d+)\n(%d+)"
        assert.equal(pid, session)
        session, pid = shell(script):match "(%d+)\n(%d+)"
        assert.not_equal(pid, session)
    end)

    it("has no other descriptors than those it was given", function()
        local stray <close> = assert(io.open "/dev/null")
        local list <const> = "ls /proc/$$/fd"
        assert.equal("0\n1\n2\n", (shell(list, { stdin = "null", stderr = stray })))
        assert.equal("0\n1\n2\n5\n900\n", (shell(list, {
            stdin = "null",
            descriptors = { [5] = stray, [900] = stray },
        })))
    end)

    -- Hands over a file for each place from `first` to `last`; what the child finds there.
    local function hand_over(first, last)
        local paths <const>, given <const>, expected <const> = {}, {}, {}
        for place = first, last do
            paths[place] = os.tmpname()
        end
        -- Ours are numbered in the other direction, so that they are in each other's way.
        for place = last, first, -1 do
            given[place] = assert(io.open(paths[place]))
        end
        local found <const> = shell(
            ("for i in $(seq %d %d); do readlink /proc/$$/fd/$i; done"):format(first, last),
            { descriptors = given }
        )
        for place = first, last do
            expected[#expected + 1] = paths[place] .. "\n"
            given[place]:close()
            os.remove(paths[place])
        end
        return table.concat(expected), found
    end

    it("gets descriptors in places that cross each other", function()
        assert.equal(hand_over(3, 30))
        assert.equal(hand_over(60, 100))
    end)

    it("has default signal dispositions and none blocked, whatever we ignore", function()
        local output <const> = run_lua(
            [[local child <close> = core.process.spawn {
                argv = { "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status" } }
              task.await(child:wait())]],
            "trap '' PIPE TERM HUP USR1;"
        )
        assert.equal("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", output)
    end)

    it("is /dev/null where we have a standard stream closed", function()
        local output <const> = run_lua(
            [[local child <close> = core.process.spawn {
                argv = { "readlink", "/proc/self/fd/0" } }
              task.await(child:wait())]],
            "exec <&-;"
        )
        assert.equal("/dev/null\n", output)
    end)

    it("dies by the signal it is told when we do", function()
        assert.equal("told\n", run_lua_that_dies 'death_signal = "USR1"')
    end)

    it("can be killed by signal name or number", function()
        for name, number in pairs { TERM = 15, SIGKILL = 9,
            ["RTMIN+3"] = process.signal "RTMIN+3" } do
            for _, signal in ipairs { name, number } do
                local child <close> = process.spawn { argv = { "sleep", "60" } }
                assert.is_true(child:kill(signal))
                assert.same({ signal = number }, task.await(child:wait()))
                assert.equal("ESRCH", select(3, child:kill "TERM"))
            end
        end
    end)

    it("is killed and reaped when it is closed", function()
        local child <const> = process.spawn { argv = { "sleep", "60" } }
        child:close()
        assert.same({ signal = 9 }, task.await(child:wait()))
        assert.equal("", (shell(("ls -d /proc/%d 2>/dev/null"):format(child:pid()))))
    end)

    it("is killed and reaped when nobody has it any more", function()
        local pid <const> = process.spawn({ argv = { "sleep", "60" } }):pid()
        collectgarbage()
        collectgarbage()
        assert.equal("", (shell(("ls -d /proc/%d 2>/dev/null"):format(pid))))
    end)

    it("lives on once it is detached", function()
        local output <const> = run_lua [[
            local child <close> = core.process.spawn {
                argv = { "sh", "-c", "read line; echo got $line" }, stdin = "pipe" }
            local input <const> = child:stdin()
            child:detach()
            child:close()
            assert(not child:kill("TERM"))
            task.await(core.stream.writer(input, "it\n"))]]
        assert.equal("got it\n", output)
    end)

    it("leaves no descriptor behind", function()
        local before <const> = count_descriptors()
        for _ = 1, 100 do
            local child <close> = process.spawn {
                argv = { "true" }, stdin = "pipe", stdout = "pipe", stderr = "pipe",
            }
            task.await(child:wait())
            assert.is_nil((process.spawn { argv = { "/nonexistent" }, stdout = "pipe" }))
        end
        assert.equal(before, count_descriptors())
    end)

    it("is one of many that run side by side", function()
        local jobs <const> = {}
        for i = 1, 20 do
            jobs[i] = function()
                local child <close> =
                    assert(process.spawn { argv = { "cat" }, stdin = "pipe", stdout = "pipe" })
                local nested <const> = shell("echo nested " .. i)
                feed(child, nested)
                return (task.await(reader(child:stdout())))
            end
        end
        local results <const> = table.pack(task.all(table.unpack(jobs)))
        for i = 1, 20 do
            assert.equal(("nested %d\n"):format(i), results[i])
        end
    end)

    it("takes and gives 10 MB at the same time", function()
        local text <const> = ("0123456789abcdef"):rep(10 * 65536)
        local child <close> = process.spawn {
            argv = { "sh", "-c", "tee /dev/stderr" },
            stdin = "pipe", stdout = "pipe", stderr = "pipe",
        }
        local written <const>, out <const>, err <const> = task.all(
            function() return feed(child, text) end,
            function() return task.await(reader(child:stdout())) end,
            function() return task.await(reader(child:stderr())) end
        )
        assert.equal(#text, written)
        assert.is_true(out == text)
        assert.is_true(err == text)
        assert.same({ code = 0 }, task.await(child:wait()))
    end)
end)

describe("a program that can't be started", function()
    local function failure(options)
        local child <const>, message <const>, code <const> = process.spawn(options)
        assert.is_nil(child)
        return message, code
    end

    it("is reported by name when it is missing", function()
        local message, code = failure { argv = { "/nonexistent" } }
        assert.equal("execute /nonexistent: No such file or directory", message)
        assert.equal("ENOENT", code)
        message, code = failure { argv = { "no-such-program" } }
        assert.equal("find no-such-program in PATH: No such file or directory", message)
        assert.equal("ENOENT", code)
        assert.equal("ENOENT", select(2, failure { argv = { "" } }))
    end)

    it("is looked for in the PATH that it would get", function()
        assert.equal("ENOENT", select(2, failure {
            argv = { "sh" }, env = { PATH = "/nonexistent" },
        }))
    end)

    it("is not looked for in the current directory", function()
        assert(io.open "spec/host/testhost"):close()
        assert.equal("ENOENT", select(2, failure {
            argv = { "testhost" }, env = { PATH = "spec/host:./spec/host" },
        }))
    end)

    it("is reported when it is no program", function()
        assert.equal("EACCES", select(2, failure { argv = { "/etc/passwd" } }))
        assert.equal("EACCES", select(2, failure { argv = { "/etc" } }))
    end)

    it("is reported when its directory, a descriptor or a user is missing", function()
        local message, code = failure { argv = { "true" }, cwd = "/nonexistent" }
        assert.equal("run true in directory /nonexistent: No such file or directory", message)
        assert.equal("ENOENT", code)
        message, code = failure { argv = { "true" }, descriptors = { [3] = 900 } }
        assert.equal("hand descriptor 900 to true: Bad file descriptor", message)
        assert.equal("EBADF", code)
        message, code = failure { argv = { "true" }, user = "no such user" }
        assert.equal("no user named no such user on this host", message)
        assert.equal("ENOENT", code)
    end)

    it("leaves no zombie", function()
        failure { argv = { "/nonexistent" } }
        assert.equal("", (shell(("grep -l '^State:.Z' $(grep -l '^PPid:.%d$' "
            .. "/proc/[0-9]*/status 2>/dev/null) 2>/dev/null </dev/null"):format(own_pid))))
    end)

    it("raises when it is asked for in a way that makes no sense", function()
        for _, options in ipairs {
            {},
            { argv = {} },
            { argv = { "a\0b" } },
            { argv = { "true" }, unknown = 1 },
            { argv = { "true" }, env = { ["A=B"] = "" } },
            { argv = { "true" }, env = { A = 1 } },
            { argv = { "true" }, stdin = "file" },
            { argv = { "true" }, descriptors = { [2] = 1 } },
            { argv = { "true" }, descriptors = { x = 1 } },
            { argv = { "true" }, uid = 1 },
            { argv = { "true" }, uid = 0xffffffff, gid = 0 },
            { argv = { "true" }, uid = -1, gid = 0 },
            { argv = { "true" }, user = "root", uid = 0, gid = 0 },
            { argv = { "true" }, groups = { 0 } },
            { argv = { "true" }, death_signal = "NOTHING" },
            { argv = { "true" }, controlling_terminal = 0 },
        } do
            assert.has_error(function() process.spawn(options) end)
        end
    end)
end)

describe("a process of another user", function()
    local function as(options)
        needs.root()
        options.argv = { "sh", "-c", "grep -E '^(Uid|Gid|Groups):' /proc/self/status" }
        return (run(options):gsub("[\t ]+", " "):gsub(" \n", "\n"))
    end

    it("has the ids it is told and no groups but those", function()
        assert.equal("Uid: 5 5 5 5\nGid: 7 7 7 7\nGroups:\n", as { uid = 5, gid = 7 })
        assert.equal(
            "Uid: 5 5 5 5\nGid: 7 7 7 7\nGroups: 8 9\n",
            as { uid = 5, gid = 7, groups = { 9, 8 } }
        )
    end)

    it("has the ids and groups of a user of this host", function()
        local expected <const> = shell "id -u nobody; id -g nobody; id -G nobody"
        local uid <const>, gid <const>, groups <const> = expected:match "(%d+)\n(%d+)\n([%d ]+)"
        assert.equal(
            ("Uid: %s\nGid: %s\nGroups: %s\n"):format(
                table.concat({ uid, uid, uid, uid }, " "),
                table.concat({ gid, gid, gid, gid }, " "),
                groups
            ),
            as { user = "nobody" }
        )
    end)

    it("dies by its death signal too", function()
        needs.root()
        assert.equal("told\n", run_lua_that_dies 'death_signal = "USR1", user = "nobody"')
    end)

    it("can't do what the user may not", function()
        needs.root()
        local _, message <const>, code <const> =
            process.spawn { argv = { "true" }, cwd = "/root", uid = 65534, gid = 65534 }
        assert.equal("run true in directory /root: Permission denied", message)
        assert.equal("EACCES", code)
    end)
end)

describe("process.replace", function()
    it("becomes the program, with the descriptors it is told", function()
        local output <const> = run_lua(
            [[local kept <const>, other <const> = io.open "/dev/null", io.open "/dev/null"
              io.write "buffered "
              core.process.replace {
                  argv = { "sh", "-c", "echo $$; ls /proc/$$/fd; grep SigIgn /proc/$$/status" },
                  keep = { kept, 0 } }
              print(kept, other)]],
            "echo $$; trap '' PIPE HUP; exec 8</dev/null;"
        )
        local before <const>, after <const>, rest <const> =
            output:match "^(%d+)\nbuffered (%d+)\n(.*)"
        assert.equal(before, after)
        assert.matches("^0\n1\n2\n%d\nSigIgn:\t0000000000000000\n$", rest)
    end)

    it("gives the environment it is told", function()
        assert.equal("A=B\n", (run_lua [[
            core.process.replace { argv = { "/usr/bin/env" }, env = { A = "B" } }]]))
    end)

    it("returns when it fails, and what was ignored still is", function()
        local output <const> = run_lua(
            [[local file <const> = io.open "/dev/null"
              print(core.process.replace { argv = { "/nonexistent" }, keep = { file } })
              print(core.process.replace { argv = { "true" }, keep = { 900 } })
              print(file:read "a" == "",
                  io.open("/proc/self/status"):read("a"):match "SigIgn:%s*(%x+)")]],
            "trap '' HUP USR1;"
        )
        assert.matches("^nil\texecute /nonexistent: No such file or directory\tENOENT\n"
            .. "nil\tkeep descriptor 900 for /%S*/true: Bad file descriptor\tEBADF\n"
            .. "true\t000000000000[01]201\n$", output)
    end)
end)

describe("signal names", function()
    it("are numbers and back", function()
        for name, number in pairs { HUP = 1, INT = 2, KILL = 9, TERM = 15, CHLD = 17 } do
            assert.equal(number, process.signal(name))
            assert.equal(number, process.signal("SIG" .. name))
            assert.equal(number, process.signal(tostring(number)))
            assert.equal(name, process.signal_name(number))
        end
        local first <const>, last <const> = process.signal "RTMIN", process.signal "RTMAX"
        assert.equal(first + 3, process.signal "RTMIN+3")
        assert.equal(last - 2, process.signal "SIGRTMAX-2")
        assert.equal("RTMIN+3", process.signal_name(first + 3))
        assert.equal("RTMIN", process.signal_name(first))
    end)

    it("are refused when there is no such signal", function()
        for _, name in ipairs {
            "", "SIG", "term", "NOPE", "0", "-1", "65", "32", "9x", "RTMIN+99", "RTMIN-1", "RTMIN+",
            "99999999999999999999",
        } do
            local number <const>, message <const>, code <const> = process.signal(name)
            assert.is_nil(number)
            assert.equal(("no signal named '%s'"):format(name), message)
            assert.equal("EINVAL", code)
        end
        for _, number in ipairs { 0, -1, 32, 65, 1 << 40 } do
            assert.is_nil(process.signal_name(number))
        end
    end)
end)

describe("process.identity", function()
    it("says who we are", function()
        local identity <const> = process.identity()
        local function ids(key)
            local status <const> = assert(io.open("/proc/self/status")):read "a"
            local real <const>, effective <const> = status:match(key .. ":%s+(%d+)%s+(%d+)")
            return tonumber(real), tonumber(effective)
        end
        assert.same({ ids "Uid" }, { identity.uid, identity.euid })
        assert.same({ ids "Gid" }, { identity.gid, identity.egid })
        assert.same({ ids "Uid" }, { process.uid() })
        assert.is_table(identity.groups)
    end)
end)
