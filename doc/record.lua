-- Records the README's tour as asciinema plays it (asciicast v2), on stdout: what is typed comes at
-- a human pace, and what is shown when it did.
-- usage, in a test host: sdme run doc/record.lua SDME

package.path = "./?.lua;" .. package.path

local core <const> = require "sdme.core"
local debian <const> = require "spec.support.debian"
local json <const> = require "sdme.json"
local page <const> = require "spec.support.page"
local registry <const> = require "spec.support.registry"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local SDME <const>, README <const> = arg[1], "README.md"
local DATADIR <const> = shell.run "mktemp -d /var/tmp/sdme-tour.XXXXXX"
local DIRECTORY <const> = scratch.directory()
local HERE <const> = shell.run "pwd"

-- Clones of this host have no compilers to try.
local LEFT_OUT <const> = { ["sdme run matrix.lua"] = true }

local COLUMNS <const>, ROWS <const> = 100, 30

-- Seconds: between two keys, before a command is typed, and what is waited for at most.
local KEY <const>, PAUSE <const>, IDLE <const> = 0.04, 0.8, 1.0

local recording <const> = { now = 0, events = {} }

local function wait(seconds)
    recording.now = recording.now + math.min(seconds, IDLE)
end

local function show(text)
    local event <const> = ('[%.3f, "o", %s]'):format(recording.now, json.encode(text))
    recording.events[#recording.events + 1] = event
end

local function type_line(line)
    for _, code in utf8.codes(line) do
        wait(KEY)
        show(utf8.char(code))
    end
    wait(KEY)
    show "\r\n"
end

local function read(path)
    local file <close> = assert(io.open(path, "rb"))
    return file:read "a"
end

-- What somebody types into the program itself, after what it shows: lines of Lua, or the end.
local function dialogue(step)
    local keys <const> = {}
    for _, line in ipairs(step.output) do
        local typed <const> = line:match "^>>? (.*)$"
        keys[#keys + 1] = typed and typed .. "\r" or line:find "^root@.*#$" and "exit\r" or nil
    end
    if step.command:find "repl" then
        keys[#keys + 1] = "\4"
    end
    return keys
end

-- Types into script(1) whenever it shows a prompt.
local function talk(process, keys)
    local shown <close> = assert(io.open("/proc/self/fd/" .. process:stdout():fileno(), "rb"))
    local seen = ""
    shown:setvbuf "no"
    for byte in function() return shown:read(1) end do
        seen = seen .. byte
        if #keys > 0 and (seen:find "> $" or seen:find "# $") then
            task.sleep(PAUSE)
            for key in table.remove(keys, 1):gmatch "." do
                assert(task.await(core.stream.writer(process:stdin(), key, { close = false })))
                task.sleep(KEY)
            end
            seen = ""
        end
    end
end

-- The output of a command with its times, from the two logs of script(1): "DELAY BYTES" a line.
local function add_output(log, timing)
    local output <const>, at = read(log):gsub("^[^\n]*\n", ""), 1
    local rest = ""
    for delay, size in read(timing):gmatch "(%S+) (%d+)\n" do
        wait(tonumber(delay))
        rest = rest .. output:sub(at, at + math.tointeger(tonumber(size)) - 1)
        at = at + math.tointeger(tonumber(size))
        -- A character may be cut in two.
        if utf8.len(rest) then
            show(rest)
            rest = ""
        end
    end
end

local function run(step)
    local log <const>, timing <const> = os.tmpname(), os.tmpname()
    local line <const> = ("stty cols %d rows %d; %s"):format(COLUMNS, ROWS, step.command)
    local keys <const> = dialogue(step)
    local process <close> = assert(core.process.spawn {
        argv = { "script", "-qec", line, "--log-out", log, "--log-timing", timing,
            "--logging-format", "classic" },
        env = { PATH = DIRECTORY .. ":" .. os.getenv "PATH", TERM = "xterm-256color",
            SHELL = "/bin/sh", HOME = DIRECTORY, SDME_DATADIR = DATADIR,
            LUA_PATH = ("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(HERE, HERE),
            LUA_CPATH = SDME:gsub("bin/sdme$", "lua/?.so;;") },
        cwd = DIRECTORY, stdin = "pipe", stdout = "pipe",
    })
    talk(process, keys)
    assert(task.await(process:wait()))
    add_output(log, timing)
    os.remove(log)
    os.remove(timing)
end

-- The files that the README names, and its registry.
local function prepare()
    shell.run("cp %s %s/debian.tar && ln -s %s %s/sdme", debian.path "debian.tar", DIRECTORY, SDME,
        DIRECTORY)
    page.write_scripts(README, DIRECTORY)
    registry.start({ port = 5000 }):push_images "nginx"
end

local function record()
    prepare()
    for _, step in ipairs(page.sessions(README)) do
        if not LEFT_OUT[step.command] then
            show "# "
            wait(PAUSE)
            type_line(step.command)
            run(step)
        end
    end
    show "# "
end

local ok <const>, why <const> = pcall(record)
shell.run("SDME_DATADIR=%s %s rm --all --force; rm -rf %s", DATADIR, SDME, DATADIR)
scratch.clean()
assert(ok, why)
print(('{"version": 2, "width": %d, "height": %d, "title": "The tour of sdme %s"}'):format(COLUMNS,
    ROWS, core.version))
print(table.concat(recording.events, "\n"))
