-- What a command finds that `devfd` runs, whose output is sockets, as that of a service is.

local guest_root <const> = require "spec.support.guest_root"
local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local MIB <const> = 1024 * 1024

describe("devfd", function()
    after_each(scratch.clean)

    -- The script's standard streams are one socket; `$devfd` is the program.
    local function on_socket(script, reader)
        local path <const> = guest_root.program "devfd"
        needs.program "socat"
        local file <const> = scratch.directory() .. "/script"
        shell.run("printf '#!/bin/sh\ndevfd=%%s\n%%s\ntrue\n' %s %s >%s && chmod 755 %s", path,
            script, file, file)
        return shell.run("socat -u EXEC:%s,stderr STDOUT | " .. (reader or "cat"), file)
    end

    it("lets the command open /dev/stdout and /dev/stderr, in order", function()
        assert.equal("one\ntwo\nthree\nstatus 0", on_socket [[
            $devfd -- sh -c 'echo one >/dev/stdout; echo two >/dev/stderr; echo three'
            echo status $?]])
    end)

    it("is needed for that", function()
        assert.matches("No such device or address", on_socket "echo one >/dev/stdout")
    end)

    it("lets another user open them", function()
        assert.equal("one", on_socket [[
            $devfd --owner nobody -- setpriv --reuid nobody --clear-groups sh -c \
                'echo one >/dev/stdout']])
        assert.matches("Permission denied", on_socket [[
            $devfd -- setpriv --reuid nobody --clear-groups sh -c 'echo one >/dev/stdout']])
    end)

    it("refuses an owner that there isn't", function()
        assert.equal("devfd: user 'no-such': not in /etc/passwd\n125", on_socket [[
            $devfd --owner no-such -- echo one; echo $?]])
    end)

    it("leaves alone what is no socket", function()
        local directory <const> = scratch.directory()
        shell.run("%s -- sh -c 'readlink /proc/self/fd/1' >%s", guest_root.program "devfd",
            directory .. "/output")
        assert.equal(directory .. "/output", shell.run("cat %s", directory .. "/output"))
        assert.matches("^[^\n]*/errors\npipe:%[%d+%]$", on_socket(([[
            $devfd -- sh -c 'readlink /proc/self/fd/2; readlink /proc/self/fd/1' 2>%s/errors]])
            :format(directory)))
    end)

    it("loses nothing of a burst that a slow reader takes", function()
        assert.equal(tostring(64 * MIB), on_socket("$devfd -- head -c 64M /dev/zero",
            "(sleep 0.2; cat) | wc -c"))
    end)

    -- Some of these are more than the socket holds, and less than that and the pipe do.
    it("loses nothing of what was written last", function()
        for size = 192, 448, 64 do
            assert.equal(tostring(size * 1024),
                on_socket(("$devfd -- head -c %dK /dev/zero"):format(size),
                    "(sleep 0.1; cat) | wc -c"))
        end
    end)

    it("doesn't wait for what the command leaves running", function()
        assert.equal("one\nstatus 3", on_socket [[
            $devfd -- sh -c 'sleep 1000 & echo $! >&3; echo one; exit 3' 3>"$0.pid"
            echo status $?
            kill $(cat "$0.pid")]])
    end)

    it("lets the command end though nobody listens", function()
        local directory <const> = scratch.directory()
        on_socket(([[$devfd -- sh -c 'trap "" PIPE; sleep 0.1
            head -c 1M /dev/zero; echo $? >%s/status']]):format(directory), "head -c 0")
        assert.equal("0", shell.run(
            "for i in $(seq 200); do [ -s %s ] && break; sleep 0.05; done; cat %s",
            directory .. "/status", directory .. "/status"))
    end)

    it("ends with the status of the command", function()
        assert.equal("42 143 127", on_socket [[
            $devfd -- sh -c 'exit 42'; a=$?
            $devfd -- sh -c 'kill -TERM $$'; b=$?
            $devfd -- no-such-thing 2>/dev/null; echo $a $b $?]])
    end)

    it("passes signals on", function()
        assert.equal("told\n7", on_socket [[
            mkfifo "$0.ready"
            $devfd -- sh -c 'trap "echo told; exit 7" USR1; echo >"$0"; while :; do
                sleep 0.01; done' "$0.ready" &
            read _ <"$0.ready"; kill -USR1 $!; wait $!; echo $?]])
    end)

    it("leaves standard input to the command", function()
        assert.equal("typed", on_socket "echo typed | $devfd -- cat")
    end)

    it("gives the command no descriptors of its own", function()
        assert.equal("same", on_socket [[
            list='ls /proc/self/fd'
            [ "$($devfd -- $list)" = "$($list)" ] && echo same]])
    end)
end)
