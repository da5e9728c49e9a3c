local core <const> = require "sdme.core"
local fault <const> = require "sdme.fault"
local guest <const> = require "sdme.guest"
local machined <const> = require "sdme.machined"
local plain_guest <const> = require "spec.support.plain_guest"
local raised <const> = require "spec.support.raised"
local shell <const> = require "spec.support.shell"
local systemd <const> = require "sdme.systemd"
local task <const> = require "sdme.task"

local container, bus, machines

local function root()
    local machine <const> = machines:get(container.name)
    return assert(core.file.open_directory(("/proc/%d/root"):format(machine.leader)))
end

-- Runs a command with `input` at its stdin; returns its end, and what it wrote.
local function run(options, input)
    local stdin <close> = io.tmpfile()
    local stdout <close> = io.tmpfile()
    local stderr <close> = io.tmpfile()
    stdin:write(input or "")
    stdin:seek "set"
    options.root = options.root or root
    options.stdin, options.stdout, options.stderr = stdin, stdout, stderr
    local result <const> = guest.run(bus, options)
    stdout:seek "set"
    stderr:seek "set"
    return result, stdout:read "a", stderr:read "a"
end

local function output(options)
    local result <const>, text <const>, errors <const> = run(options)
    assert.same({ code = 0 }, result, errors)
    return text
end

local function failure(options)
    return raised(run, options)
end

