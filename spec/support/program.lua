-- Runs programs through core.process, as the specs of processes and terminals need them.

local core <const> = require "sdme.core"
local shell <const> = require "spec.support.shell"
local task <const> = require "sdme.task"

local M <const> = {}

---Runs a program to its end.
---@param options table of process.spawn; stdout is a pipe unless it says otherwise
---@return string? output, table result
function M.run(options)
    options.stdout = options.stdout or "pipe"
    local child <close> = assert(core.process.spawn(options))
    local output <const> = child:stdout() and assert(task.await(core.stream.reader(child:stdout())))
    return output, assert(task.await(child:wait()))
end

---Runs a line of /bin/sh to its end.
---@param line string
---@param options table? of process.spawn
---@return string? output, table result
function M.shell(line, options)
    options = options or {}
    options.argv = { "/bin/sh", "-c", line }
    return M.run(options)
end

---A file with a Lua program, which has `core` and `task`, and the command line that runs it in an
---interpreter like this one.
---@param program string
---@return string command, string path
function M.lua_command(program)
    local path <const> = os.tmpname()
    local file <const> = assert(io.open(path, "w"))
    file:write('local core = require "sdme.core"\nlocal task = require "sdme.task"\n', program)
    file:close()
    local interpreter <const> =
        M.shell(("readlink /proc/%d/exe"):format(core.process.identity().pid)):gsub("\n", "")
    local verb <const> = interpreter:match "/sdme$" and "run" or "--"
    return ("%s %s %s"):format(shell.quote(interpreter), verb, path), path
end

---Runs a Lua program in a process of its own.
---@param program string
---@param before string? what the shell does before it executes the interpreter
---@return string output, table result
function M.lua(program, before)
    local command <const>, path <const> = M.lua_command(program)
    local output <const>, result <const> = M.shell((before or "") .. " exec " .. command)
    os.remove(path)
    return output, result
end

return M
