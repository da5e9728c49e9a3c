-- Commands and sessions in a running container.

local core <const> = require "sdme.core"
local scratch <const> = require "spec.support.scratch"
local sdme <const> = require "spec.support.sdme"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"
local terminal <const> = require "spec.support.terminal"

describe("exec", function()
    setup(function()
        sdme.ok("create", "--name", "web", "--started")
    end)
    teardown(sdme.clean)
    after_each(scratch.clean)

    local function exec(...)
        return sdme.run("exec", "web", ...)
    end

    it("ends with the command's own status", function()
        assert.equal(0, exec("true").status)
        assert.equal(1, exec("false").status)
        assert.equal(203, exec("sh", "-c", "exit 203").status)
        assert.equal(143, exec("sh", "-c", "kill -TERM $$").status)
        assert.equal(137, exec("sh", "-c", "kill -KILL $$").status)
    end)

    it("keeps stdout and stderr apart, and adds nothing to them", function()
        local result <const> = exec("sh", "-c", "echo out; echo err >&2")
        assert.same({ status = 0, out = "out\n", err = "err\n" }, result)
    end)

    it("carries any bytes through pipes", function()
        shell.run "head -c 3000000 /dev/urandom >/var/tmp/sdme-bytes"
        local result <const> = sdme.pipe("cat /var/tmp/sdme-bytes |", "exec", "web", "cat")
        local file <close> = assert(io.open("/var/tmp/sdme-bytes", "rb"))
        assert.is_true(result.out == file:read "a")
        shell.run "rm /var/tmp/sdme-bytes"
    end)

    it("takes words as they are, options of the command's own included", function()
        assert.equal("-n $HOME %n a  b\n", exec("printf", "%s\\n", "-n $HOME %n a  b").out)
        assert.equal("-l\n", exec("--", "sh", "-c", "echo $1", "sh", "-l").out)
    end)

    it("runs as the user, in the directory and with the environment that it is told", function()
        assert.equal("nobody\n", exec("--user", "nobody", "id", "-un").out)
        assert.equal("/usr\n", exec("--cwd", "/usr", "pwd").out)
        assert.equal("a b\n", exec("--env", "X=a b", "printenv", "X").out)
        assert.equal("/root\n", exec("printenv", "HOME").out)
    end)

    it("says what it can't run: 127 not found, 126 not executable", function()
        local missing <const> = exec "no-such-command"
        assert.same({ 127, "sdme: no-such-command: not found\n" }, { missing.status, missing.err })
        local plain <const> = exec "/etc/hostname"
        assert.same({ 126, "sdme: /etc/hostname: it has no permission to be executed\n" },
            { plain.status, plain.err })
        local nowhere <const> = exec("--cwd", "/no/such", "true")
        assert.matches("^sdme: true: can't enter the directory '/no/such'\n", nowhere.err)
        local nobody <const> = exec("--user", "no-such-user", "true")
        assert.matches("no%-such%-user", nobody.err)
        assert.is_true(nobody.status ~= 0)
    end)

    it("passes an interruption on to the command", function()
        local process <close> = sdme.spawn("exec", "web", "sh", "-c",
            "trap 'exit 7' INT; sleep 60 & wait")
        core.poll.wait({}, 0.7)
        process:kill "INT"
        assert.same({ code = 7 }, task.await(process:wait()))
    end)

    it("gives a terminal to a command that wants one", function()
        local result <const> = shell.run("SDME_DATADIR=%s script -qec %s /dev/null </dev/null",
            sdme.datadir(), sdme.program .. " exec -t web tty")
        assert.matches("/dev/pts/%d+", result)
    end)

    it("gives no terminal of the host to a guest", function()
        local result <const> = shell.run("SDME_DATADIR=%s script -qec %s /dev/null </dev/null",
            sdme.datadir(), sdme.program .. " exec web sh -c 'ls -l /proc/self/fd'")
        assert.not_matches("/dev/pts", result)
        assert.matches("pipe:", result)
    end)

    it("leaves no units behind", function()
        exec "true"
        exec "no-such-command"
        assert.equal("", shell.run "systemctl -M web list-units --all --no-legend 'sdme-*'")
    end)

    it("needs a running container", function()
        sdme.ok("create", "--name", "idle")
        local result <const> = sdme.run("exec", "idle", "true")
        assert.equal(1, result.status)
        assert.equal("sdme: idle is not running\nhint: sdme start idle\n", result.err)
    end)
end)

