-- A person at a terminal: sees what a program shows there, and types.

local core <const> = require "sdme.core"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local M <const> = {}

-- Seconds after which whatever was waited for isn't coming.
local PATIENCE <const> = 60

-- Reads until `pattern` is shown, or to the end without one.
local function read_until(file, pattern)
    local deadline <const> = core.poll.now() + PATIENCE
    local seen = ""
    while not (pattern and seen:find(pattern)) do
        local left <const> = deadline - core.poll.now()
        if left <= 0 or not next(assert(core.poll.wait({ { file, "r" } }, left))) then
            error(("'%s' was not shown, but: %s"):format(pattern, seen), 0)
        end
        local byte <const> = file:read(1)
        if not byte then
            return seen
        end
        seen = seen .. byte:gsub("\r", "")
    end
    return seen
end

---Runs a program on a terminal, that of script(1). Each of `dialogue` is a pattern to wait for and
---what to type then.
---@param argv string[]
---@param env table<string, string>
---@param dialogue { [1]: string, [2]: string }[]
---@return string shown all of it
---@return { code: integer?, signal: integer? }
function M.talk(argv, env, dialogue)
    local words <const> = {}
    for i, word in ipairs(argv) do
        words[i] = shell.quote(word)
    end
    local process <close> = assert(core.process.spawn {
        argv = { "script", "-qec", "exec " .. table.concat(words, " "), "/dev/null" }, env = env,
        stdin = "pipe", stdout = "pipe",
    })
    local file <close> = assert(io.open("/proc/self/fd/" .. process:stdout():fileno(), "rb"))
    file:setvbuf "no"
    local shown = ""
    for _, turn in ipairs(dialogue) do
        shown = shown .. read_until(file, turn[1])
        assert(task.await(core.stream.writer(process:stdin(), turn[2], { close = false })))
    end
    shown = shown .. read_until(file)
    return shown, task.await(process:wait())
end

return M