describe("sdme.guest", function()
    setup(function()
        container = plain_guest.start "spec-guest"
        bus = assert(core.bus.open_machine(container.name))
        machines = machined.machines(assert(core.bus.open_system()))
    end)

    teardown(function()
        bus:close()
        container.stop()
    end)

    it("gives the status that a command exits with", function()
        assert.same({ code = 0 }, (run { argv = { "true" } }))
        assert.same({ code = 1 }, (run { argv = { "/bin/false" } }))
    end)

    it("takes no status of a command for one of systemd's", function()
        for _, code in ipairs { 126, 127, 208, 209, 216, 219, 222, 224, 226, 245, 255 } do
            assert.same({ code = code }, (run { argv = { "sh", "-c", "exit " .. code } }))
        end
        -- Which is hard only where the command ends before systemd has noticed its start.
        for _ = 1, 10 do
            for _, code in ipairs { 200, 203, 217 } do
                assert.same({ code = code }, (run {
                    argv = { "sh", "-c", "exit " .. code }, user = "root", cwd = "/usr",
                }))
            end
        end
    end)

    it("gives the signal that ends a command", function()
        assert.same({ signal = 9 }, (run { argv = { "sh", "-c", "kill -KILL $$" } }))
        assert.same({ signal = 13 }, (run { argv = { "sh", "-c", "kill -PIPE $$" } }))
    end)

    it("passes bytes through as they are", function()
        local bytes = {}
        for i = 0, 255 do
            bytes[#bytes + 1] = string.char(i)
        end
        bytes = table.concat(bytes):rep(4096)
        local result <const>, text <const>, errors <const> =
            run({ argv = { "sh", "-c", "cat; printf '\\377' >&2" } }, bytes)
        assert.same({ code = 0 }, result)
        assert.is_true(bytes == text)
        assert.equal("\xff", errors)
    end)

    it("leaves to the journal what has no descriptor", function()
        local stdout <close> = io.tmpfile()
        local result <const> = guest.run(bus, {
            argv = { "sh", "-c", "read word; echo out $?; echo to the journal >&2" },
            stdout = stdout,
        })
        assert.same({ code = 0 }, result)
        stdout:seek "set"
        assert.equal("out 1\n", stdout:read "a")
        assert.equal("to the journal\n", output {
            argv = { "sh", "-c", "journalctl --sync; journalctl -b -o cat | grep '^to the j'" },
        })
    end)

    it("passes arguments and variables unchanged", function()
        local words <const> =
            { "a b", "$HOME", "${HOME}", "$$", "%n%%", "", "'\"\\", "\t\n", "\u{e9}", "-", ";" }
        local argv <const> = { "printf", "<%s>" }
        table.move(words, 1, #words, 3, argv)
        assert.equal("<" .. table.concat(words, "><") .. ">", output { argv = argv })
        assert.equal("%h $HOME 'x\" \u{e9}|", output {
            argv = { "sh", "-c", 'printf "%s|" "$WORD"' }, env = { WORD = "%h $HOME 'x\" \u{e9}" },
        })
    end)

    it("hands the command no other descriptors than its three", function()
        assert.equal("0\n1\n2\n3\n", output { argv = { "ls", "/proc/self/fd" } })
    end)

    it("runs as root in / unless told otherwise", function()
        assert.equal("0 /\n", output { argv = { "sh", "-c", 'echo "$(id -u) $(pwd)"' } })
        assert.equal("/usr\n", output { argv = { "pwd" }, cwd = "/usr" })
        assert.equal("daemon daemon\n", output {
            argv = { "sh", "-c", 'echo "$(id -un) $USER"' }, user = "daemon",
        })
    end)

    it("looks for a command in the PATH that it is given", function()
        shell.run("machinectl --quiet shell %s /bin/sh -c %s", container.name,
            "mkdir -p /opt/spec && printf '#!/bin/sh\\necho here $0\\n' > /opt/spec/own"
                .. " && chmod +x /opt/spec/own")
        assert.equal("here /opt/spec/own\n", output {
            argv = { "own" }, env = { PATH = "/nonexistent:relative:/opt/spec:/bin" },
        })
        assert.equal("here /opt/spec/own\n", output { argv = { "./spec/own" }, cwd = "/opt" })
    end)

    describe("says, when a command could not be executed, that", function()
        it("it is not there: 127", function()
            for _, program in ipairs { "no-such-program", "/no/such/program", "./none" } do
                local what <const> = failure { argv = { program } }
                assert.equal(program .. ": not found", what.message)
                assert.equal("ENOENT", what.code)
                assert.equal(127, what.status)
            end
        end)

        it("it can't be executed, and why: 126", function()
            shell.run("machinectl --quiet shell %s /bin/sh -c %s", container.name,
                "cd /opt && printf '#!/no/such/sh\n' > script && printf text > text"
                    .. " && chmod +x script text && touch plain && mkdir -p closed"
                    .. " && chmod 700 closed && cp /bin/true closed/true")
            for program, message in pairs {
                ["/opt"] = "it is a directory",
                ["/opt/plain"] = "it has no permission to be executed",
                ["/opt/script"] = "its interpreter /no/such/sh is not there",
                ["/opt/text"] = "it is no program",
            } do
                local what <const> = failure { argv = { program } }
                assert.equal(program .. ": " .. message, what.message)
                assert.equal("EACCES", what.code)
                assert.equal(126, what.status)
            end
            assert.equal("/opt/closed/true: 'daemon' has no permission to execute it",
                failure({ argv = { "/opt/closed/true" }, user = "daemon" }).message)
        end)

        it("one of the two is so where nobody can look", function()
            local what <const> = failure { argv = { "/etc/none" }, root = function() end }
            assert.equal("/etc/none: not found, or it can't be executed", what.message)
        end)

        it("there is no such user", function()
            local what <const> = failure { argv = { "true" }, user = "nobody-at-all" }
            assert.equal("true: there is no user 'nobody-at-all'", what.message)
            assert.equal(126, what.status)
        end)

        it("there is no such directory", function()
            local what <const> = failure { argv = { "true" }, cwd = "/no/such/place" }
            assert.equal("true: can't enter the directory '/no/such/place'", what.message)
        end)
    end)

    it("refuses what can't be sent to a container", function()
        for message, options in pairs {
            ["there is no command to run"] = { argv = {} },
            ["the command's name is empty"] = { argv = { "" } },
            ["argument 1 is not text in UTF-8"] = { argv = { "true", "\xff" } },
            ["argument 2 is not text in UTF-8"] = { argv = { "true", "x", "\u{fffe}" } },
            ["the environment's 'A' is not text in UTF-8"] = {
                argv = { "true" }, env = { A = "\0" },
            },
            ["'A B' is no name for an environment variable"] = {
                argv = { "true" }, env = { ["A B"] = "" },
            },
            ["the directory 'etc' is not an absolute path"] = { argv = { "true" }, cwd = "etc" },
        } do
            local what <const> = raised(guest.run, bus, options)
            assert.is_true(fault.is(what, "EUSAGE"), tostring(what))
            assert.equal(message, what.message)
        end
    end)

    it("runs many commands at once over one connection", function()
        local commands <const> = {}
        for i = 1, 30 do
            commands[i] = function()
                return guest.run(bus, { argv = { "sh", "-c", "exit " .. i } }).code
            end
        end
        for i, code in ipairs { task.all(table.unpack(commands)) } do
            assert.equal(i, code)
        end
    end)

    it("sends signals to all processes of a command", function()
        local ready <const>, write_end <const> = core.stream.pipe()
        local command <const> = guest.start(bus, {
            argv = {
                "sh", "-c", "trap : TERM; (echo; exec sleep 100) & wait $!; wait $!; exit 7",
            },
            stdout = write_end,
        })
        write_end:close()
        assert.is_true(core.poll.wait({ { ready, "r" } }, 10)[1])
        ready:close()
        assert.is_true(command:kill "TERM")
        assert.same({ code = 7 }, command:wait())
        assert.is_false(command:kill "TERM")
    end)

    it("gives a command a terminal", function()
        local master <const>, path <const> = machines:open_pty(container.name)
        local guard <close> = master
        local command <const> = guest.start(bus, {
            argv = { "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo x > /dev/tty; tty" },
            tty_path = path,
        })
        assert.same({ code = 0 }, command:wait())
        -- A newer systemd first asks the terminal what it is.
        local text <const> = assert(task.await(core.stream.reader(master)))
        assert.truthy(text:find("x\r\n" .. path .. "\r\n", 1, true))
    end)

    it("leaves no unit behind", function()
        run { argv = { "false" } }
        pcall(run, { argv = { "/no/such/program" } })
        local manager <const> = systemd.manager(bus)
        local units
        for _ = 1, 100 do
            units = manager:list_units "sdme-*.service"
            if #units == 0 then
                break
            end
            task.sleep(0.02)
        end
        assert.same({}, units)
    end)

    it("fails, and does not hang, when the container is killed meanwhile", function()
        local victim <const> = plain_guest.start "spec-victim"
        finally(victim.stop)
        local own <close> = assert(core.bus.open_machine(victim.name))
        local command <const> = guest.start(own, { argv = { "sleep", "100" } })
        assert.equal("done", command.job:wait())
        victim.kill()
        local what <const> = raised(command.wait, command)
        assert.is_true(fault.is(what, "ECONNRESET"), tostring(what))
    end)

    it("tells how a command ends when the container is shut down meanwhile", function()
        local victim <const> = plain_guest.start "spec-victim"
        finally(victim.stop)
        local own <close> = assert(core.bus.open_machine(victim.name))
        local command <const> = guest.start(own, { argv = { "sleep", "100" } })
        assert.equal("done", command.job:wait())
        machines:kill(victim.name, "leader", "RTMIN+4")
        local ok <const>, what <const> = pcall(command.wait, command)
        assert.is_true(ok and what.signal == 15 or fault.is(what, "ECONNRESET"), tostring(what))
    end)
end)
