-- What a command finds that `isolate` runs.

local guest_root <const> = require "spec.support.guest_root"
local program <const> = require "spec.support.program"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local wait <const> = require "spec.support.wait"

local MIB <const> = 1024 * 1024

local IDS <const> = "-- sh -c 'id -u; id -g; id -G'"

describe("isolate", function()
    local root

    -- A skip can't come from before_each.
    local function isolate(arguments)
        root = root or guest_root.make()
        return guest_root.run(root, "isolate", arguments)
    end

    local function ids(user)
        local output <const>, status <const> = isolate(("--user %s %s"):format(user, IDS))
        assert.equal(0, status, output)
        return (output:gsub("\n", " "))
    end

    local function refusal(user)
        local output <const>, status <const> = isolate(("--user %s -- true"):format(user))
        assert.equal(125, status)
        return output
    end

    local function in_root(line)
        root = root or guest_root.make()
        shell.run("cd %s && " .. line, root)
    end

    after_each(function()
        scratch.clean()
        root = nil
    end)

    describe("takes on a user", function()
        it("by name, with all groups that list it", function()
            assert.equal("1000 1001 1001 1002 1003", ids "web")
        end)

        it("by number, with the groups of its entry", function()
            assert.equal("1000 1001 1001 1002 1003", ids "1000")
        end)

        it("that has no entry, with group 0", function()
            assert.equal("4242 0 0", ids "4242")
        end)

        it("with a group that is named, and no other", function()
            assert.equal("1000 1002 1002", ids "web:log")
            assert.equal("1000 77 77", ids "1000:77")
        end)

        it("who is 0 if there is only a group", function()
            assert.equal("0 1002 1002", ids ":log")
        end)

        it("who is 0 if nothing is said", function()
            assert.equal("0\n0\n0", isolate(IDS))
        end)

        it("by number where there are no files at all", function()
            in_root "rm -r etc"
            assert.equal("12 34 34", ids "12:34")
        end)

        it("of the largest number that there is", function()
            assert.equal("4294967294 4294967294 4294967294", ids "4294967294:4294967294")
        end)

        it("and a home, where the environment has none", function()
            assert.equal("/srv/web", (isolate "--user web -- sh -c 'echo $HOME'"))
            assert.equal("/", (isolate "--user 4242 -- sh -c 'echo $HOME'"))
        end)
    end)

    it("leaves out its own group where it lists the others", function()
        assert.equal("Groups:\t1002 1003 ",
            (isolate "--user web -- grep ^Groups /proc/self/status"))
    end)

    describe("refuses", function()
        it("a name that is in no file", function()
            assert.equal("isolate: user 'nobody': not in /etc/passwd", refusal "nobody")
            assert.equal("isolate: user 'web:nogroup': its group is not in /etc/group",
                refusal "web:nogroup")
        end)

        for _, id in ipairs { "4294967295", "4294967296", "18446744073709551616",
            "99999999999999999999999999", "0:4294967295", "web:4294967296" } do
            it("an id that no user can have: " .. id, function()
                assert.equal(
                    ("isolate: user '%s': expected ids from 0 to 4294967294"):format(id),
                    refusal(id))
            end)
        end

        it("an entry with such an id", function()
            for _, entry in ipairs { "big:x:4294967296:0:::", "big:x:1:4294967295:::",
                "big:x:-1:0:::", "big:x::0:::", "big:x:0x0:0:::" } do
                root = root or guest_root.make()
                guest_root.write(root, "etc/passwd", entry .. "\n")
                assert.matches("^isolate: user 'big': its entry in /etc/passwd: expected ids ",
                    refusal "big")
            end
        end)

        it("what is neither a user nor a user and a group", function()
            assert.equal("isolate: user 'a:b:c': expected USER or USER:GROUP", refusal "a:b:c")
        end)

        it("files of users that are links, devices, pipes or directories", function()
            for _, make in ipairs { "ln -s /root/passwd %s", "mkfifo %s", "mkdir %s",
                "mknod %s c 1 5" } do
                for _, path in ipairs { "etc/passwd", "etc/group" } do
                    in_root(("mv %s kept && "):format(path) .. make:format(path))
                    assert.equal(("isolate: /%s: expected a regular file"):format(path),
                        refusal "web")
                    in_root(("rm -r %s && mv kept %s"):format(path, path))
                end
            end
        end)

        it("files of users that are too large", function()
            root = guest_root.make()
            guest_root.write(root, "etc/passwd", ("#"):rep(MIB) .. "\n")
            assert.equal("isolate: /etc/passwd: expected at most 1 MiB", refusal "1")
        end)

        it("a directory that isn't there", function()
            local output <const>, status <const> = isolate "--cwd /nowhere -- true"
            assert.equal("isolate: cwd '/nowhere': no such file or directory", output)
            assert.equal(125, status)
        end)

        it("to work without a command", function()
            assert.equal("isolate: there is no command to run", (isolate "--user web"))
            assert.equal("isolate: unknown option --usr", (isolate "--usr web -- true"))
            assert.equal("isolate: --user needs a value", (isolate "--user"))
        end)

        it("with one line, whatever is in a name", function()
            assert.equal([[isolate: user 'a\x0ab\xff': not in /etc/passwd]],
                refusal "\"$(printf 'a\\nb\\377')\"")
        end)
    end)

    describe("ends with the status", function()
        it("of the command", function()
            local _, status <const> = isolate "-- sh -c 'exit 42'"
            assert.equal(42, status)
        end)

        it("even for who ignores what becomes of children", function()
            assert.equal("42", shell.run("env --ignore-signal=CHLD %s -- sh -c 'exit 42'; echo $?",
                guest_root.program "isolate"))
        end)

        it("of a shell for a command that was killed", function()
            local _, status <const> = isolate "-- sh -c 'kill -KILL $$'"
            assert.equal(128 + 9, status)
        end)

        it("127 for one that isn't there, 126 for one that can't be executed", function()
            local output, status = isolate "-- nothing-like-it"
            assert.equal(127, status)
            assert.matches("^isolate: nothing%-like%-it: not found in /", output)
            output, status = isolate "-- /etc/passwd"
            assert.equal(126, status)
            assert.equal("isolate: /etc/passwd: permission denied", output)
            in_root "printf '#!/no/shell\\n' >tmp/script && chmod 755 tmp/script"
            output, status = isolate "-- /tmp/script"
            assert.equal(126, status)
            assert.equal("isolate: /tmp/script: its interpreter is missing", output)
        end)
    end)

    describe("gives a command", function()
        it("a PID namespace with an init, and a /proc of it", function()
            assert.equal("2 1 1 2", (isolate
                [[-- sh -c 'echo $$ $PPID $(cd /proc && ls -d [0-9]* | head -2)']]))
        end)

        it("an IPC namespace and shared memory of its own", function()
            root = guest_root.make()
            local here <const> = shell.run "readlink /proc/self/ns/ipc"
            local output <const> = isolate "-- sh -c 'readlink /proc/self/ns/ipc; ls /dev/shm'"
            assert.matches("^ipc:%[%d+%]$", output)
            assert.not_equal(here, output)
        end)

        it("no way to administer the system, even as root", function()
            assert.equal("0\n1", (isolate [[-- sh -c '
                grep -c "Cap.*:.*[2367abef].....$" /proc/self/status | sed s/[1-9]/0/
                mount -t tmpfs none /tmp 2>/dev/null || echo 1']]))
        end)

        it("only the capabilities that it may keep", function()
            assert.equal("CapInh:\t0000000000000000\nCapPrm:\t0000000000000021\n"
                .. "CapEff:\t0000000000000021\nCapBnd:\t0000000000000021\n"
                .. "CapAmb:\t0000000000000000", (isolate
                "--keep-capabilities CAP_CHOWN,CAP_KILL -- grep ^Cap /proc/self/status"))
            assert.equal("CapEff:\t0000000000000000", (isolate
                "--user web --keep-capabilities CAP_CHOWN -- grep ^CapEff /proc/self/status"))
            assert.matches("^isolate: capabilities 'CAP_CHOWM': expected names like ", (isolate
                "--keep-capabilities CAP_CHOWM -- true"))
        end)

        it("an init that it can't take more from, but to send signals", function()
            assert.equal("CapPrm:\t0000000000000021", (isolate
                "--keep-capabilities CAP_CHOWN -- grep ^CapPrm /proc/1/status"))
        end)

        it("no means to gain privileges, if asked to", function()
            assert.equal("NoNewPrivs:\t1",
                (isolate "--no-new-privileges -- grep ^NoNewPrivs /proc/self/status"))
            assert.equal("NoNewPrivs:\t0", (isolate "-- grep ^NoNewPrivs /proc/self/status"))
        end)

        it("what the kernel says of the machine to read at most", function()
            assert.equal("read-only", (isolate [[-- sh -c '
                for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern \
                    /proc/sys/kernel/modprobe /proc/irq/default_smp_affinity \
                    /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do
                    [ ! -e $file ] || [ ! -w $file ] || echo $file
                done
                [ ! -s /proc/keys ] && [ -z "$(cat /proc/kmsg)" ] && echo read-only']]))
        end)

        it("no descriptors but the standard ones", function()
            assert.equal("0 1 2 3", (isolate [[-- sh -c 'echo $(ls /proc/self/fd)' 7</dev/null]]))
        end)

        it("signals as a program expects them", function()
            assert.equal("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000",
                (isolate "-- grep -E '^Sig(Blk|Ign)' /proc/self/status"))
        end)

        it("the directory that it wants", function()
            assert.equal("/usr/bin", (isolate "--cwd /usr/bin -- pwd"))
            assert.equal("/", (isolate "-- pwd"))
        end)
    end)

    it("reaps what others leave, and kills it at the end", function()
        local output <const>, status <const> = isolate [[-- sh -c '
            (true & exec sleep 0.05) & (sleep 1000 &) ; (sleep 0.01 &) ; sleep 0.2
            grep -l "^State:.Z" /proc/[0-9]*/status; exit 3']]
        assert.equal("", output)
        assert.equal(3, status)
    end)

    for _, signal in ipairs { "TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "CONT",
        "RTMIN+3" } do
        it("passes on " .. signal, function()
            root = guest_root.make()
            local output <const>, result <const> = program.shell(([[{ %s
                } >%s/output & child=$!
                until grep -qs ready %s/output; do sleep 0.01; done
                kill -%s $child; wait $child]]):format(guest_root.line(root, "isolate",
                ([[-- bash -c "trap \"exit 33\" %s; echo ready; while :; do sleep 0.01; done"]])
                    :format(signal)), root, root, signal))
            assert.equal(33, result.code, output)
        end)
    end

    it("ends with all that it runs when it is killed", function()
        root = guest_root.make()
        local output <const> = program.shell(([[exec 2>/dev/null; { %s
            } >%s/output & child=$!
            until grep -qs ready %s/output; do sleep 0.01; done
            kill -KILL $child; wait $child; echo $?]]):format(guest_root.line(root, "isolate",
            [[-- sh -c "echo ready; exec sleep 98765"]]), root, root))
        assert.matches("137\n$", output)
        wait.until_equal(false, function() return shell.succeeds "pgrep -f '^sleep 98765'" end)
    end)
end)
