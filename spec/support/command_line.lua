-- Runs the command line in a process of its own, as lua5.4 does with the Lua floor of the tree.

local needs <const> = require "spec.support.needs"
local scratch <const> = require "spec.support.scratch"
local shell <const> = require "spec.support.shell"

local M <const> = {}

local PATH <const> = "lua/?.lua;lua/?/init.lua;;"
local CPATH <const> = (os.getenv "BUILD" or "build") .. "/lua/?.so;;"

local function read(path)
    local file <const> = assert(io.open(path, "rb"))
    local text <const> = file:read("a")
    file:close()
    return text
end

---@param words string[]
---@param options table? `before` and `after` are Lua around the call; of the shell, `through` is
---what runs the interpreter, `output` where its stdout goes, and `reader` what reads that
---@return { status: integer, stdout: string, stderr: string }
function M.run(words, options)
    options = options or {}
    local directory <const> = scratch.directory()
    local program <const> = assert(io.open(directory .. "/program.lua", "w"))
    program:write(options.before or "", "\nlocal status = require('sdme.cli').main(arg)\n",
        options.after or "", "\nos.exit(status, true)\n")
    program:close()
    shell.run("chmod 755 %s", directory)
    local line <const> = {
        "{ env LUA_PATH=" .. shell.quote(PATH), "LUA_CPATH=" .. shell.quote(CPATH),
        options.through or "", "lua5.4", directory .. "/program.lua",
    }
    for _, word in ipairs(words) do
        line[#line + 1] = shell.quote(word)
    end
    line[#line + 1] = ("</dev/null %s 2>%s/stderr; echo $? >%s/status; } | %s >%s/stdout"):format(
        options.output and ">" .. options.output or "", directory, directory,
        options.reader or "cat", directory)
    shell.run((table.concat(line, " "):gsub("%%", "%%%%")))
    return {
        status = math.tointeger(tonumber(read(directory .. "/status"))),
        stdout = read(directory .. "/stdout"), stderr = read(directory .. "/stderr"),
    }
end

---Skips the spec where lua5.4 has no runtime, as beside a sanitized build.
function M.needs_core()
    needs.that(shell.succeeds("LUA_CPATH=%s lua5.4 -e %s", CPATH, "require 'sdme.core'"),
        "a core.so that lua5.4 can load")
end

return M