describe("join", function()
    setup(function()
        shell.run "id sdme-user 2>/dev/null || useradd -m -s /bin/sh sdme-user"
        sdme.ok("create", "--name", "web", "--started")
    end)
    teardown(function()
        sdme.clean()
        shell.run "userdel -r sdme-user 2>/dev/null || true"
    end)
    after_each(scratch.clean)

    local PROMPT <const> = "[#$] $"

    -- `sdme join web ...` on a terminal, typing each line when there is a prompt.
    local function talk(lines, ...)
        local dialogue <const> = {}
        for i, line in ipairs(lines) do
            dialogue[i] = { PROMPT, line }
        end
        local env <const> = {
            SDME_DATADIR = sdme.datadir(), PATH = os.getenv "PATH", TERM = "dumb",
        }
        return terminal.talk({ sdme.program, "join", "web", ... }, env, dialogue)
    end

    it("opens a login shell of root on a terminal", function()
        local said, ended = talk { "tty; pwd; echo login=$0\n", "exit 4\n" }
        assert.matches("\n/dev/pts/%d+\n", said)
        assert.matches("\n/root\n", said)
        assert.matches("login=%S*sh", said)
        assert.same({ code = 4 }, ended)
    end)

    it("opens the session of a user of the guest", function()
        local said <const> = talk({}, "--user", "sdme-user", "sh", "-c", "id -un; pwd")
        assert.equal("sdme-user\n/home/sdme-user\n", said)
    end)

    it("is of the user who called sudo, in a clone of the host", function()
        local result <const> = sdme.pipe("SUDO_USER=sdme-user", "join", "web", "id", "-un")
        assert.equal("sdme-user\n", result.out)
        local root <const> = sdme.pipe("SUDO_USER=sdme-user", "join", "web", "--user", "root",
            "id", "-un")
        assert.equal("root\n", root.out)
    end)

    it("ends with the status of its command", function()
        assert.equal(9, sdme.run("join", "web", "sh", "-c", "exit 9").status)
    end)

    it("is left by ^] three times", function()
        local _, ended = talk { "sleep 1000\n\29\29\29" }
        assert.same({ code = 0 }, ended)
    end)

    it("is a session that logind knows", function()
        local said <const> = talk { "loginctl --no-pager --no-legend list-sessions\n", "exit\n" }
        assert.matches("\n%s*%S+%s+0%s+root", said)
    end)

    it("starts the container if it is told to", function()
        sdme.ok("create", "--name", "idle")
        assert.equal(1, sdme.run("join", "idle", "true").status)
        assert.equal(0, sdme.run("join", "idle", "--start", "true").status)
    end)
end)

describe("new", function()
    after_each(sdme.clean)

    it("makes a container, starts it and runs a command in it, whose status it has", function()
        local result <const> = sdme.run("new", "--name", "web", "--", "sh", "-c",
            "hostname; exit 5")
        assert.equal(5, result.status)
        assert.equal("web\n", result.out)
        assert.matches("^web is up after", result.err)
        assert.matches("web%s+running", sdme.ok "ps")
    end)

    it("leaves nothing of an ephemeral one", function()
        assert.equal(3, sdme.run("new", "--ephemeral", "--", "sh", "-c", "exit 3").status)
        assert.equal("", sdme.traces())
    end)
end)

describe("logs", function()
    after_each(sdme.clean)

    it("are the guest's journal while it runs", function()
        sdme.ok("create", "--name", "web", "--started")
        sdme.ok("exec", "web", "sh", "-c", "echo a word from the guest | systemd-cat -t spec")
        assert.matches("spec%[%d+%]: a word from the guest", sdme.ok("logs", "web"))
        assert.equal("a word from the guest", sdme.ok("logs", "web", "-t", "spec", "-o", "cat"))
        assert.matches("^[^\n]+$", sdme.ok("logs", "web", "-n", "1"))
    end)

    it("follow a container that is about to start, until they are interrupted", function()
        sdme.ok("create", "--name", "web")
        local process <close> = sdme.spawn("logs", "web", "--follow", "--lines", "100")
        local output <const> = io.open(("/proc/self/fd/%d"):format(process:stdout():fileno()))
        sdme.ok("start", "web")
        local found
        for line in output:lines() do
            found = line:find "Welcome to"
            if found then
                break
            end
        end
        assert.is_truthy(found)
        process:kill "INT"
        assert.same({ code = 130 }, task.await(process:wait()))
    end)

    it("are what the last run left in the host's journal, when it doesn't run", function()
        sdme.ok("create", "--name", "web", "--started")
        sdme.ok("stop", "web")
        assert.matches("Welcome to", sdme.ok("logs", "web"))
        assert.matches("^[^\n]+$", sdme.ok("logs", "web", "-n", "1"))
    end)
end)
