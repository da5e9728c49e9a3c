-- Runs commands, so that a spec sees the world with other eyes than ours.

local M <const> = {}

---One word for the shell, whatever bytes it has (but NUL).
---@param word string
---@return string
function M.quote(word)
    return "'" .. word:gsub("'", "'\\''") .. "'"
end

---Runs a command line of `/bin/sh`; each `%s` in it takes one quoted argument.
---@param format string
---@return string output without the newline at its end; a failure raises it, stderr included
function M.run(format, ...)
    local words <const> = table.pack(...)
    for i = 1, words.n do
        words[i] = M.quote(words[i])
    end
    local line <const> = format:format(table.unpack(words, 1, words.n))
    local pipe <const> = assert(io.popen("{ " .. line .. "\n} 2>&1", "r"))
    local output <const> = pipe:read("a"):gsub("\n$", "")
    if not pipe:close() then
        error(line .. ": " .. output, 2)
    end
    return output
end

---@param format string as `run` takes it
---@return boolean
function M.succeeds(format, ...)
    return (pcall(M.run, format, ...))
end

---Runs a Lua program in a process of its own, with the interpreter that the specs run under.
---@param program string
---@param before string|nil commands for the shell that runs it
---@return string output as `run` gives it
function M.lua(program, before)
    local path <const> = os.tmpname()
    local handle <const> = assert(io.open(path, "w"))
    handle:write(program)
    handle:close()
    local interpreter <const> = M.run("readlink /proc/%s/exe", M.run("echo $PPID"))
    local verb <const> = interpreter:match("/sdme$") and "run" or "--"
    local ok <const>, output <const> = pcall(M.run, (before or "") .. " %s %s %s", interpreter,
        verb, path)
    os.remove(path)
    return ok and output or error(output, 2)
end

return M
