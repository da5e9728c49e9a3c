local core <const> = require "sdme.core"
local needs <const> = require "spec.support.needs"
local program <const> = require "spec.support.program"
local task <const> = require "sdme.task"
local terminal <const> = require "spec.support.terminal"

local line_editor <const> = core.line_editor

describe("a line editor", function()
    local master, slave

    before_each(function()
        master, slave = assert(core.pty.open())
    end)

    after_each(function()
        master:close()
        slave:close()
    end)

    local function open(options)
        options = options or {}
        options.input, options.output = slave, slave
        return assert(line_editor.open(options))
    end

    local function type_keys(keys)
        assert(task.await(core.stream.writer(master, keys, { close = false })))
    end

    it("reads lines, without their ends", function()
        local editor <close> = open()
        type_keys "one line\rand another\r"
        assert.equal("one line", editor:read "> ")
        assert.equal("and another", editor:read "> ")
    end)

    it("reads an empty line", function()
        local editor <close> = open()
        type_keys "\r"
        assert.equal("", editor:read "> ")
    end)

    it("reads characters of UTF-8, and drops bytes that are none", function()
        local editor <close> = open()
        type_keys "h\xc3\xa9\xff\xe2\x82\xac\xc3z\r"
        assert.equal("hé€", (editor:read("> "):gsub("z$", "")))
    end)

    it("ends with its terminal", function()
        local editor <close> = open()
        master:close()
        local line <const>, message <const>, code <const> = editor:read "> "
        assert.is_nil(line)
        assert.is_true(code == nil or code == "EIO", message)
    end)

    it("leaves the terminal as it was", function()
        local function current()
            return (program.shell("stty -a", { stdin = slave }))
        end
        local before <const> = current()
        local editor <const> = open()
        type_keys "x\r"
        editor:read "> "
        assert.equal(before, current())
        editor:close()
        assert.equal(before, current())
    end)

    it("takes a history again and again", function()
        local editor <close> = open()
        local lines <const> = {}
        for i = 1, 1000 do
            lines[i] = "line " .. i
        end
        for _ = 1, 3 do
            assert.is_true(editor:set_history(lines))
        end
        assert.is_true(editor:set_history {})
        assert.has_error(function() editor:set_history { 1 } end)
        assert.has_error(function() editor:set_history "x" end)
    end)

    it("is only for terminals", function()
        local null <close> = assert(io.open("/dev/null", "r+"))
        local editor <const>, message <const>, code <const> =
            line_editor.open { input = null, output = null }
        assert.is_nil(editor)
        assert.equal("edit lines: Inappropriate ioctl for device", message)
        assert.equal("ENOTTY", code)
        assert.equal("ENOTTY", (select(3, line_editor.open { input = slave, output = null })))
    end)

    it("refuses what is no use of it", function()
        assert.has_error(function() line_editor.open { unknown = 1 } end,
            "unknown option 'unknown'")
        assert.has_error(function() line_editor.open { complete = 1 } end,
            "option 'complete': function expected, got number")
        local editor <const> = open()
        assert.has_error(function() editor:read "a\0b" end)
        assert.has_error(function() editor:read() end)
        editor:close()
        editor:close()
        assert.has_error(function() editor:read "> " end)
        assert.has_error(function() editor:set_history {} end)
        assert.matches("^sdme.line_editor: ", tostring(editor))
    end)

    it("leaves no descriptor behind", function()
        local count <const> = ("ls /proc/%d/fd | wc -l"):format(core.process.identity().pid)
        open():close()
        local before <const> = program.shell(count)
        for _ = 1, 20 do
            open():close()
        end
        assert.equal(before, (program.shell(count)))
    end)
end)

-- Prints what it reads, in quotes.
local ECHO <const> = [[
    local editor <close> = assert(core.line_editor.open {
        complete = function(before)
            if before == "raise" then
                error "no"
            elseif before == "nest" then
                return nil, tostring(pcall(SELF.read, SELF, "> "))
            elseif before == "many" then
                return nil, "the one\nthe other"
            end
            return 7, {}
        end,
    })
    SELF = editor
    editor:set_history { "first", "second\nof two lines" }
    while true do
        local line, message, code = editor:read "> "
        if not line then
            print(code or "end")
            break
        end
        print(("%q"):format(line))
    end]]

describe("the keys of a line editor", function()
    local command, path

    before_each(function()
        needs.program "script"
        command, path = program.lua_command(ECHO)
    end)

    after_each(function()
        os.remove(path)
    end)

    local function talk(dialogue)
        return (terminal.talk({ "sh", "-c", "exec " .. command }, {
            TERM = "xterm", PATH = os.getenv "PATH", HOME = "/nowhere",
            LUA_PATH = package.path, LUA_CPATH = package.cpath,
        }, dialogue))
    end

    it("bring earlier lines back, however many lines those have", function()
        local shown <const> = talk {
            { "> $", "\27[A\r" }, { "\n\"second\\\nof two lines\"\n> $", "\16\16\r" },
            { "\n\"first\"\n> $", "\4" },
        }
        assert.matches("end\n$", shown)
    end)

    it("move and delete", function()
        talk {
            { "> $", "bcx\127\1a\5d\r" }, { "\n\"abcd\"\n> $", "one two\23\r" },
            { "\n\"one \"\n> $", "xay\27[D\27[D\27[3~\r" }, { "\n\"xy\"\n> $", "\4" },
        }
    end)

    it("search what was typed before", function()
        talk { { "> $", "\18fir\27\r" }, { "\n\"first\"\n> $", "\4" } }
    end)

    it("drop the line at Ctrl-C", function()
        assert.matches("> x%^C\nEINTR\n$", (talk { { "> $", "x\3" } }))
    end)

    it("show what there is to choose from, and then the line again", function()
        talk { { "> $", "many\t" }, { "\nthe one\nthe other\n.*> .*many", "\r" },
            { "\n\"many\"\n> $", "\4" } }
    end)

    it("stand a completion that fails, or gives what it shouldn't", function()
        talk {
            { "> $", "raise\t\r" }, { "\n\"raise\"\n> $", "other\t\r" },
            { "\n\"other\"\n> $", "nest\t" }, { "\nfalse\n.*nest", "\r" },
            { "\n\"nest\"\n> $", "\4" },
        }
    end)

    it("stop the program at Ctrl-Z, and go on with the line then", function()
        command = ("bash -ic %s"):format(("'exec 2>/dev/null; set -m; %s; echo stopped; fg'")
            :format(command:gsub("'", "")))
        talk { { "> $", "abc\26" }, { "stopped\n", "d\r" }, { "\n\"abcd\"\n> $", "\4" } }
    end)
end)
